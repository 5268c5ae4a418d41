# SPDX-License-Identifier: MIT
#
# squarify.tcl: rectangles within a rectangle, of areas in given proportions, each as near to a square as can be.
#
# The algorithm is that of Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000): sizes come in descending order and
# are put into rows along the shorter side of what is left; a row ends where one more would make its rectangles longer.

namespace eval ::sdx::squarify {}

# ::sdx::squarify::Layout --
#
#	Divides a rectangle.
#
# Arguments:
#	sizes -		Positive numbers, in descending order.
#
# Results:
#	A list of {x y width height}, in the order of the sizes.

proc ::sdx::squarify::Layout {sizes x y width height} {
    if {[llength $sizes] == 0} {
	return {}
    }
    set scale [expr {double($width) * $height / [::tcl::mathop::+ 0.0 {*}$sizes]}]
    set rectangles {}
    set row {}
    set sum 0.0
    foreach size $sizes {
	set area [expr {$size * $scale}]
	set side [expr {min($width, $height)}]
	if {[llength $row] && [Worst [expr {$sum + $area}] [lindex $row 0] $area $side]
		> [Worst $sum [lindex $row 0] [lindex $row end] $side]} {
	    lassign [Row $row $sum $x $y $width $height] placed x y width height
	    lappend rectangles {*}$placed
	    set row {}
	    set sum 0.0
	}
	lappend row $area
	set sum [expr {$sum + $area}]
    }
    return [concat $rectangles [lindex [Row $row $sum $x $y $width $height] 0]]
}

# ::sdx::squarify::Worst --
#
#	How long the longest rectangle of a row is, as a multiple of its width.
#
# Arguments:
#	sum, max, min -	Of the areas in the row.
#	side -		That the row lies along.

proc ::sdx::squarify::Worst {sum max min side} {
    set thickness [expr {$sum / $side}]
    return [expr {max($max / $thickness / $thickness, $thickness * $thickness / $min)}]
}

# ::sdx::squarify::Row --
#
#	Places a row along the shorter side.
#
# Results:
#	A list of five: the rectangles, and what is left.

proc ::sdx::squarify::Row {areas sum x y width height} {
    set rectangles {}
    if {$width >= $height} {
	set thickness [expr {$sum / $height}]
	set at $y
	foreach area $areas {
	    set length [expr {$area / $thickness}]
	    lappend rectangles [list $x $at $thickness $length]
	    set at [expr {$at + $length}]
	}
	return [list $rectangles [expr {$x + $thickness}] $y [expr {$width - $thickness}] $height]
    }
    set thickness [expr {$sum / $width}]
    set at $x
    foreach area $areas {
	set length [expr {$area / $thickness}]
	lappend rectangles [list $at $y $length $thickness]
	set at [expr {$at + $length}]
    }
    return [list $rectangles $x [expr {$y + $thickness}] $width [expr {$height - $thickness}]]
}
