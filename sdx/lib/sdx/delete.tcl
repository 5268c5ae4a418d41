# SPDX-License-Identifier: MIT
#
# delete.tcl: sdx delete, members out of a kit.

::sdx::Load entries
::sdx::Load index
::sdx::Load json
::sdx::Load kit
::sdx::Load members

namespace eval ::sdx::delete {
    variable operands {{KIT required} {MEMBER some}}
    variable options {
	{{-recursive -r} {} {} {directories too, with all that is below them}}
	{{-glob} {} {} {a MEMBER is a pattern: * stands for any letters, also /, ? for one, [abc] for one of these}}
	{{-force} {} {} {also what belongs to the runtime of a starpack}}
	{{-verbose} {} {} {print the name of each MEMBER}}
	{{-quiet} {} {} {print nothing when all goes well}}
	{{-json} {} {} {print the result as JSON}}
    }
    variable description {
	Deletes members of a kit, a starpack or a plain archive. All of them are deleted, or, when one is not there or must
	not be deleted, none. The file does not get smaller by this: sdx vacuum does that.
    }
    variable examples {
	{sdx delete app.kit -glob '*.orig'} {what an editor has left}
    }
    variable result {
	a dict: file, deleted (how many members), bytes (of the file), names.
    }
}

proc ::sdx::delete::Run {values} {
    set kit [dict get $values KIT]
    ::sdx::members::NeedOwn $kit "delete from"
    set names [lmap name [dict get $values MEMBER] {::sdx::entries::Clean $name}]
    if {[dict get $values -glob]} {
	set names [Matching $kit $names [dict get $values -force]]
    }
    set count [::starlit::archive delete $kit $names -recursive [dict get $values -recursive] \
	    -force [dict get $values -force] -now [::sdx::kit::Epoch [clock seconds]]]
    ::sdx::index::Renew $kit
    return [dict create file $kit deleted $count bytes [file size [::sdx::entries::Plain $kit]] names $names]
}

proc ::sdx::delete::Show {values result} {
    dict with result {}
    if {[dict get $values -json]} {
	puts [::sdx::json::Object [list file [::sdx::json::Text $file] deleted $deleted bytes $bytes]]
	return
    }
    if {[dict get $values -verbose]} {
	foreach name $names {
	    puts [::sdx::lsk::Printable $name]
	}
    }
    if {![dict get $values -quiet]} {
	puts "[::sdx::lsk::Printable $file]: $deleted deleted"
    }
}

# ::sdx::delete::Matching --
#
#	The names of the members that match patterns. One that nothing matches is an error.

proc ::sdx::delete::Matching {kit patterns withRuntime} {
    set members [lmap member [::starlit::archive list $kit -runtime $withRuntime] {lindex $member 0}]
    set names {}
    foreach pattern $patterns {
	set found [lsearch -all -inline -glob $members $pattern]
	if {[llength $found] == 0} {
	    return -code error -errorcode [list SDX NOMATCH $pattern] \
		"couldn't delete from \"$kit\": no member matches \"$pattern\""
	}
	lappend names {*}$found
    }
    return [lsort -unique $names]
}
