# SPDX-License-Identifier: MIT
#
# options.tcl: what a subcommand says of its command line, and what is made of that: parsing, checks and help.
#
# A subcommand's namespace holds
#	operands	list of {NAME required|optional|several|some ?KIND?}, in order; only the last can be several (any
#			number) or some (one or more); KIND is for completion.tcl, which knows those of most names
#	options		one row per option: {NAMES ARGUMENT CHECK HELP}
#	    NAMES	the option's name, then its other names; two dashes do as well as one
#	    ARGUMENT	what its argument is called in the help; empty for a switch
#	    CHECK	what the argument must be: "", {integer MIN MAX} or {choice WORD ...}; "many" for an option that may
#			be given several times; "flag" for a switch behind which 0 or 1 may stand, as in the classic sdx
#	description	text for the help
#	examples	for the help: a command line, what it does, and so on; where they say more than the usage
#	result		text for the help: what the package's command returns, behind "As a package, returns "
#	statuses	text for the help: the exit statuses, where they are not those of all subcommands
#	retired		what the classic sdx knew and this one does not, by option: {-OPTION ANSWER ...}
# The last four may be missing.
#
# Parse gives a dict: operands by NAME (those given), options by first name (those given; switches are always there, 0 or
# 1, and so is what may be given several times, as a list), and -help.

namespace eval ::sdx::options {
    variable helpRow {{-help -h} {} {} {print this text}}
    variable width 78
    # Operands that are no paths of the host. There an empty one would be the current directory.
    variable mayBeEmpty {COMMAND MEMBER PATTERN QUERY}
    # What a newcomer tries: command lines, and what they do.
    variable beginnings {
	{sdx wrap app.kit} {make a kit of it, which tclkit runs}
	{sdx wrap app -runtime self} {make a program of it that needs nothing else}
	{sdx lsk app.kit} {tell what is inside}
    }
}

# ::sdx::options::Misuse --
#
#	Raises the error of a wrong command line: status 2.

proc ::sdx::options::Misuse {message} {
    return -code error -level 2 -errorcode {SDX USAGE} $message
}

# ::sdx::options::Exclude --
#
#	Refuses an option together with any of others, as one of them would be ignored.

proc ::sdx::options::Exclude {values option others} {
    foreach other $others {
	if {[Given $values $option] && [Given $values $other]} {
	    Misuse "options \"$option\" and \"$other\" exclude each other"
	}
    }
}

# Whether an option is there, and not 0, or a switch is on.
proc ::sdx::options::Given {values option} {
    return [expr {[dict exists $values $option] && [dict get $values $option] ni {0 {}}}]
}

# ::sdx::options::Parse --
#
#	Parses a subcommand's arguments.

proc ::sdx::options::Parse {command arguments} {
    variable helpRow

    set name [namespace tail $command]
    set rows [concat [set ${command}::options] [list $helpRow]]
    set known {}
    set values {}
    foreach row $rows {
	lassign $row names argument check
	foreach alias $names {
	    dict set known $alias $row
	}
	if {$argument eq "" || $check eq "flag"} {
	    dict set values [lindex $names 0] 0
	} elseif {$check eq "many"} {
	    dict set values [lindex $names 0] {}
	}
    }

    set words {}
    for {set i 0} {$i < [llength $arguments]} {incr i} {
	set word [lindex $arguments $i]
	if {$word eq "--"} {
	    lappend words {*}[lrange $arguments $i+1 end]
	    break
	}
	if {$word eq "-" || ![string match -* $word]} {
	    lappend words $word
	    continue
	}
	set option [regsub {^--} $word -]
	if {![dict exists $known $option]} {
	    if {[info exists ${command}::retired] && [dict exists [set ${command}::retired] $option]} {
		Misuse "option \"$word\" is no more: [dict get [set ${command}::retired] $option]"
	    }
	    Misuse "unknown option \"$word\"[Suggestion $option [dict keys $known]], try sdx help $name"
	}
	lassign [dict get $known $option] names argument check
	if {$argument eq ""} {
	    dict set values [lindex $names 0] 1
	    continue
	}
	if {$check eq "flag"} {
	    set given [expr {[lindex $arguments $i+1] in {0 1}}]
	    dict set values [lindex $names 0] [expr {$given ? [lindex $arguments $i+1] : 1}]
	    incr i $given
	    continue
	}
	if {[incr i] >= [llength $arguments]} {
	    Misuse "option \"$word\" needs an argument: $argument"
	}
	set value [lindex $arguments $i]
	if {$check eq "many"} {
	    dict lappend values [lindex $names 0] $value
	    continue
	}
	Check $word $value $check
	dict set values [lindex $names 0] $value
    }
    if {[dict get $values -help]} {
	return $values
    }
    return [dict merge $values [Operands $command $words]]
}

# ::sdx::options::Operands --
#
#	Names the words that are not options.

proc ::sdx::options::Operands {command words} {
    variable mayBeEmpty

    set operands [set ${command}::operands]
    set values {}
    foreach operand $operands {
	lassign $operand name kind what
	set own [expr {$kind in {several some} ? $words : [lrange $words 0 0]}]
	if {"" in $own && $name ni $mayBeEmpty && $what ne "folder"} {
	    Misuse "bad $name \"\": it is empty (hint: a variable that is not set?)"
	}
	if {$kind eq "several" || ($kind eq "some" && [llength $words])} {
	    dict set values $name $words
	    return $values
	}
	if {[llength $words] == 0} {
	    if {$kind in {required some}} {
		Misuse "missing $name, should be \"[Synopsis $command]\""
	    }
	    return $values
	}
	dict set values $name [lindex $words 0]
	set words [lrange $words 1 end]
    }
    if {[llength $words]} {
	Misuse "unexpected argument \"[lindex $words 0]\", should be \"[Synopsis $command]\""
    }
    return $values
}

