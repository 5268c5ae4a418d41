# SPDX-License-Identifier: MIT
#
# sides.tcl: kits and directories as one thing: what both sides of a comparison or a copy are. A side is a path of a kit,
# a starpack, a plain archive, a Metakit kit, a zip file or a directory; for some commands also of a directory in one of
# the archives, such as app.kit/lib.
#
# Rules:
# 1. Names, targets and contents are untrusted, on both kinds of sides. Links are links and are never followed.
# 2. A tilde in front of a path is a letter, as everywhere but in Tcl.

::sdx::Load entries
::sdx::Load members

namespace eval ::sdx::sides {}

# ::sdx::sides::Read --
#
#	What is in a side.
#
# Arguments:
#	runtime -	Whether those members count that belong to a runtime.
#	verb -		What cannot be done with a special file, for the message.
#	choice -	What is left out, as of ::sdx::entries::Choice.
#	failed -	As for ::sdx::entries::Walk.
#
# Results:
#	A list of three: members as of members.tcl; the format, "directory" for a directory; and what was left out: names,
#	of a directory without what is in it.

proc ::sdx::sides::Read {path {runtime 0} {verb read} {choice {}} {failed {}}} {
    set plain [::sdx::entries::Plain $path]
    if {![file isdirectory $plain]} {
	set format [dict get [::starlit::archive info $plain] format]
	lassign [Without [::sdx::members::List $plain $runtime] $choice] members excluded
	return [list $members $format $excluded]
    }
    set members {}
    try {
	lassign [::sdx::entries::Walk $plain $choice $failed] entries - excluded
    } trap {SDX TYPE} {message} {
	throw {SDX TYPE} [regsub {^couldn't wrap} $message "couldn't $verb"]
    }
    set held [::starlit::beneath hold $plain]
    try {
	foreach entry $entries {
	    lassign $entry name - file
	    dict set members $name [Status $held $name $file]
	}
    } finally {
	::starlit::beneath release $held
    }
    return [list $members directory $excluded]
}

# ::sdx::sides::Without --
#
#	Members without those that are to be left out, and these: a directory with all that is in it.

proc ::sdx::sides::Without {members choice} {
    lassign $choice exclude preserve
    if {$exclude eq ""} {
	return [list $members {}]
    }
    set kept {}
    set out {}
    dict for {name member} $members {
	set parent [string range $name 0 [string last / $name]-1]
	if {[dict exists $out $parent]} {
	    dict set out $name 0
	} elseif {[regexp -- $exclude $name] && !($preserve ne "" && [regexp -- $preserve $name])} {
	    dict set out $name 1
	} else {
	    dict set kept $name $member
	}
    }
    return [list $kept [dict keys [dict filter $out value 1]]]
}

# ::sdx::sides::Status --
#
#	A file of the host as a member.
#
# Arguments:
#	held -	The directory that the name is in, held by starlit::beneath.

proc ::sdx::sides::Status {held name file} {
    set status [::starlit::beneath stat $held $name]
    set target ""
    if {[dict get $status type] eq "link"} {
	# A target that begins with a tilde comes with ./ in front.
	set target [regsub {^\./~} [file readlink $file] ~]
    }
    return [list [dict get $status type] [expr {[dict get $status mode] & 0o7777}] [dict get $status mtime] \
	    [dict get $status size] 0 $target]
}

# ::sdx::sides::Locate --
#
#	Takes a path apart that may lead into an archive.
#
# Results:
#	A list of two: the path of what there is, and the name of a directory in it, which need not be there.

proc ::sdx::sides::Locate {path} {
    set rest {}
    set plain [::sdx::entries::Plain $path]
    while {![file exists $plain] && $plain ne "/"} {
	set rest [linsert $rest 0 [::sdx::members::Tail $plain]]
	set plain [string range $plain 0 [string last / $plain]-1]
	if {[file isfile $plain]} {
	    return [list $plain [join $rest /]]
	}
    }
    return [list $path ""]
}

# ::sdx::sides::Below --
#
#	Members below a directory, with their names seen from there.

proc ::sdx::sides::Below {members directory} {
    if {$directory eq ""} {
	return $members
    }
    set length [expr {[string length $directory] + 1}]
    set below {}
    dict for {name member} $members {
	if {[string equal -length $length $name $directory/]} {
	    dict set below [string range $name $length end] $member
	}
    }
    return $below
}

# ::sdx::sides::Open --
#
#	Evaluates a script while the contents of a side can be read.
#
# Arguments:
#	rootName -	The script's variable that gets the directory they are in.

proc ::sdx::sides::Open {path format rootName script} {
    upvar 1 $rootName root

    if {$format eq "directory"} {
	set root [::sdx::entries::Plain $path]
	uplevel 1 $script
    } else {
	uplevel 1 [list ::sdx::members::Mounted $path $rootName $script]
    }
}

# ::sdx::sides::Same --
#
#	Whether two files have the same content.

proc ::sdx::sides::Same {a b} {
    set channels {}
    try {
	foreach path [list $a $b] {
	    lappend channels [open $path rb]
	}
	lassign $channels one two
	while {1} {
	    set data [read $one $::sdx::members::pieceBytes]
	    if {$data ne [read $two $::sdx::members::pieceBytes]} {
		return 0
	    }
	    if {$data eq ""} {
		return 1
	    }
	}
    } finally {
	foreach channel $channels {
	    close $channel
	}
    }
}
