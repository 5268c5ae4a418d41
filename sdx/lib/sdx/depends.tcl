# SPDX-License-Identifier: MIT
#
# depends.tcl: sdx depends, which packages an application needs, has and lacks.

::sdx::Load closure
::sdx::Load entries
::sdx::Load json
::sdx::Load lsk
::sdx::Load members
::sdx::Load packages

namespace eval ::sdx::depends {
    variable operands {{PATH required}}
    variable options {
	{{-runtime} FILE {} {the runtime that PATH will run by; default is what runs sdx, and for a starpack its own}}
	{{-reached} {} {} {look at those scripts only that main.tcl is seen to reach}}
	{{-json} {} {} {print the result as JSON}}
    }
    variable description {
	Tells which packages the tree or kit PATH needs: where each comes from, which are missing, and which of those that it
	holds nothing requires. It begins with main.tcl and follows what that requires and sources. Scripts are not run: a
	name that is made up while they run is told as unknown, and what is required within a catch or under a condition as
	optional. wrap does the same, and warns of what is missing.

	Exit status 1 also tells that a package is missing.
    }
    variable result {
	a dict: scripts (how many main.tcl reaches), packages (a list of name, version, where from), missing, optional and
	elsewhere (lists of name, requirements, script, line, versions there are; optional are those that may be missing,
	elsewhere what scripts ask for that main.tcl is not seen to reach), unknown, load and faults (lists of script, line,
	text), unused (a list of name, version, folder or module), search (whether packages in lib are searched for).
    }
}

proc ::sdx::depends::Run {values} {
    set path [::sdx::entries::Plain [dict get $values PATH]]
    set all [expr {![dict get $values -reached]}]
    set runtime [::info nameofexecutable]
    if {[dict exists $values -runtime] && [dict get $values -runtime] ne "self"} {
	set runtime [dict get $values -runtime]
    }
    if {[file isdirectory $path]} {
	lassign [::sdx::entries::Walk $path] entries links
	NeedMain $values $entries
	return [::sdx::closure::Report $entries [::sdx::packages::Record $entries $links] \
		[::starlit::archive packages $runtime] $all]
    }
    if {[dict get [::starlit::archive info $path] format] in {starpack runtime} && ![dict exists $values -runtime]} {
	set runtime $path
    }
    set members [::sdx::members::List $path]
    ::sdx::members::Mounted $path point {
	set entries [lmap {name member} $members {
	    list $name [expr {[lindex $member 0] eq "directory" ? "directory" : "file"}] $point/$name
	}]
	NeedMain $values $entries
	return [::sdx::closure::Report $entries [::sdx::packages::Record $entries [::sdx::members::Links $members]] \
		[::starlit::archive packages $runtime] $all]
    }
}

proc ::sdx::depends::NeedMain {values entries} {
    if {[lsearch -exact -index 0 $entries main.tcl] < 0} {
	return -code error -errorcode {SDX NOMAIN} \
	    "couldn't look at \"[dict get $values PATH]\": it has no main.tcl, the script that runs first"
    }
}

proc ::sdx::depends::Show {values report} {
    puts [if {[dict get $values -json]} {Json $report} else {Text $report}]
    if {[llength [dict get $report missing]]} {
	flush stdout
	return -code error -errorcode {SDX STATUS 1} "packages are missing"
    }
}

# ::sdx::depends::Want --
#
#	A package and what was required of it.

proc ::sdx::depends::Want {name requirements} {
    return [string trimright "[::sdx::lsk::Printable $name] [::sdx::lsk::Printable [join $requirements]]"]
}

# ::sdx::depends::Missing --
#
#	A line of one that is missing.

proc ::sdx::depends::Missing {name requirements script line versions} {
    set text "[Want $name $requirements] ([::sdx::lsk::Printable $script]:$line)"
    if {[llength $versions]} {
	append text ", there is [join $versions {, }]"
    }
    return $text
}

proc ::sdx::depends::Text {report} {
    dict with report {}
    set lines [list "$scripts script[expr {$scripts == 1 ? "" : "s"}] reached from main.tcl,\
	[llength $packages] package[expr {[llength $packages] == 1 ? "" : "s"}] required"]
    foreach package $packages {
	lassign $package name version from
	lappend lines "  [format {%-24s %-10s} [::sdx::lsk::Printable $name] $version] [::sdx::lsk::Printable $from]"
    }
    foreach {headline list} [list "missing:" $missing "missing, but not always needed:" $optional \
	    "missing for scripts that main.tcl is not seen to reach:" $elsewhere] {
	if {[llength $list]} {
	    lappend lines $headline
	    foreach one $list {
		lappend lines "  [Missing {*}$one]"
	    }
	}
    }
    foreach {headline list} [list "packages whose names are not known before they are required:" $unknown \
	    "shared libraries, which a static runtime cannot load:" $load "what is no script:" $faults] {
	if {[llength $list]} {
	    lappend lines $headline
	    foreach one $list {
		lassign $one script line text
		lappend lines "  [::sdx::lsk::Printable $script]:$line: [::sdx::lsk::Printable $text]"
	    }
	}
    }
    if {[llength $unused]} {
	lappend lines "not required by anything that main.tcl reaches:"
	foreach one $unused {
	    lassign $one name version from
	    lappend lines "  [::sdx::lsk::Printable $name] $version ([::sdx::lsk::Printable $from])"
	}
    }
    return [join $lines \n]
}

proc ::sdx::depends::Json {report} {
    set pairs [list scripts [dict get $report scripts] search [::sdx::json::Boolean [dict get $report search]]]
    foreach key {packages unused} {
	lappend pairs $key [Objects [dict get $report $key] {name version from}]
    }
    foreach key {missing optional elsewhere} {
	lappend pairs $key [Objects [dict get $report $key] {name requirements script line versions}]
    }
    foreach key {unknown load faults} {
	lappend pairs $key [Objects [dict get $report $key] {script line text}]
    }
    return [::sdx::json::Object $pairs]
}

proc ::sdx::depends::Objects {list keys} {
    return [::sdx::json::Array [lmap one $list {
	::sdx::json::Object [concat {*}[lmap key $keys value $one {
	    switch -- $key {
		line {
		    list $key $value
		}
		requirements - versions {
		    list $key [::sdx::json::Array [lmap text $value {::sdx::json::Text $text}]]
		}
		default {
		    list $key [::sdx::json::Text $value]
		}
	    }
	}]]
    }]]
}
