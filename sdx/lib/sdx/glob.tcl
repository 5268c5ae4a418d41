# SPDX-License-Identifier: MIT
#
# glob.tcl: patterns of names, as shells and gitignore(5) know them.
#
#	*	any characters but /
#	**	any characters; **/ also nothing
#	?	one character but /
#	[a-z]	one of these characters; [!a-z] or [^a-z] one that is none of these, nor /
#	{a,b}	either
#	\x	x itself
#
# A pattern without / is compared with the last part of a name, one with / with the whole name; a / in front or at the
# end says just that.

namespace eval ::sdx::glob {}

# ::sdx::glob::Expression --
#
#	The regular expression of a pattern, for whole names. What is wrong with a pattern is wrong usage.

proc ::sdx::glob::Expression {pattern} {
    set expression ""
    set braces 0
    set i 0
    set text [string trim $pattern /]
    set length [string length $text]
    while {$i < $length} {
	set character [string index $text $i]
	incr i
	switch -- $character {
	    * {
		if {[string index $text $i] ne "*"} {
		    append expression {[^/]*}
		} elseif {[string index $text $i+1] eq "/" && ($i == 1 || [string index $text $i-2] eq "/")} {
		    append expression {(?:.*/)?}
		    incr i 2
		} else {
		    append expression .*
		    incr i
		}
	    }
	    ? {
		append expression {[^/]}
	    }
	    \[ {
		# A bracket that comes first is one of the characters.
		if {![regexp -start $i {\A([!^]?)(\]?[^]]*)\]} $text all not set]} {
		    Misuse $pattern "a \[ without \]"
		}
		incr i [string length $all]
		append expression [Set $pattern $not $set]
	    }
	    \{ {
		incr braces
		append expression (?:
	    }
	    \} {
		append expression [expr {$braces ? ")" : "\\\}"}]
		incr braces [expr {$braces ? -1 : 0}]
	    }
	    , {
		append expression [expr {$braces ? "|" : ","}]
	    }
	    \\ {
		if {$i == $length} {
		    Misuse $pattern "nothing behind its last \\"
		}
		append expression [Literal [string index $text $i]]
		incr i
	    }
	    default {
		append expression [Literal $character]
	    }
	}
    }
    if {$braces} {
	Misuse $pattern "a \{ without \}"
    }
    if {![string match */* $pattern]} {
	set expression (?:.*/)?(?:$expression)
    }
    return ^(?:$expression)$
}

proc ::sdx::glob::Literal {character} {
    return [expr {[string is alnum $character] || [scan $character %c] > 127 ? $character : "\\$character"}]
}

# ::sdx::glob::Set --
#
#	A bracket expression: each character as it is, but for the minus between two.

proc ::sdx::glob::Set {pattern not set} {
    set elements ""
    for {set i 0} {$i < [string length $set]} {incr i} {
	set first [string index $set $i]
	if {[string index $set $i+1] eq "-" && $i + 2 < [string length $set]} {
	    set last [string index $set [incr i 2]]
	    if {[scan $first %c] > [scan $last %c]} {
		Misuse $pattern "$first-$last is no range"
	    }
	    append elements [format \\u%04x-\\u%04x [scan $first %c] [scan $last %c]]
	} else {
	    append elements [format \\u%04x [scan $first %c]]
	}
    }
    if {$elements eq ""} {
	Misuse $pattern "nothing between \[ and \]"
    }
    return [expr {$not eq "" ? "(?!/)\[$elements\]" : "\[^/$elements\]"}]
}

proc ::sdx::glob::Misuse {pattern cause} {
    return -code error -level 2 -errorcode {SDX USAGE} "bad pattern \"$pattern\": $cause"
}
