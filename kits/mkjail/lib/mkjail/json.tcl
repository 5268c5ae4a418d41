# SPDX-License-Identifier: MIT
#
# json.tcl: results as JSON (RFC 8259), for programs. Values are JSON already but for Text's argument.

namespace eval ::mkjail::json {}

proc ::mkjail::json::Text {text} {
    set json \"
    foreach character [split $text ""] {
	scan $character %c code
	if {$character in {\" \\}} {
	    append json \\ $character
	} elseif {$code < 32 || $code == 127 || ($code >= 0xd800 && $code < 0xe000)} {
	    append json [format \\u%04x $code]
	} else {
	    append json $character
	}
    }
    return $json\"
}

proc ::mkjail::json::Texts {texts} {
    return [Array [lmap text $texts {Text $text}]]
}

proc ::mkjail::json::Array {elements} {
    return \[[join $elements ", "]\]
}

proc ::mkjail::json::Object {pairs} {
    return "{[join [lmap {key value} $pairs {string cat [Text $key] ": " $value}] ", "]}"
}

# ::mkjail::json::Indent --
#
#	The same JSON over several lines, for people.

proc ::mkjail::json::Indent {json} {
    set out ""
    set depth 0
    set inText 0
    set escaped 0
    set previous ""
    foreach character [split $json ""] {
	if {$inText} {
	    append out $character
	    set inText [expr {$character ne "\"" || $escaped}]
	    set escaped [expr {$character eq "\\" && !$escaped}]
	    set previous $character
	    continue
	}
	switch -- $character {
	    \{ - \[ {
		if {$previous eq "open" || $previous eq ","} {
		    append out \n[string repeat "  " $depth]
		}
		append out $character
		incr depth
		set previous open
		continue
	    }
	    \} - \] {
		incr depth -1
		if {$previous ne "open"} {
		    append out \n[string repeat "  " $depth]
		}
		append out $character
		set previous $character
		continue
	    }
	    " " {
		if {$previous eq ","} {
		    continue
		}
	    }
	}
	if {$previous eq "open" || $previous eq ","} {
	    append out \n[string repeat "  " $depth]
	}
	append out $character
	set inText [expr {$character eq "\""}]
	set previous $character
    }
    return $out
}
