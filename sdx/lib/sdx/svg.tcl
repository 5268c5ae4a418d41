# SPDX-License-Identifier: MIT
#
# svg.tcl: elements of a picture (SVG 1.1).
#
# Rule: a text that is not ours gets into a picture by Escaped, as text between two tags. What is in an attribute is
# made of numbers and of our own words.

::sdx::Load lsk

namespace eval ::sdx::svg {
    # In pixels: the height of letters, the width of most, and the height of a line.
    variable letters 11
    variable letter 6.2
    variable line 14
}

# ::sdx::svg::Escaped --
#
#	A text as character data of XML 1.0: on one line, and without the characters that XML does not know.

proc ::sdx::svg::Escaped {text} {
    set text [string map {& &amp; < &lt; > &gt; \" &quot; ' &#39; \ufffe \ufffd \uffff \ufffd} [::sdx::lsk::Printable $text]]
    if {![regexp {[\ud800-\udfff]} $text]} {
	return $text
    }
    # Halves of characters without their other halves.
    set whole ""
    foreach {- pair other} [regexp -all -inline {([\ud800-\udbff][\udc00-\udfff])|(.)} $text] {
	append whole $pair [regsub {[\ud800-\udfff]} $other \ufffd]
    }
    return $whole
}

# ::sdx::svg::Number --
#
#	A coordinate.

proc ::sdx::svg::Number {number} {
    return [string trimright [string trimright [format %.2f $number] 0] .]
}

# ::sdx::svg::Box --
#
#	A rectangle.
#
# Arguments:
#	class -	Of the picture's style sheet.
#	title -	What is shown when it is pointed at: a list of lines.

proc ::sdx::svg::Box {class title x y width height} {
    set box "<rect class=\"$class\""
    foreach {name number} [list x $x y $y width $width height $height] {
	append box " $name=\"[Number $number]\""
    }
    if {[llength $title] == 0} {
	return $box/>
    }
    return "$box><title>[join [lmap row $title {Escaped $row}] \n]</title></rect>"
}

# ::sdx::svg::Label --
#
#	A line of text in a rectangle, cut short where need be.
#
# Results:
#	A list of elements: none when next to nothing of the text would fit.

proc ::sdx::svg::Label {text x y width height {anchor start}} {
    variable letter
    variable line

    if {$height < $line} {
	return {}
    }
    set room [expr {$width - 4}]
    set fitting ""
    foreach character [split $text ""] {
	# Ideographs and the like are as wide as high.
	set room [expr {$room - ([string compare $character \u2e80] < 0 ? $letter : 2 * $letter)}]
	if {$room < 0} {
	    if {[string length $fitting] < 4} {
		return {}
	    }
	    set fitting [regsub {[\ud800-\udbff]$} [string range $fitting 0 end-1] ""]\u2026
	    break
	}
	append fitting $character
    }
    set at [expr {$anchor eq "end" ? $width - 2 : 2}]
    # What is outside of an inner svg is not shown, whatever the font.
    return [list "<svg x=\"[Number $x]\" y=\"[Number $y]\" width=\"[Number $width]\" height=\"$line\"><text\
	class=\"$anchor\" x=\"[Number $at]\" y=\"[expr {$line - 3}]\">[Escaped $fitting]</text></svg>"]
}
