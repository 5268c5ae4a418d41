# SPDX-License-Identifier: MIT
#
# completion_bash.tcl: the words that completion.bash lacks, of a description as completion.tcl has it.

namespace eval ::sdx::completion_bash {}

# ::sdx::completion_bash::Words --
#
#	A dict from the template's marks to what stands there.

proc ::sdx::completion_bash::Words {names rows} {
    return [dict create COMMANDS [expr {[llength $names] ? [join $names " | "] : "''"}] WORDS $names \
	    CASES [join [lmap row $rows {Case $row}] \n]]
}

proc ::sdx::completion_bash::Case {row} {
    lassign $row name - options operands
    set words {}
    set takes {}
    foreach option $options {
	lassign $option aliases kinds
	lappend words {*}$aliases
	if {[llength $kinds]} {
	    lappend takes {*}[lmap alias $aliases {string cat \[ $alias \]=' $kinds '}]
	}
    }
    set kinds [lmap operand $operands {string cat [lindex $operand 1] [expr {[lindex $operand 2] ? "+" : ""}]}]
    return "        [expr {$name eq "" ? "''" : $name}])
            options=([Folded $words])
            takes=([Folded $takes])
            operands=($kinds)
            ;;"
}

proc ::sdx::completion_bash::Folded {words} {
    set lines {}
    set line ""
    foreach word $words {
	if {$line ne "" && [string length $line] + [string length $word] > 90} {
	    lappend lines $line
	    set line ""
	}
	append line [expr {$line eq "" ? "" : " "}] $word
    }
    return [join [concat $lines [list $line]] "\n                "]
}
