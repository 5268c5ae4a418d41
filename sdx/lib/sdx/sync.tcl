# SPDX-License-Identifier: MIT
#
# sync.tcl: sdx sync, one directory or kit made to hold what another holds.

::sdx::Load entries
::sdx::Load json
::sdx::Load kit
::sdx::Load lsk
::sdx::Load merge
::sdx::Load plan
::sdx::Load sides
::sdx::Load transfer

namespace eval ::sdx::sync {
    variable operands {{SRC required} {DEST required}}
    variable options [concat {
	{{-prune -delete} ?0|1? flag {delete what is in DEST and not in SRC}}
	{{-mtime} SECONDS {integer 1 2147483647} {times that differ by less count as the same; default 1}}
	{{-noerror} ?0|1? flag {leave out what cannot be read, tell of it, and go on; the exit status is 1 then. What DEST
	    has of it stays}}
    } $::sdx::entries::options $::sdx::transfer::options]
    variable retired {
	-auto {kits are always taken for what they hold}
	-compress {sdx vacuum -level compresses anew}
	-text {contents, with their line ends, stay as they are}
    }
    variable description {
	Makes DEST hold what SRC holds: what is new or has changed is copied, as by sdx update. Each is a directory or a kit,
	a starpack or a plain archive; SRC may also be a Metakit kit or a zip file; and app.kit/lib is the directory lib in
	app.kit. A DEST that is not there becomes a directory. An archive is changed all or not at all; in a directory each
	file is replaced in one step.

	Unlike the classic sdx, it does not run a script .rsync that lies in SRC, and leaves out nothing that is not excluded.
    }
    variable examples {
	{sdx sync app.kit/doc doc -prune} {the directory doc becomes what it is in the kit}
    }
    variable result {
	a dict: target, dryrun, add, replace, attributes, delete (how many of each), changes (a list of name, action, why),
	errors (what -noerror has passed over).
    }
}

proc ::sdx::sync::Run {values} {
    variable failures {}
    variable unread {}

    set choice [::sdx::entries::Choice $values]
    set source [Source $values $choice]
    set target [Target $values $choice]
    set self [Inside [dict get $source path] [dict get $target path]]
    if {[dict get $target format] eq "directory" && $self ne ""} {
	set target [Spared $target [list $self]]
    }
    if {[dict get $source format] eq "directory" && [Inside [dict get $target path] [dict get $source path]] ne ""
	    && [dict get $target format] eq "directory"} {
	return -code error -errorcode {SDX INSIDE} "couldn't copy \"[dict get $values SRC]\" to\
	    \"[dict get $values DEST]\": one is in the other"
    }
    if {[dict get $values -noerror] && [dict get $source format] eq "directory"} {
	set source [Readable $source]
	set target [Spared $target $unread]
	# Nor does a directory there get the permissions of one that cannot be read.
	foreach name $unread {
	    if {[dict exists $target members $name]} {
		dict unset source members $name
	    }
	}
    }
    set plan [Plan $source $target $values]
    if {[llength $plan] && ![dict get $values -n]} {
	Apply $source $target $plan
    }
    set result [::sdx::transfer::Result [dict get $values DEST] $plan [dict get $values -n]]
    return [dict merge $result [dict create errors $failures]]
}

proc ::sdx::sync::Show {values result} {
    ::sdx::transfer::Show $values $result
    if {[file exists [::sdx::entries::Plain [dict get $values SRC]]/.rsync]} {
	puts stderr "sdx: the script .rsync in \"[::sdx::lsk::Printable [dict get $values SRC]]\" was not run"
    }
    flush stdout
    foreach message [dict get $result errors] {
	::sdx::Complain $message
    }
    if {[llength [dict get $result errors]]} {
	return -code error -errorcode {SDX STATUS 1} "couldn't copy all"
    }
}

# ::sdx::sync::Source --
#
#	Reads SRC.
#
# Results:
#	A dict: path, directory (in an archive), format, members (seen from there).

