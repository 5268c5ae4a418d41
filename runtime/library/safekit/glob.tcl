# SPDX-License-Identifier: MIT
#
# glob.tcl: glob in a safe script, over grants with the right to list.
#
# Patterns are those of glob(n). They become regular expressions, whose matching takes time linear in a name: with
# [string match] a pattern of many stars takes a time beyond all limits, and it would be the parent's. Links are
# listed, under type l alone, and not followed.

namespace eval ::safekit::safe {
    # No more patterns than this come out of the braces of one.
    variable mostPatterns 256
    variable longestPattern 1024
    # Nor more stars in one part of a pattern.
    variable mostStars 32
}

proc ::safekit::safe::DoGlob {child args} {
    set directory ""
    set prefix ""
    set types {}
    array set is {-join 0 -nocomplain 0 -tails 0}
    while {[string match -* [lindex $args 0]]} {
	set args [lassign $args word]
	if {$word eq "--"} {
	    break
	}
	set known {-directory -join -nocomplain -path -tails -types --}
	if {[catch {tcl::prefix match -message option $known $word} option]} {
	    Refuse {TCL LOOKUP INDEX option} "bad option \"$word\": must be [join $known {, }]"
	}
	switch -- $option {
	    -directory {set args [lassign $args directory]}
	    -path {set args [lassign $args prefix]}
	    -types {set args [lassign $args types]}
	    default {set is($option) 1}
	}
    }
    if {![llength $args]} {
	Refuse {TCL WRONGARGS} "wrong # args: should be \"glob ?-option value ...? ?--? name ?name ...?\""
    }
    if {$directory ne "" && $prefix ne ""} {
	Refuse {TCL OPERATION GLOB BADOPTIONCOMBINATION} "\"-directory\" cannot be used with \"-path\""
    }
    set patterns [expr {$is(-join) ? [list [join $args /]] : $args}]
    set found {}
    foreach pattern $patterns {
	foreach single [ExpandBraces $pattern] {
	    lappend found {*}[Matches $child $directory $prefix $single $types $is(-tails)]
	}
    }
    if {![llength $found] && !$is(-nocomplain)} {
	set s [expr {[llength $args] > 1 ? "s" : ""}]
	Refuse {TCL OPERATION GLOB NOMATCH} "no files matched glob pattern$s \"[join $args]\""
    }
    return $found
}

# ::safekit::safe::ExpandBraces --
#
#	The patterns that one with {a,b} stands for.

proc ::safekit::safe::ExpandBraces {pattern} {
    variable mostPatterns
    variable longestPattern

    if {[string length $pattern] > $longestPattern} {
	Refuse {SAFEKIT LIMIT pattern} "pattern too long"
    }
    set waiting [list $pattern]
    set done {}
    while {[llength $waiting]} {
	set waiting [lassign $waiting next]
	lassign [FirstBraces $next] begin end commas
	if {$begin < 0} {
	    lappend done $next
	} else {
	    set from $begin
	    foreach to [concat $commas $end] {
		lappend waiting [string range $next 0 $begin-1][string range $next $from+1 $to-1][string range $next \
		    $end+1 end]
		set from $to
	    }
	}
	if {[llength $waiting] + [llength $done] > $mostPatterns} {
	    Refuse {SAFEKIT LIMIT pattern} "too many patterns in braces"
	}
    }
    return $done
}

# Results: where the first outermost braces begin and end, and the commas between their parts; -1 where there are
# none.

proc ::safekit::safe::FirstBraces {pattern} {
    set depth 0
    set begin -1
    set commas {}
    set length [string length $pattern]
    for {set i 0} {$i < $length} {incr i} {
	switch -- [string index $pattern $i] {
	    \\ {incr i}
	    \{ {
		if {[incr depth] == 1} {
		    set begin $i
		}
	    }
	    \} {
		if {$depth == 0} {
		    Refuse {TCL OPERATION GLOB BALANCE} "unmatched close-brace in file name"
		}
		if {[incr depth -1] == 0} {
		    return [list $begin $i $commas]
		}
	    }
	    , {
		if {$depth == 1} {
		    lappend commas $i
		}
	    }
	}
    }
    if {$depth > 0} {
	Refuse {TCL OPERATION GLOB BALANCE} "unmatched open-brace in file name"
    }
    return {-1 -1 {}}
}

# ::safekit::safe::Matches --
#
#	The names that match one pattern, as the script is to see them.

