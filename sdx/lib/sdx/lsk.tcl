# SPDX-License-Identifier: MIT
#
# lsk.tcl: sdx lsk, the members of a kit, directory by directory.

namespace eval ::sdx::lsk {
    variable operands {{KIT required}}
    variable options {
	{{-runtime} {} {} {of a starpack or a runtime, also the members that belong to the runtime}}
    }
    variable description {
	Lists the members of a kit, a starpack, a plain archive, a Metakit kit or a zip file: for each directory a headline, then size in bytes, time
	of last change in the local time zone, and name of what is in it.
    }
}

proc ::sdx::lsk::Run {values} {
    set kit [dict get $values KIT]
    # Array: the lines of each folder, by member.
    set folders [dict create "" {}]
    foreach member [::starlit::archive list $kit -runtime [dict get $values -runtime]] {
	Add folders {*}$member
    }
    foreach folder [lsort [dict keys $folders]] {
	puts "\n[Printable $kit[expr {$folder eq "" ? "" : "/$folder"}]]:"
	set lines [dict get $folders $folder]
	foreach name [lsort [dict keys $lines]] {
	    puts [dict get $lines $name]
	}
    }
}

# ::sdx::lsk::Add --
#
#	Adds a member to its folder. Folders above it that are no members themselves are added too.

proc ::sdx::lsk::Add {foldersName name type mode mtime size stored target} {
    upvar 1 $foldersName folders

    set slash [string last / $name]
    set folder [string range $name 0 $slash-1]
    set tail [Printable [string range $name $slash+1 end]]
    if {![dict exists $folders $folder]} {
	Add folders $folder directory 0 0 0 0 ""
    }
    switch -- $type {
	directory {
	    set line [format "%10s  %19s  %s/" dir "" $tail]
	    if {![dict exists $folders $name]} {
		dict set folders $name {}
	    }
	}
	link {
	    set line [format "%10s  %19s  %s -> %s" link [Time $mtime] $tail [Printable $target]]
	}
	default {
	    set line [format "%10d  %19s  %s" $size [Time $mtime] $tail]
	}
    }
    dict set folders $folder $name $line
}

# ::sdx::lsk::Printable --
#
#	A name on one line: control characters as Tcl writes them.

proc ::sdx::lsk::Printable {text} {
    set printable ""
    foreach character [split $text ""] {
	scan $character %c code
	append printable [expr {$code < 32 || $code == 127 ? [format \\x%02x $code] : $character}]
    }
    return $printable
}

proc ::sdx::lsk::Time {seconds} {
    return [clock format $seconds -format {%Y/%m/%d %H:%M:%S}]
}