proc ::sdx::sync::Source {values choice} {
    lassign [::sdx::sides::Locate [dict get $values SRC]] path directory
    set failed [expr {[dict get $values -noerror] ? "::sdx::sync::Failed" : ""}]
    if {$directory eq ""} {
	lassign [::sdx::sides::Read $path 0 copy $choice $failed] members format
    } else {
	lassign [::sdx::sides::Read $path] members format
	set directory [::sdx::members::Folder $path $members $directory]
	set members [lindex [::sdx::sides::Without [::sdx::sides::Below $members $directory] $choice] 0]
    }
    return [dict create path [::sdx::entries::Plain $path] directory $directory format $format members $members]
}

proc ::sdx::sync::Failed {message name} {
    variable failures
    variable unread

    lappend failures [regsub {^couldn't wrap} $message "couldn't copy"]
    lappend unread $name
}

# ::sdx::sync::Spared --
#
#	A target in which what has one of these names, and what is below it, stays as it is.

proc ::sdx::sync::Spared {target names} {
    set members [dict get $target members]
    foreach name $names {
	dict for {below -} [::sdx::sides::Below $members $name] {
	    dict unset members $name/$below
	}
    }
    return [dict replace $target members $members excluded [concat [dict get $target excluded] $names]]
}

# ::sdx::sync::Target --
#
#	Reads DEST.
#
# Results:
#	A dict as of Source, and excluded (names), foreign (members of a runtime).

proc ::sdx::sync::Target {values choice} {
    lassign [::sdx::sides::Locate [dict get $values DEST]] path directory
    set plain [::sdx::entries::Plain $path]
    set target [dict create path $plain directory $directory format directory members {} excluded {} foreign {} new 0]
    if {![file exists $plain]} {
	if {[file extension $plain] eq ".kit"} {
	    return -code error -errorcode {POSIX ENOENT {no such file or directory}} \
		"couldn't copy to \"[dict get $values DEST]\": no such kit (hint: sdx wrap makes one)"
	}
	dict set target new 1
	return $target
    }
    if {![file isdirectory $plain]} {
	::sdx::members::NeedOwn $path "copy to"
    }
    lassign [::sdx::sides::Read $path 1 copy [expr {$directory eq "" ? $choice : ""}]] members format excluded
    if {$directory ne "" && [dict exists $members $directory]
	    && [lindex [dict get $members $directory] 0] ne "directory"} {
	return -code error -errorcode {POSIX ENOTDIR {not a directory}} \
	    "couldn't copy to \"[dict get $values DEST]\": it is no directory"
    }
    if {$format in {starpack runtime}} {
	set own [::sdx::members::List $plain]
	set foreign [dict filter $members script {name -} {expr {![dict exists $own $name]}}]
	dict set target foreign [::sdx::sides::Below $foreign $directory]
    }
    if {$directory ne ""} {
	lassign [::sdx::sides::Without [::sdx::sides::Below $members $directory] $choice] members excluded
    }
    return [dict replace $target format $format members $members excluded $excluded]
}

# ::sdx::sync::Inside --
#
#	The name that a path has below a directory; empty when it is elsewhere.

proc ::sdx::sync::Inside {path directory} {
    set path [file dirname [file normalize [file join $path -]]]
    set directory [file dirname [file normalize [file join $directory -]]]
    if {$path eq $directory || [string first [string trimright $directory /]/ $path] != 0} {
	return ""
    }
    return [string trimleft [string range $path [string length $directory] end] /]
}

# ::sdx::sync::Readable --
#
#	Leaves out the files of a directory that cannot be read.

proc ::sdx::sync::Readable {source} {
    set kept {}
    dict for {name member} [dict get $source members] {
	if {[lindex $member 0] eq "file" && ![file readable [dict get $source path]/$name]} {
	    Failed "couldn't open \"[dict get $source path]/$name\": permission denied" $name
	    continue
	}
	dict set kept $name $member
    }
    return [dict replace $source members $kept]
}

proc ::sdx::sync::Plan {source target values} {
    set directories [list [dict get $source format] [dict get $target format]]
    set options [dict create delete [dict get $values -prune] excluded [dict get $target excluded] \
	    foreign [dict get $target foreign] checksum [dict get $values -checksum] tolerance 1 \
	    clamp 0x7fffffffffffffff since 0x7fffffffffffffff modes 0o777 linktimes 1 name [dict get $values DEST]]
    if {[dict exists $values -mtime]} {
	dict set options tolerance [dict get $values -mtime]
    }
    if {[dict get $target format] eq "directory"} {
	# Nothing here sets the time of a link.
	dict set options linktimes 0
    } else {
	dict set options clamp [::sdx::kit::Epoch 0x7fffffffffffffff]
	dict set options since [file mtime [dict get $target path]]
    }
    if {[dict get $source format] eq "metakit"} {
	# It holds none.
	dict set options modes 0
    } elseif {[dict get $source format] eq "directory" && [dict get $target format] ne "directory"} {
	dict set options modes 0o7777
    }
    ::sdx::sides::Open [dict get $source path] [dict get $source format] sourceRoot {
	if {[dict get $target new]} {
	    set targetRoot ""
	    set plan [Make $source $target $sourceRoot $targetRoot $options]
	} else {
	    ::sdx::sides::Open [dict get $target path] [dict get $target format] targetRoot {
		set plan [Make $source $target $sourceRoot $targetRoot $options]
	    }
	}
    }
    return $plan
}

proc ::sdx::sync::Make {source target sourceRoot targetRoot options} {
    return [::sdx::plan::Make \
	    [dict create members [dict get $source members] root $sourceRoot/[dict get $source directory]] \
	    [dict create members [dict get $target members] root $targetRoot/[dict get $target directory]] $options]
}

# ::sdx::sync::Apply --
#
#	Does it.

proc ::sdx::sync::Apply {source target plan} {
    set members [dict get $source members]
    if {[dict get $target format] eq "directory"} {
	set made [expr {[dict get $target new] ? [MakeDirectories [dict get $target path]] : {}}]
	try {
	    ::sdx::transfer::ToDirectory [dict get $target path] $plan $members [list ::sdx::sync::Fill $source]
	} on error {message options} {
	    # Not with what is in them, which may be somebody's.
	    foreach directory $made {
		catch {file delete -- $directory}
	    }
	    return -options $options $message
	}
    } elseif {[dict get $source format] eq "directory"} {
	::sdx::transfer::ToArchive [dict get $target path] [dict get $target directory] $plan $members [dict get $source path]
    } else {
	set folder [file dirname [dict get $target path]]
	set held [::starlit::beneath hold $folder]
	try {
	    set scratch [::sdx::merge::Scratch $held $folder]
	} finally {
	    ::starlit::beneath release $held
	}
	try {
	    set stage $folder/$scratch/new
	    set names [lmap step $plan {
		if {[lindex $step 1] ni {add replace} || [lindex [dict get $members [lindex $step 0]] 0] eq "directory"} {
		    continue
		}
		lindex $step 0
	    }]
	    set inner [Fill $source $stage $names]
	    ::sdx::transfer::ToArchive [dict get $target path] [dict get $target directory] $plan $members $stage/$inner
	} finally {
	    file delete -force $folder/$scratch
	}
    }
}

# ::sdx::sync::MakeDirectories --
#
#	Makes a directory, and those it lies in.
#
# Results:
#	Those that were made, the innermost first.

proc ::sdx::sync::MakeDirectories {path} {
    set made {}
    for {set above $path} {![file exists $above]} {set above [file dirname $above]} {
	lappend made $above
    }
    file mkdir $path
    return $made
}

# ::sdx::sync::Fill --
#
#	Makes files of the source in a new directory.
#
# Results:
#	Where below it they are.

proc ::sdx::sync::Fill {source stage names} {
    if {[dict get $source format] ne "directory"} {
	set directory [dict get $source directory]
	set prefix [expr {$directory eq "" ? "" : "$directory/"}]
	::starlit::archive extract [dict get $source path] $stage -names [lmap name $names {string cat $prefix $name}]
	return $directory
    }
    file mkdir $stage
    foreach name $names {
	file mkdir [string range $stage/$name 0 [string last / $stage/$name]-1]
	try {
	    file copy -- [dict get $source path]/$name $stage/$name
	} on error {message options} {
	    return -options $options "couldn't copy \"[dict get $source path]/$name\": [regsub {.*": } $message ""]"
	}
    }
    return ""
}