proc ::safekit::safe::Matches {child directory prefix pattern types tails} {
    set what "couldn't list"
    if {$directory ne ""} {
	lassign [Demand $child $directory $what list] grant name shown
	if {[regexp {^(/|\$p\(:\d+:\))} $pattern]} {
	    Deny path "$what \"$pattern\"" "not a name below \"$directory\""
	}
	set before [expr {$tails ? "" : "[string trimright $directory /]/"}]
	return [lmap found [Walk $child $grant $name [split $pattern /] $types] {string cat $before $found}]
    }
    # The last part of a prefix belongs to the first one of the pattern.
    set whole [EscapePattern $prefix]$pattern
    if {[regexp {^(\$p\(:\d+:\))(?:/(.*))?$} $whole -> token rest]} {
	lassign [Demand $child $token $what list] grant name
	set before $token/
    } else {
	lassign [Demand $child [expr {[string match /* $whole] ? $whole : "."}] $what list] grant name
	set rest $whole
	set before ""
    }
    set cut [expr {$tails ? [string length [regexp -inline {^.*/} $prefix]] : 0}]
    return [lmap found [Walk $child $grant $name [split $rest /] $types] {string range $before$found $cut end}]
}

# ::safekit::safe::Walk --
#
#	Follows a pattern part by part.
#
# Results:
#	Names below the start.

proc ::safekit::safe::Walk {child grant name parts types} {
    CheckTime $child
    set parts [lassign $parts part]
    while {$part in {"" .} && [llength $parts]} {
	set parts [lassign $parts part]
    }
    if {$part eq ".."} {
	Deny path "couldn't list a pattern with \"..\"" "it leads out"
    }
    if {[regexp {[*?\[\\]} $part]} {
	if {[catch {ListBeneath $grant $name} children]} {
	    return {}
	}
	set expression [GlobExpression $part]
	set dots [string match {.*} [string trimleft $part \\]]
	set entries {}
	foreach {entry type} $children {
	    if {($dots || [string index $entry 0] ne ".") && [regexp -- $expression $entry]} {
		lappend entries $entry $type
	    }
	}
    } elseif {$part in {"" .}} {
	set entries {. directory}
    } elseif {[catch {StatBeneath $grant [string trimleft $name/$part /]} status]} {
	return {}
    } else {
	set entries [list $part [dict get $status type]]
    }
    set only [dict get $grant only]
    set answer {}
    foreach {entry type} $entries {
	if {$only ne "" && $entry ne $only} {
	    continue
	}
	if {![llength $parts]} {
	    if {[HasType $grant $entry $type $types]} {
		lappend answer $entry
	    }
	} elseif {$type eq "directory"} {
	    foreach deeper [Walk $child $grant [string trimleft $name/$entry /] $parts $types] {
		lappend answer $entry/$deeper
	    }
	}
    }
    return $answer
}

# Letters of kinds, of which one must fit, and of rights, which all must.

proc ::safekit::safe::HasType {grant entry type types} {
    set kinds {}
    set letters {file f directory d link l fifo p socket s characterSpecial c blockSpecial b}
    foreach word $types {
	switch -- $word {
	    b - c - d - f - l - p - s {lappend kinds $word}
	    r - w - x {
		if {[dict get {r read w write x exec} $word] ni [dict get $grant rights]} {
		    return 0
		}
	    }
	    hidden {
		if {![string match .* $entry]} {
		    return 0
		}
	    }
	    default {
		Refuse {TCL ARGUMENT BAD} "bad argument to \"-types\": $word"
	    }
	}
    }
    return [expr {![llength $kinds] || [dict get $letters $type] in $kinds}]
}

# ::safekit::safe::GlobExpression --
#
#	The regular expression of one part of a pattern.

proc ::safekit::safe::GlobExpression {part} {
    variable mostStars

    # Two stars are one; beyond that, the time to make the expression grows with their square.
    regsub -all {\*+} $part * part
    if {[regexp -all {[*]} $part] > $mostStars} {
	Refuse {SAFEKIT LIMIT pattern} "too many stars in a pattern"
    }
    set expression {(?s)^}
    set length [string length $part]
    for {set i 0} {$i < $length} {incr i} {
	set char [string index $part $i]
	switch -- $char {
	    * {append expression .*}
	    ? {append expression .}
	    \[ {
		set end [string first \] $part $i]
		if {$end < 0} {
		    # Without an end it matches nothing.
		    return {(?!)}
		}
		set set [string range $part $i+1 $end-1]
		append expression [expr {$set eq "" ? "(?!)" : "\[[string map {\\ \\\\ ^ \\^ [ \\[} $set]\]"}]
		set i $end
	    }
	    \\ {
		append expression [EscapeExpression [string index $part [incr i]]]
	    }
	    default {
		append expression [EscapeExpression $char]
	    }
	}
    }
    append expression {$}
    # A range the wrong way round, and the like.
    if {[catch {regexp -- $expression ""}]} {
	return {(?!)}
    }
    return $expression
}

proc ::safekit::safe::EscapeExpression {char} {
    return [expr {[string is alnum $char] ? $char : "\\$char"}]
}
