# SPDX-License-Identifier: MIT
#
# stat.tcl: sdx stat, all that is known of members.

::sdx::Load lsk
::sdx::Load members

namespace eval ::sdx::stat {
    variable operands {{KIT required} {MEMBER some}}
    variable options {
	{{-runtime} {} {} {of a starpack or a runtime, also the members that belong to the runtime}}
	{{-json} {} {} {print the result as JSON}}
    }
    variable description {
	Prints name, type, permissions, time of last change in the local time zone, size, and size as stored, of members of a
	kit, a starpack, a plain archive, a Metakit kit or a zip file; of a link, where it leads too. A directory that is not
	stored, but implied by what is in it, has neither permissions nor time. Those of a Metakit kit are made up but for
	files' times.
    }
    variable result {
	dicts as those of sdx::lsk, one for each MEMBER.
    }
}

proc ::sdx::stat::Run {values} {
    set kit [dict get $values KIT]
    set members [::sdx::members::List $kit [dict get $values -runtime]]
    return [lmap path [dict get $values MEMBER] {Find $kit $members $path}]
}

proc ::sdx::stat::Shell {values} {
    set kit [dict get $values KIT]
    set members [::sdx::members::List $kit [dict get $values -runtime]]
    set found {}
    set failed [::sdx::members::Each path [dict get $values MEMBER] {
	lappend found [Find $kit $members $path]
    }]
    if {[dict get $values -json]} {
	puts [::sdx::json::Array [lmap member $found {::sdx::members::Json $member}]]
    } else {
	puts -nonewline [join [lmap member $found {Text $member}] \n]
    }
    if {$failed} {
	return -code error -errorcode {SDX STATUS 1} "couldn't find all members"
    }
}

proc ::sdx::stat::Find {kit members path} {
    set name [::sdx::members::Resolve $kit $members $path 0]
    if {$name eq ""} {
	::sdx::members::Fail $kit $path "the root is no member"
    }
    return [::sdx::members::Dict $name [dict get $members $name]]
}

proc ::sdx::stat::Text {member} {
    dict with member {}
    set text "name:    [::sdx::lsk::Printable $name]\ntype:    $type\n"
    if {$mode ne ""} {
	append text "mode:    [::sdx::members::Octal $mode] [::sdx::lsk::Permissions $type $mode]\n"
	append text "time:    [::sdx::lsk::Time $mtime] ($mtime)\n"
    }
    switch -- $type {
	file {
	    append text "size:    $size\nstored:  $stored\n"
	}
	link {
	    append text "target:  [::sdx::lsk::Printable $target]\n"
	}
    }
    return $text
}
