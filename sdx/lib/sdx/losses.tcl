# SPDX-License-Identifier: MIT
#
# losses.tcl: what a conversion could not keep. A loss is told once, however many members it befalls, with the first
# of them.

namespace eval ::sdx::losses {
    # By kind: {text count first}.
    variable found {}
}

proc ::sdx::losses::Clear {} {
    variable found {}
}

# ::sdx::losses::Add --
#
#	Notes a loss.
#
# Arguments:
#	kind -	A word for programs.
#	text -	What is lost, for people; the first of a kind counts.
#	args -	The member's name; none where it is not about a member.

proc ::sdx::losses::Add {kind text args} {
    variable found

    if {![dict exists $found $kind]} {
	dict set found $kind [list $text 0 [lindex $args 0]]
    }
    if {[llength $args]} {
	dict set found $kind [lreplace [dict get $found $kind] 1 1 [expr {[lindex [dict get $found $kind] 1] + 1}]]
    }
}

# ::sdx::losses::List --
#
#	What was noted: a list of dicts with kind, text, members (how many; 0 where it is not about members) and first.

proc ::sdx::losses::List {} {
    variable found

    set list {}
    dict for {kind loss} $found {
	lassign $loss text count first
	lappend list [dict create kind $kind text $text members $count first $first]
    }
    return $list
}

# ::sdx::losses::Line --
#
#	A loss as a text.

proc ::sdx::losses::Line {loss} {
    dict with loss {
	if {$members == 0} {
	    return $text
	}
	set rest [expr {$members - 1}]
	return "$text: \"$first\"[expr {$rest == 0 ? "" : " and $rest more"}]"
    }
}

proc ::sdx::losses::Json {loss} {
    dict with loss {
	return [::sdx::json::Object [list kind [::sdx::json::Text $kind] text [::sdx::json::Text $text] members $members \
	    first [expr {$members == 0 ? "null" : [::sdx::json::Text $first]}]]]
    }
}
