# SPDX-License-Identifier: MIT
#
# cat.tcl: sdx cat, contents of members.

::sdx::Load members

namespace eval ::sdx::cat {
    variable operands {{KIT required} {MEMBER some}}
    variable options {
	{{-runtime} {} {} {of a starpack or a runtime, also the members that belong to the runtime}}
    }
    variable description {
	Writes the contents of members of a kit, a starpack, a plain archive, a Metakit kit or a zip file to standard output,
	byte for byte. Links are followed within the archive. A MEMBER that cannot be read is told; the others are written.
    }
    variable examples {
	{sdx cat app.kit main.tcl | less} {the script that runs first}
    }
    variable result {
	the bytes, of all members one behind the other.
    }
}

proc ::sdx::cat::Run {values} {
    set kit [dict get $values KIT]
    set members [::sdx::members::List $kit [dict get $values -runtime]]
    ::sdx::members::Mounted $kit point {
	set contents [lmap path [dict get $values MEMBER] {
	    Content $point/[::sdx::members::File $kit $members $path]
	}]
    }
    return [join $contents ""]
}

proc ::sdx::cat::Content {path} {
    set channel [open $path rb]
    try {
	return [read $channel]
    } finally {
	close $channel
    }
}

proc ::sdx::cat::Shell {values} {
    set kit [dict get $values KIT]
    set members [::sdx::members::List $kit [dict get $values -runtime]]
    fconfigure stdout -translation binary
    ::sdx::members::Mounted $kit point {
	set failed [::sdx::members::Each path [dict get $values MEMBER] {
	    Copy $point/[::sdx::members::File $kit $members $path]
	}]
    }
    if {$failed} {
	return -code error -errorcode {SDX STATUS 1} "couldn't read all members"
    }
}

proc ::sdx::cat::Copy {path} {
    set channel [open $path rb]
    try {
	while {[set data [read $channel $::sdx::members::pieceBytes]] ne ""} {
	    puts -nonewline $data
	}
    } finally {
	close $channel
    }
    flush stdout
}
