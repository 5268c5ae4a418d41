# SPDX-License-Identifier: MIT
#
# treemap.tcl: sdx treemap, a picture of what takes the space in an archive. It is one file that refers to nothing
# outside and holds no script; names get into it as svg.tcl says.
#
# What would be too small to see or to point at is drawn together with others of its type in the same directory, so the
# number of boxes is bounded by the picture's area and not by that of members.

::sdx::Load entries
::sdx::Load lsk
::sdx::Load members
::sdx::Load output
::sdx::Load squarify
::sdx::Load svg

namespace eval ::sdx::treemap {
    variable operands {{KIT required} {OUT optional}}
    variable options {
	{{-content} {} {} {by the size of contents, not by what they take in the archive}}
	{{-width} N {integer 300 20000} {of the picture, in pixels; default 1200}}
	{{-height} N {integer 200 20000} {of the picture; default 800}}
	{{-runtime} {} {} {of a starpack or a runtime, also the members that belong to the runtime}}
	{{-quiet} {} {} {print nothing when all goes well}}
    }
    variable description {
	Draws what takes the space in a kit, a starpack, a plain archive, a Metakit kit or a zip file, as an SVG that any
	browser shows: for each file a box that is as large as what it takes in the archive, in the colour of its extension,
	and around those of a directory a frame. A box that is pointed at tells its name and size. What is too small for a box
	is drawn together with the like in the same directory. Without OUT, or with "-", the picture is written to standard
	output.
    }
    variable examples {
	{sdx treemap app.kit app.svg && xdg-open app.svg} {why the kit is as large as it is}
	{sdx treemap app app.svg -runtime} {the same of a starpack, the Tcl library included}
    }
    variable result {
	the SVG, whether there is an OUT or not.
    }

