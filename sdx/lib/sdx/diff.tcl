# SPDX-License-Identifier: MIT
#
# diff.tcl: sdx diff, what is not the same in two kits or directories.

::sdx::Load lsk
::sdx::Load members
::sdx::Load sides

namespace eval ::sdx::diff {
    variable operands {{A required} {B required}}
    variable options {
	{{-times} {} {} {compare times of last change too, of files}}
	{{-nomodes} {} {} {don't compare permissions}}
	{{-runtime} {} {} {of a starpack or a runtime, also the members that belong to the runtime}}
	{{-quiet -q} {} {} {print nothing: the exit status tells}}
	{{-json} {} {} {print the result as JSON}}
    }
    variable description {
	Compares two of these, whichever: a kit, a starpack, a plain archive, a Metakit kit, a zip file, a directory. Prints
	a line for each member that is in one only, or that has another type, content, target or other permissions. Links are
	compared as links, and have no permissions. A directory that is not stored, but implied by what is in it, counts, and
	has none either, nor has anything in a Metakit kit.
    }
    variable examples {
	{sdx diff old.kit new.kit} {what has changed from one to the other}
	{sdx diff app.kit app.vfs -quiet || sdx wrap app.kit} {wraps anew only where something has changed}
    }
    variable result {
	a dict: equal, whether there is no difference; onlyina and onlyinb, dicts from the names that are in one only to
	their types; changed, a dict from names to a dict from type, content (sizes), target, mode (numbers) or time (mtime)
	to the list of both values.
    }
    variable statuses {0 no difference, 1 differences, 2 it could not be done, or wrong usage}
    variable found
}

proc ::sdx::diff::Run {values} {
    variable found {}

    Compare [dict get $values A] [dict get $values B] $values
    set result [dict create equal [expr {[llength $found] == 0}] onlyina {} onlyinb {} changed {}]
    foreach difference $found {
	lassign $difference name what a b
	if {$what ne "only"} {
	    dict set result changed $name $what [list $a $b]
	} elseif {$b eq ""} {
	    dict set result onlyina $name $a
	} else {
	    dict set result onlyinb $name $b
	}
    }
    return $result
}

proc ::sdx::diff::Shell {values} {
    variable found {}

    try {
	Compare [dict get $values A] [dict get $values B] $values
	Print $values
	flush stdout
    } trap {POSIX EPIPE} {message options} {
	return -options $options $message
    } on error {message options} {
	::sdx::Complain $message
	if {[info exists ::env(SDX_TRACE)]} {
	    puts stderr [dict get $options -errorinfo]
	}
	return -code error -errorcode {SDX STATUS 2} $message
    }
    if {[llength $found]} {
	return -code error -errorcode {SDX STATUS 1} "there are differences"
    }
}

proc ::sdx::diff::Print {values} {
    variable found

    if {[dict get $values -json]} {
	puts [::sdx::json::Array [lmap difference $found {Json {*}$difference}]]
    } elseif {![dict get $values -quiet]} {
	foreach difference $found {
	    puts [Line $values {*}$difference]
	}
    }
}

# ::sdx::diff::Compare --
#
#	Collects the differences: a list of {name what a b}, where what is type, content, target, mode, time, or only; a
#	and b are what it is in A and in B, empty when there is nothing.

proc ::sdx::diff::Compare {a b values} {
    variable found

    lassign [::sdx::sides::Read $a [dict get $values -runtime] compare] membersOfA formatOfA
    lassign [::sdx::sides::Read $b [dict get $values -runtime] compare] membersOfB formatOfB
    set compared {type target}
    if {![dict get $values -nomodes] && "metakit" ni [list $formatOfA $formatOfB]} {
	lappend compared mode
    }
    if {[dict get $values -times]} {
	lappend compared time
    }
    ::sdx::sides::Open $a $formatOfA rootOfA {
	::sdx::sides::Open $b $formatOfB rootOfB {
	    foreach name [lsort -unique [concat [dict keys $membersOfA] [dict keys $membersOfB]]] {
		if {![dict exists $membersOfB $name]} {
		    lappend found [list $name only [lindex [dict get $membersOfA $name] 0] ""]
		} elseif {![dict exists $membersOfA $name]} {
		    lappend found [list $name only "" [lindex [dict get $membersOfB $name] 0]]
		} else {
		    Member $name [dict get $membersOfA $name] [dict get $membersOfB $name] $rootOfA/$name $rootOfB/$name \
			    $compared
		}
	    }
	}
    }
}

# ::sdx::diff::Member --
#
#	Compares what both have.

proc ::sdx::diff::Member {name a b pathOfA pathOfB compared} {
    variable found

    lassign $a typeOfA modeOfA mtimeOfA sizeOfA - targetOfA
    lassign $b typeOfB modeOfB mtimeOfB sizeOfB - targetOfB
    if {$typeOfA ne $typeOfB} {
	lappend found [list $name type $typeOfA $typeOfB]
	return
    }
    if {$typeOfA eq "link"} {
	if {$targetOfA ne $targetOfB} {
	    lappend found [list $name target $targetOfA $targetOfB]
	}
	return
    }
    if {$typeOfA eq "file" && ($sizeOfA != $sizeOfB || ![::sdx::sides::Same $pathOfA $pathOfB])} {
	lappend found [list $name content $sizeOfA $sizeOfB]
    }
    if {"mode" in $compared && $modeOfA ne "" && $modeOfB ne "" && $modeOfA != $modeOfB} {
	lappend found [list $name mode $modeOfA $modeOfB]
    }
    if {"time" in $compared && $typeOfA eq "file" && $mtimeOfA != $mtimeOfB} {
	lappend found [list $name time $mtimeOfA $mtimeOfB]
    }
}

proc ::sdx::diff::Line {values name what a b} {
    set shown [::sdx::lsk::Printable $name]
    switch -- $what {
	only {
	    set where [dict get $values [expr {$b eq "" ? "A" : "B"}]]
	    return "only in [::sdx::lsk::Printable $where]: $shown[expr {"directory" in [list $a $b] ? "/" : ""}]"
	}
	content {
	    return "content: $shown ($a bytes, $b bytes)"
	}
	time {
	    return "time: $shown ([::sdx::lsk::Time $a], [::sdx::lsk::Time $b])"
	}
	mode {
	    return "mode: $shown ([::sdx::members::Octal $a], [::sdx::members::Octal $b])"
	}
	default {
	    return "$what: $shown ([::sdx::lsk::Printable $a], [::sdx::lsk::Printable $b])"
	}
    }
}

proc ::sdx::diff::Json {name what a b} {
    set values [list $a $b]
    if {$what eq "mode"} {
	set values [lmap value $values {::sdx::members::ModeJson $value}]
    } elseif {$what ni {content time}} {
	set values [lmap value $values {
	    if {$value eq "" && $what eq "only"} {
		string cat null
	    } else {
		::sdx::json::Text $value
	    }
	}]
    }
    lassign $values a b
    return [::sdx::json::Object [list name [::sdx::json::Text $name] what \"$what\" a $a b $b]]
}
