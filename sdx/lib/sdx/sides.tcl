# SPDX-License-Identifier: MIT
#
# sides.tcl: kits and directories as one thing: what both sides of a comparison or a copy are. A side is a path of a kit,
# a starpack, a plain archive, a Metakit kit, a zip file or a directory.
#
# Rules:
# 1. Names, targets and contents are untrusted, on both kinds of sides. Links are links and are never followed.
# 2. A tilde in front of a path is a letter, as everywhere but in Tcl.

::sdx::Load entries
::sdx::Load glob
::sdx::Load members

namespace eval ::sdx::sides {}

# ::sdx::sides::Read --
#
#	What is in a side.
#
# Arguments:
#	runtime -	Whether those members count that belong to a runtime.
#	verb -		What cannot be done with a special file, for the message.
#
# Results:
#	A list of two: members as of members.tcl, and the format, "directory" for a directory.

proc ::sdx::sides::Read {path {runtime 0} {verb read}} {
    if {![file isdirectory [::sdx::entries::Plain $path]]} {
	return [list [::sdx::members::List $path $runtime] [dict get [::starlit::archive info $path] format]]
    }
    set members {}
    try {
	set entries [lindex [::sdx::entries::Walk [::sdx::entries::Plain $path]] 0]
    } trap {SDX TYPE} {message} {
	throw {SDX TYPE} [regsub {^couldn't wrap} $message "couldn't $verb"]
    }
    foreach entry $entries {
	lassign $entry name - file
	dict set members $name [Status $file]
    }
    return [list $members directory]
}

# ::sdx::sides::Status --
#
#	A file of the host as a member.

proc ::sdx::sides::Status {file} {
    file lstat $file status
    set target ""
    if {$status(type) eq "link"} {
	# A target that begins with a tilde comes with ./ in front.
	set target [regsub {^\./~} [file readlink $file] ~]
    }
    return [list $status(type) [expr {$status(mode) & 0o7777}] $status(mtime) $status(size) 0 $target]
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
