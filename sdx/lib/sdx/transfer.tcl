# SPDX-License-Identifier: MIT
#
# transfer.tcl: doing what a plan (plan.tcl) says, to an archive or to a directory.
#
# Rules:
# 1. An archive gets all of a plan in one transaction: whatever happens, it is as it was or as it should be. A directory
#    gets each file in one step, and nothing before all of them are there (merge.tcl).
# 2. What is done in a directory changes its time, so each directory above a change gets its attributes again.

::sdx::Load entries
::sdx::Load index
::sdx::Load kit
::sdx::Load merge
::sdx::Load plan
::sdx::Load progress

namespace eval ::sdx::transfer {
    # Rows of options.tcl.
    variable options {
	{{-checksum -c} {} {} {compare the contents of all files; else those of the same size and time count as the same}}
	{{-n -dry-run -show} ?0|1? flag {change nothing, print what would be changed}}
	{{-verbose} ?0|1? flag {print what is changed, one line each: its name, what is done and why}}
	{{-quiet} {} {} {print nothing when all goes well}}
	{{-json} {} {} {print the result as JSON}}
    }
}

# ::sdx::transfer::ToArchive --
#
#	Changes an archive.
#
# Arguments:
#	directory -	In the archive: the names of the plan are seen from there.
#	plan -		As of ::sdx::plan::Make.
#	members -	Of the source.
#	root -		The directory in which the source's files are.

proc ::sdx::transfer::ToArchive {kit directory plan members root} {
    set prefix [expr {$directory eq "" ? "" : "$directory/"}]
    set entries {}
    set deleted {}
    set links 0
    foreach step $plan {
	lassign $step name action why
	set member [expr {[dict exists $members $name] ? [dict get $members $name] : ""}]
	lassign $member type mode mtime
	if {$action eq "delete" || ($action eq "replace" && $why eq "directory")} {
	    lappend deleted $prefix$name
	}
	if {$action eq "attributes"} {
	    dict set entries $name [list $prefix$name attributes $mode $mtime]
	} elseif {$type eq "directory"} {
	    dict set entries $name [list $prefix$name directory $mode $mtime]
	} elseif {$type ne ""} {
	    dict set entries $name [list $prefix$name file $root/$name]
	    incr links [expr {$type eq "link"}]
	}
    }
    dict for {name member} [Above $plan $members] {
	if {![dict exists $entries $name]} {
	    dict set entries $name [list $prefix$name attributes {*}[lrange $member 1 2]]
	}
    }
    set options {}
    set epoch [::sdx::kit::Epoch none]
    if {$epoch ne "none"} {
	lappend options -clamp $epoch
    }
    try {
	::starlit::archive add $kit [dict values $entries] -delete $deleted {*}$options \
	    -now [::sdx::kit::Epoch [clock seconds]] {*}[::sdx::progress::Options "updating [::sdx::members::Tail $kit]"]
    } finally {
	::sdx::progress::End
    }
    # A new link may be another way to a package.
    if {$links || ![dict get [::starlit::archive info $kit] valid]} {
	::sdx::index::Renew $kit
    }
}

# ::sdx::transfer::ToDirectory --
#
#	Changes a directory.
#
# Arguments:
#	fill -	Command prefix that gets a path and names, makes files of these names there, or below, and tells where
#		below.

proc ::sdx::transfer::ToDirectory {directory plan members fill} {
    set placed {}
    set deleted {}
    set filled {}
    set attributes {}
    foreach step $plan {
	lassign $step name action why
	if {$action eq "delete" || ($action eq "replace" && $why eq "directory")} {
	    lappend deleted $name
	}
	if {$action eq "delete"} {
	    continue
	}
	set member [dict get $members $name]
	if {$action eq "attributes" && [lindex $member 0] eq "file"} {
	    dict set attributes $name $member
	    continue
	}
	dict set placed $name $member
	if {[lindex $member 0] ne "directory"} {
	    lappend filled $name
	}
    }
    set placed [dict merge $placed [Above $plan $members]]
    ::sdx::merge::Staged $directory stage $placed $deleted {
	if {[llength $filled]} {
	    {*}$fill $stage $filled
	}
    }
    ::sdx::merge::Attributes $directory $attributes
}

# ::sdx::transfer::Above --
#
#	The directories above what a plan changes, those that the source has.

proc ::sdx::transfer::Above {plan members} {
    set above {}
    foreach step $plan {
	lassign $step name action
	set name [string range $name 0 [string last / $name]-1]
	if {$action ne "attributes" && [dict exists $members $name] && [lindex [dict get $members $name] 1] ne ""} {
	    dict set above $name [dict get $members $name]
	}
    }
    return $above
}

# ::sdx::transfer::Result --
#
#	What update and sync return.

proc ::sdx::transfer::Result {target plan dryrun} {
    set result [dict create target $target dryrun $dryrun add 0 replace 0 attributes 0 delete 0 changes $plan]
    foreach step $plan {
	dict incr result [lindex $step 1]
    }
    return $result
}

# ::sdx::transfer::Show --
#
#	Prints it.

proc ::sdx::transfer::Show {values result} {
    dict with result {}
    if {[dict get $values -json]} {
	set objects [lmap step $changes {
	    lassign $step name action why
	    ::sdx::json::Object [list name [::sdx::json::Text $name] action \"$action\" why \"$why\"]
	}]
	puts [::sdx::json::Object [list target [::sdx::json::Text $target] dryrun [::sdx::json::Boolean $dryrun] \
		add $add replace $replace attributes $attributes delete $delete changes [::sdx::json::Array $objects]]]
	return
    }
    if {$dryrun || [dict get $values -verbose]} {
	foreach step $changes {
	    lassign $step name action why
	    puts "$action: [::sdx::lsk::Printable $name] ($why)"
	}
    }
    if {![dict get $values -quiet]} {
	puts "[::sdx::lsk::Printable $target]: $add added, $replace replaced, $attributes with new attributes,\
	    $delete deleted[expr {$dryrun ? " (not done)" : ""}]"
    }
}