proc ::sdx::options::Check {word value check} {
    lassign $check kind min max
    if {$kind eq "choice" && $value ni [lrange $check 1 end]} {
	Misuse "bad argument \"$value\" of option \"$word\": must be one of [join [lrange $check 1 end] ", "]"
    }
    if {$kind eq "integer" && !([string is integer -strict $value] && $value >= $min && $value <= $max)} {
	Misuse "bad argument \"$value\" of option \"$word\": must be a number from $min to $max"
    }
}

# ::sdx::options::Synopsis --
#
#	The usage line.

proc ::sdx::options::Synopsis {command} {
    set text "sdx [namespace tail $command]"
    foreach operand [set ${command}::operands] {
	lassign $operand name kind
	append text " " [dict get [list required $name optional ?$name? several "?$name ...?" some "$name ..."] $kind]
    }
    if {[llength [set ${command}::options]]} {
	append text " ?option ...?"
    }
    return $text
}

# ::sdx::options::Usage --
#
#	What `sdx --help` prints.

proc ::sdx::options::Usage {} {
    variable beginnings

    set text "usage: sdx COMMAND ?ARGUMENT ...?\n"
    set longest [::tcl::mathfunc::max {*}[lmap name [::sdx::Names] {string length $name}]]
    dict for {headline rows} $::sdx::commands {
	append text "\n$headline:\n"
	foreach row $rows {
	    append text [format "  %-*s  %s\n" $longest {*}$row]
	}
    }
    append text "\nTo begin with, for a directory app.vfs that holds a script main.tcl:\n"
    foreach {line what} $beginnings {
	append text [format "  %-27s  %s\n" $line $what]
    }
    append text "\n`sdx help COMMAND` tells more of one; `sdx --version` tells which sdx this is.\n\n"
    append text "Exit status: 0 done, 1 it could not be done, 2 wrong usage."
    return $text
}

# ::sdx::options::Help --
#
#	The help of a subcommand.

proc ::sdx::options::Help {command} {
    variable helpRow

    set text "usage: [Synopsis $command]\n"
    foreach paragraph [split [string map {\n\n \0} [string trim [set ${command}::description]]] \0] {
	append text \n[Fold $paragraph ""]
    }
    append text "\nOptions:\n"
    foreach row [concat [set ${command}::options] [list $helpRow]] {
	lassign $row names argument check help
	set head "  [join $names ", "][expr {$argument eq "" ? "" : " $argument"}]"
	append text [expr {[string length $head] > 20 ? "$head\n[string repeat " " 22]" : [format %-22s $head]}]
	append text [string trimleft [Fold $help [string repeat " " 22]]]
    }
    if {[info exists ${command}::examples]} {
	append text "\nExamples:\n"
	foreach {line what} [set ${command}::examples] {
	    append text "  $line\n" [Fold $what "      "]
	}
    }
    if {[info exists ${command}::result]} {
	append text \n [Fold "As a package, returns [string trim [set ${command}::result]]" ""]
    }
    set statuses "0 done, 1 it could not be done, 2 wrong usage"
    if {[info exists ${command}::statuses]} {
	set statuses [set ${command}::statuses]
    }
    append text "\nExit status: $statuses."
    return $text
}

# ::sdx::options::Fold --
#
#	Breaks a text into indented lines; lines that begin with a space in the source stay as they are.

proc ::sdx::options::Fold {text indent} {
    variable width

    if {[string index $text 0] eq " "} {
	return $text\n
    }
    set folded ""
    set line ""
    foreach word [split [regsub -all {\s+} [string trim $text] " "] " "] {
	if {$line ne "" && [string length "$indent$line $word"] > $width} {
	    append folded $indent$line\n
	    set line ""
	}
	append line [expr {$line eq "" ? "" : " "}]$word
    }
    return $folded$indent$line\n
}

# ::sdx::options::Suggestion --
#
#	" (did you mean X?)" with the nearest of the known names, or nothing when none is near.

proc ::sdx::options::Suggestion {word known} {
    set best [expr {[string length $word] / 2 + 1}]
    set nearest ""
    foreach candidate $known {
	set distance [Distance $word $candidate]
	if {[string match $word* $candidate]} {
	    set distance 0
	}
	if {$distance < $best} {
	    set best $distance
	    set nearest $candidate
	}
    }
    return [expr {$nearest eq "" ? "" : " (did you mean $nearest?)"}]
}

# ::sdx::options::Distance --
#
#	How many letters have to be added, taken or changed to make one word of another (Levenshtein).

proc ::sdx::options::Distance {a b} {
    set row {}
    for {set j 0} {$j <= [string length $b]} {incr j} {
	lappend row $j
    }
    for {set i 1} {$i <= [string length $a]} {incr i} {
	set next $i
	for {set j 1} {$j <= [string length $b]} {incr j} {
	    set change [expr {[string index $a $i-1] ne [string index $b $j-1]}]
	    lappend next [expr {min([lindex $row $j] + 1, [lindex $next end] + 1, [lindex $row $j-1] + $change)}]
	}
	set row $next
    }
    return [lindex $row end]
}
