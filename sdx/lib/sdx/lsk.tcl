# SPDX-License-Identifier: MIT
#
# lsk.tcl: sdx lsk, the members of a kit, directory by directory.

::sdx::Load members

namespace eval ::sdx::lsk {
    variable operands {{KIT required} {DIRECTORY optional folder}}
    variable options {
	{{-l} {} {} {long: permissions, size, size as stored, time and name}}
	{{-sort} KEY {choice name size time} {by what to sort: name, size (largest first) or time (newest first)}}
	{{-reverse -r} {} {} {the other way round}}
	{{-runtime} {} {} {of a starpack or a runtime, also the members that belong to the runtime}}
	{{-json} {} {} {print the result as JSON}}
    }
    variable description {
	Lists the members of a kit, a starpack, a plain archive, a Metakit kit or a zip file: for each directory a headline,
	then size in bytes, time of last change in the local time zone, and name of what is in it. With DIRECTORY, lists what
	is in that one.
    }
    variable examples {
	{sdx lsk app.kit} {all of it, directory by directory}
	{sdx lsk app.kit lib -l -sort size} {what is in lib, in detail, the largest first}
    }
    variable result {
	a list of dicts, one for each member, with the keys name, type (file, directory or link), mode (permissions, a
	number), mtime (seconds), size, stored (the size as stored) and target (of a link). Of a directory that is not
	stored, but implied by what is in it, mode and mtime are empty.
    }
    # Array: how a time is written, by seconds. Most members of a kit have the same few.
    variable times
}

proc ::sdx::lsk::Run {values} {
    set kit [dict get $values KIT]
    set members [::sdx::members::List $kit [dict get $values -runtime]]
    set names [dict keys $members]
    if {[dict exists $values DIRECTORY]} {
	set folder [::sdx::members::Folder $kit $members [dict get $values DIRECTORY]]
	set names [dict get [::sdx::members::Children $members] $folder]
    }
    return [lmap name [Sorted $members $names $values] {::sdx::members::Dict $name [dict get $members $name]}]
}

proc ::sdx::lsk::Shell {values} {
    if {[dict get $values -json]} {
	puts [::sdx::json::Array [lmap member [Run $values] {::sdx::members::Json $member}]]
	return
    }
    set kit [dict get $values KIT]
    set runtime [dict get $values -runtime]
    set options [list -long [dict get $values -l] -reverse [dict get $values -reverse] -runtime $runtime \
	    -offset ::sdx::lsk::Offset]
    if {[dict exists $values -sort]} {
	lappend options -sort [dict get $values -sort]
    }
    if {[dict exists $values DIRECTORY]} {
	set members [::sdx::members::List $kit $runtime]
	lappend options -directory [::sdx::members::Folder $kit $members [dict get $values DIRECTORY]]
    }
    puts -nonewline [::starlit::archive lines $kit $kit {*}$options]
}

# ::sdx::lsk::Offset --
#
#	How many seconds local time is ahead of UTC at a time.

proc ::sdx::lsk::Offset {seconds} {
    set zone [clock format $seconds -format %z]
    scan [string range $zone 1 end]00 %2d%2d%2d hours minutes rest
    return [string index $zone 0][expr {3600 * $hours + 60 * $minutes + $rest}]
}

# ::sdx::lsk::Sorted --
#
#	Puts names that are in order already into the order that is asked for.

proc ::sdx::lsk::Sorted {members names values} {
    set key [expr {[dict exists $values -sort] ? [dict get $values -sort] : "name"}]
    if {$key ne "name"} {
	set index [dict get {size 3 time 2} $key]
	set pairs [lmap name $names {
	    set value [lindex [dict get $members $name] $index]
	    list [expr {$value eq "" ? 0 : $value}] $name
	}]
	set names [lmap pair [lsort -integer -decreasing -index 0 $pairs] {lindex $pair 1}]
    }
    if {[dict get $values -reverse]} {
	return [lreverse $names]
    }
    return $names
}

# ::sdx::lsk::Permissions --
#
#	Type and mode as ls(1) shows them.

proc ::sdx::lsk::Permissions {type mode} {
    set text [dict get {file - directory d link l} $type]
    if {$mode eq ""} {
	return $text?????????
    }
    foreach {bit letter} {256 r 128 w 64 x 32 r 16 w 8 x 4 r 2 w 1 x} {
	append text [expr {$mode & $bit ? $letter : "-"}]
    }
    foreach {bit index set unset} {2048 3 s S 1024 6 s S 512 9 t T} {
	if {$mode & $bit} {
	    set text [string replace $text $index $index [expr {[string index $text $index] eq "x" ? $set : $unset}]]
	}
    }
    return $text
}

# ::sdx::lsk::Printable --
#
#	A name on one line: control characters as Tcl writes them.

proc ::sdx::lsk::Printable {text} {
    if {![regexp {[\x00-\x1f\x7f-\x9f]} $text]} {
	return $text
    }
    set printable ""
    foreach character [split $text ""] {
	scan $character %c code
	append printable [expr {$code < 32 || ($code >= 127 && $code < 160) ? [format \\x%02x $code] : $character}]
    }
    return $printable
}

proc ::sdx::lsk::Time {seconds} {
    variable times

    if {![info exists times($seconds)]} {
	set times($seconds) [expr {$seconds eq "" ? "" : [clock format $seconds -format {%Y/%m/%d %H:%M:%S}]}]
    }
    return $times($seconds)
}
