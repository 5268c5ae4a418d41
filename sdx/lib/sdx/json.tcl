# SPDX-License-Identifier: MIT
#
# json.tcl: results as JSON (RFC 8259), for programs.

namespace eval ::sdx::json {}

proc ::sdx::json::Text {text} {
    if {[regexp {^[ !#-\[\]-~]*$} $text]} {
	return \"$text\"
    }
    set json \"
    foreach character [split $text ""] {
	switch -- $character {
	    \" - \\ {
		append json \\ $character
	    }
	    default {
		scan $character %c code
		if {$code < 32 || ($code >= 127 && $code < 160) || ($code >= 0xd800 && $code < 0xe000)} {
		    set character [format \\u%04x $code]
		}
		append json $character
	    }
	}
    }
    return $json\"
}

proc ::sdx::json::Array {elements} {
    return \[[join $elements ", "]\]
}

# ::sdx::json::Object --
#
#	An object from keys and values that are JSON already.

proc ::sdx::json::Object {pairs} {
    return "{[join [lmap {key value} $pairs {string cat [Text $key] ": " $value}] ", "]}"
}

proc ::sdx::json::Boolean {value} {
    return [expr {$value ? "true" : "false"}]
}
