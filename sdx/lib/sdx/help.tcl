# SPDX-License-Identifier: MIT
#
# help.tcl: sdx help.

namespace eval ::sdx::help {
    variable operands {{COMMAND optional}}
    variable options {}
    variable description {
	Explains a command, or tells what replaces one that the classic sdx had; without one, lists them.
    }
    variable result {
	the text.
    }
}

proc ::sdx::help::Run {values} {
    if {[dict exists $values COMMAND]} {
	try {
	    return [::sdx::options::Help [::sdx::Command [dict get $values COMMAND]]]
	} trap {SDX RETIRED} {answer} {
	    return $answer
	}
    }
    return [::sdx::options::Usage]
}

proc ::sdx::help::Show {values text} {
    puts $text
}