    # In pixels: the legend's width, that of a frame, and the least area of a box.
    variable legendWidth 210
    variable frame 2
    variable areaMin 36
    # Of the types that take most, in that order; the last is that of all others.
    variable colours {#8ecae6 #ffb703 #90be6d #f28482 #cdb4db #f6bd60 #84a59d #ff9f6e #a2d2ff #d4a373 #b5e48c #c8c8c8}
}

proc ::sdx::treemap::Run {values} {
    set picture [Picture $values]
    if {[dict exists $values OUT] && [dict get $values OUT] ne "-"} {
	# A tilde is a letter here as everywhere but in Tcl.
	set out [regsub ^~ [dict get $values OUT] ./~]
	if {[::sdx::output::Is $out [::sdx::entries::Plain [dict get $values KIT]]]} {
	    return -code error -errorcode {SDX SAME} \
		"couldn't write \"[dict get $values OUT]\": it is what the picture is of"
	}
	::sdx::output::Write $out 0o666 channel {
	    puts -nonewline $channel [encoding convertto utf-8 $picture]
	}
    }
    return $picture
}

proc ::sdx::treemap::Show {values picture} {
    if {![dict exists $values OUT] || [dict get $values OUT] eq "-"} {
	fconfigure stdout -encoding utf-8
	puts -nonewline $picture
    } elseif {![dict get $values -quiet]} {
	puts "[::sdx::lsk::Printable [dict get $values OUT]]: [string length [encoding convertto utf-8 $picture]] bytes"
    }
}

# ::sdx::treemap::Picture --
#
#	The SVG.

proc ::sdx::treemap::Picture {values} {
    variable legendWidth
    variable colours

    set kit [dict get $values KIT]
    set content [dict get $values -content]
    set tree [Tree [::sdx::members::List $kit [dict get $values -runtime]] $content]
    set types [dict get $tree types ""]
    set palette {}
    foreach type [Ranked $types] {
	dict set palette $type [expr {min([dict size $palette], [llength $colours] - 1)}]
    }
    dict set tree palette $palette
    lassign {1200 800} width height
    foreach {option name} {-width width -height height} {
	if {[dict exists $values $option]} {
	    set $name [dict get $values $option]
	}
    }
    set title "$kit: [Amount {*}[Total $types]], [expr {$content ? "the contents" : "as stored"}]"
    set top [expr {$::sdx::svg::line + 4}]
    set mapWidth [expr {$width - $legendWidth}]
    return [join [list "<?xml version=\"1.0\" encoding=\"UTF-8\"?>" \
	"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 $width $height\" width=\"$width\" height=\"$height\">" \
	"<title>[::sdx::svg::Escaped $title]</title>" [Style] [::sdx::svg::Box paper {} 0 0 $width $height] \
	{*}[::sdx::svg::Label $title 0 2 $width $::sdx::svg::line] \
	{*}[Map $tree 2 $top [expr {$mapWidth - 4}] [expr {$height - $top - 2}]] \
	{*}[Legend $types $palette $mapWidth $top [expr {$legendWidth - 2}] $height] </svg> ""] \n]
}

proc ::sdx::treemap::Style {} {
    variable colours

    set rules [list "text { font: ${::sdx::svg::letters}px sans-serif; fill: #222; } .end { text-anchor: end; }" \
	"rect { stroke: #fff; stroke-width: 0.5; } .paper { fill: #fff; } .frame { fill: #eee; stroke: #777; }"]
    set number -1
    foreach colour $colours {
	lappend rules ".t[incr number] { fill: $colour; }"
    }
    return "<style>\n[join $rules \n]\n</style>"
}

# ::sdx::treemap::Tree --
#
#	What takes how much.
#
# Results:
#	A dict of dicts: children, as members.tcl has them; file, from a file's name to {bytes type}; types, from a
#	directory's name to a dict from type to {bytes count} of all below it; bytes, from a directory's name to what all
#	of that takes. Of what takes nothing only the root is there.

proc ::sdx::treemap::Tree {members content} {
    set children [::sdx::members::Children $members]
    set index [expr {$content ? 3 : 4}]
    lassign {} files types bytes
    # A directory comes before what is in it, so backwards all in it is known when its turn comes.
    foreach folder [lreverse [lsort [dict keys $children]]] {
	set sums {}
	set all 0
	foreach name [dict get $children $folder] {
	    set member [dict get $members $name]
	    if {[dict exists $types $name]} {
		dict for {type sum} [dict get $types $name] {
		    Add sums $type {*}$sum
		}
		incr all [dict get $bytes $name]
	    } elseif {[lindex $member 0] ne "directory" && [lindex $member $index] > 0} {
		set type [Type $name [lindex $member 0]]
		dict set files $name [list [lindex $member $index] $type]
		Add sums $type [lindex $member $index] 1
		incr all [lindex $member $index]
	    }
	}
	if {$all > 0 || $folder eq ""} {
	    dict set types $folder $sums
	    dict set bytes $folder $all
	}
    }
    return [dict create children $children files $files types $types bytes $bytes]
}

proc ::sdx::treemap::Add {sumsName type bytes count} {
    upvar 1 $sumsName sums

    if {[dict exists $sums $type]} {
	incr bytes [lindex [dict get $sums $type] 0]
	incr count [lindex [dict get $sums $type] 1]
    }
    dict set sums $type [list $bytes $count]
}

# ::sdx::treemap::Total --
#
#	The sum of a dict from type to {bytes count}, as such a pair.

proc ::sdx::treemap::Total {sums} {
    set total {}
    foreach sum [dict values $sums] {
	Add total all {*}$sum
    }
    Add total all 0 0
    return [dict get $total all]
}

# ::sdx::treemap::Ranked --
#
#	Types, those that take most first.

proc ::sdx::treemap::Ranked {sums} {
    set ranked [lsort -stride 2 -index {1 0} -integer -decreasing [lsort -stride 2 -index 0 $sums]]
    return [lmap {type -} $ranked {set type}]
}

# ::sdx::treemap::Type --
#
#	What a file is counted as: its extension, or words.

proc ::sdx::treemap::Type {name kind} {
    if {$kind eq "link"} {
	return links
    }
    if {[regexp {[^/](\.[A-Za-z][A-Za-z0-9_+-]{0,11})$} $name - extension]} {
	return [string tolower $extension]
    }
    return "no extension"
}

# ::sdx::treemap::Amount --
#
#	"1,234 bytes in 5 files".

proc ::sdx::treemap::Amount {bytes count} {
    return "[Number $bytes] [expr {$bytes == 1 ? "byte" : "bytes"}] in [Number $count]\
	[expr {$count == 1 ? "file" : "files"}]"
}

proc ::sdx::treemap::Number {number} {
    while {[regsub {^(\d+)(\d{3})} $number {\1,\2} number]} {}
    return $number
}

proc ::sdx::treemap::Short {bytes} {
    foreach {unit size} {GB 1e9 MB 1e6 kB 1e3} {
	if {$bytes >= $size} {
	    return "[format %.1f [expr {$bytes / $size}]] $unit"
	}
    }
    return "$bytes B"
}

# ::sdx::treemap::Map --
#
#	All frames and boxes.

proc ::sdx::treemap::Map {tree x y width height} {
    set parts {}
    # What is to be drawn next is the last: a directory and its place, or the end of one.
    set pending [list [list "" $x $y $width $height]]
    while {[llength $pending]} {
	set item [lindex $pending end]
	set pending [lreplace $pending[unset pending] end end]
	if {$item eq "</g>"} {
	    lappend parts </g>
	    continue
	}
	set place [lassign $item folder]
	if {$folder ne ""} {
	    lassign [Frame $tree $folder {*}$place] folder place frame
	    lappend parts {*}$frame
	    if {$place eq ""} continue
	    lappend pending </g>
	}
	set nodes [Nodes $tree $folder [expr {double([lindex $place 2]) * [lindex $place 3]}]]
	set below {}
	foreach node $nodes at [::sdx::squarify::Layout [lmap node $nodes {lindex $node 0}] {*}$place] {
	    lassign $node - kind name
	    if {$kind eq "folder"} {
		lappend below [list $name {*}$at]
	    } else {
		lappend parts {*}[Leaf $tree $folder $node {*}$at]
	    }
	}
	lappend pending {*}[lreverse $below]
    }
    return $parts
}

# ::sdx::treemap::Frame --
#
#	The frame of a directory, with its name where there is room. One frame is drawn around directories that hold nothing
#	but a directory.
#
# Results:
#	A list of three: the innermost directory, the place inside, or nothing when there is none, and elements. They
#	open a group unless there is no place inside.

proc ::sdx::treemap::Frame {tree folder x y width height} {
    variable frame

    set label [::sdx::members::Tail $folder]/
    while {[llength [set only [dict get $tree children $folder]]] == 1 && [dict exists $tree types [lindex $only 0]]} {
	set folder [lindex $only 0]
	append label [::sdx::members::Tail $folder]/
    }
    set types [dict get $tree types $folder]
    set title [list $folder/ [Amount {*}[Total $types]]]
    set line $::sdx::svg::line
    set head [expr {$width >= 40 && $height >= 2.5 * $line ? $line + 1 : $frame}]
    set insideWidth [expr {$width - 2 * $frame}]
    set insideHeight [expr {$height - $head - $frame}]
    if {min($insideWidth, $insideHeight) < 4} {
	set class t[dict get $tree palette [lindex [Ranked $types] 0]]
	return [list $folder {} [list [::sdx::svg::Box $class $title $x $y $width $height]]]
    }
    set parts [list <g> [::sdx::svg::Box frame $title $x $y $width $height]]
    if {$head > $line} {
	lappend parts {*}[::sdx::svg::Label $label [expr {$x + 1}] $y [expr {$width - 2}] $line]
    }
    return [list $folder [list [expr {$x + $frame}] [expr {$y + $head}] $insideWidth $insideHeight] $parts]
}

# ::sdx::treemap::Nodes --
#
#	What is in a directory.
#
# Arguments:
#	area -	That it has.
#
# Results:
#	A list, the largest first, of {bytes folder NAME}, {bytes file NAME TYPE} and, of what is too small for a box, {bytes
#	smaller COUNT TYPE}.

proc ::sdx::treemap::Nodes {tree folder area} {
    variable areaMin

    set least [expr {$areaMin * [dict get $tree bytes $folder] / $area}]
    set nodes {}
    set smaller {}
    foreach name [dict get $tree children $folder] {
	if {[dict exists $tree types $name]} {
	    set bytes [dict get $tree bytes $name]
	    if {$bytes >= $least} {
		lappend nodes [list $bytes folder $name]
	    } else {
		dict for {type sum} [dict get $tree types $name] {
		    Add smaller $type {*}$sum
		}
	    }
	} elseif {[dict exists $tree files $name]} {
	    lassign [dict get $tree files $name] bytes type
	    if {$bytes >= $least} {
		lappend nodes [list $bytes file $name $type]
	    } else {
		Add smaller $type $bytes 1
	    }
	}
    }
    dict for {type sum} $smaller {
	lassign $sum bytes count
	lappend nodes [list $bytes smaller $count $type]
    }
    return [lsort -integer -decreasing -index 0 $nodes]
}

# ::sdx::treemap::Leaf --
#
#	The box of a file, or of smaller ones, with its label.

proc ::sdx::treemap::Leaf {tree folder node x y width height} {
    lassign $node bytes kind name type
    if {$kind eq "file"} {
	set label [::sdx::members::Tail $name]
	set title [list $name [regsub { in .*} [Amount $bytes 1] ""]]
    } else {
	set label "[Number $name] smaller: $type"
	set title [list "$folder/" $label [Amount $bytes $name]]
    }
    set class t[dict get $tree palette $type]
    return [list [::sdx::svg::Box $class $title $x $y $width $height] {*}[::sdx::svg::Label $label $x $y $width $height]]
}

# ::sdx::treemap::Legend --
#
#	The colours, with what each takes.

proc ::sdx::treemap::Legend {types palette x y width height} {
    variable colours

    set line $::sdx::svg::line
    set last [expr {[llength $colours] - 1}]
    lassign [Total $types] all
    # From the number of a colour to what it stands for.
    set sums {}
    set names {}
    foreach type [Ranked $types] {
	set number [dict get $palette $type]
	Add sums $number {*}[dict get $types $type]
	dict lappend names $number $type
    }
    set parts {}
    dict for {number sum} $sums {
	lassign $sum bytes count
	if {$y + $line > $height} break
	set label [lindex [dict get $names $number] 0]
	if {[llength [dict get $names $number]] > 1} {
	    set label "[llength [dict get $names $number]] other types"
	}
	set share "[Short $bytes] [format %5.1f [expr {100.0 * $bytes / $all}]] %"
	lappend parts [::sdx::svg::Box t$number [list $label [Amount $bytes $count]] $x [expr {$y + 2}] 10 10] \
	    {*}[::sdx::svg::Label $label [expr {$x + 12}] $y [expr {$width * 0.48 - 12}] $line] \
	    {*}[::sdx::svg::Label $share [expr {$x + $width * 0.48}] $y [expr {$width * 0.52}] $line end]
	incr y [expr {$line + 4}]
    }
    return $parts
}
