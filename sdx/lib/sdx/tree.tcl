# SPDX-License-Identifier: MIT
#
# tree.tcl: sdx tree, the members of a kit as a drawing.

::sdx::Load lsk
::sdx::Load members

namespace eval ::sdx::tree {
    variable operands {{KIT required} {DIRECTORY optional folder}}
    variable options {
	{{-directories -d} {} {} {directories only}}
	{{-level} N {integer 1 100000} {no deeper than N directories}}
	{{-size} {} {} {the size of each file, in bytes, in front of its name}}
	{{-runtime} {} {} {of a starpack or a runtime, also the members that belong to the runtime}}
	{{-json} {} {} {print the result as JSON: each directory holds its members}}
    }
    variable description {
	Draws what is in a kit, a starpack, a plain archive, a Metakit kit or a zip file, or in DIRECTORY of it.
    }
    variable examples {
	{sdx tree app.kit lib -level 2 -size} {what is in lib and directly below, with sizes}
    }
    variable result {
	dicts as those of sdx::lsk, in the order of the drawing, with one key more: depth, 1 for what is not in a directory
	below.
    }
}

proc ::sdx::tree::Run {values} {
    return [lindex [Read $values] 1]
}

proc ::sdx::tree::Shell {values} {
    lassign [Read $values] title members
    if {[dict get $values -json]} {
	puts [Json $title $members]
    } else {
	puts [::sdx::lsk::Printable $title]
	Draw $members [dict get $values -size] [dict get $values -directories]
    }
}

# ::sdx::tree::Read --
#
#	What there is to draw.
#
# Results:
#	A list of two: a title, and members as dicts in the order of the drawing, with their depth.

proc ::sdx::tree::Read {values} {
    set kit [dict get $values KIT]
    set members [::sdx::members::List $kit [dict get $values -runtime]]
    set root ""
    set title $kit
    if {[dict exists $values DIRECTORY]} {
	set root [::sdx::members::Folder $kit $members [dict get $values DIRECTORY]]
	append title [expr {$root eq "" ? "" : "/$root"}]
    }
    if {[dict get $values -directories]} {
	set members [dict filter $members script {- member} {string equal [lindex $member 0] directory}]
    }
    set level [expr {[dict exists $values -level] ? [dict get $values -level] : "inf"}]
    set children [::sdx::members::Children $members]
    set drawn {}
    # By depth: what is still to be drawn of the directory that is open there, backwards, and how much of it.
    set depth 1
    set pending(1) [lreverse [dict get $children $root]]
    set count(1) [llength $pending(1)]
    while {$depth} {
	if {$count($depth) == 0} {
	    incr depth -1
	    continue
	}
	set name [lindex $pending($depth) [incr count($depth) -1]]
	lappend drawn [dict replace [::sdx::members::Dict $name [dict get $members $name]] depth $depth]
	if {$depth < $level && [dict exists $children $name]} {
	    incr depth
	    set pending($depth) [lreverse [dict get $children $name]]
	    set count($depth) [llength $pending($depth)]
	}
    }
    return [list $title $drawn]
}

# ::sdx::tree::Last --
#
#	For each member whether it is the last of its directory.

proc ::sdx::tree::Last {members} {
    set last {}
    set before 0
    foreach member [lreverse $members] {
	set depth [dict get $member depth]
	# What is open at a depth is closed by what lies higher.
	for {set i $before} {$i > $depth} {incr i -1} {
	    unset -nocomplain seen($i)
	}
	lappend last [expr {![info exists seen($depth)]}]
	set seen($depth) 1
	set before $depth
    }
    return [lreverse $last]
}

proc ::sdx::tree::Draw {members sizes directoriesOnly} {
    # Where the system's encoding has no lines to draw, ASCII.
    set shapes {"\u251c\u2500\u2500 " "\u2502   " "\u2514\u2500\u2500 " "    "}
    if {[encoding system] ne "utf-8"} {
	set shapes {"|-- " "|   " "`-- " "    "}
    }
    lassign $shapes branch line corner room
    foreach type {file directory link} {
	set count($type) 0
    }
    set indent(1) ""
    foreach member $members isLast [Last $members] {
	dict with member {}
	incr count($type)
	set text [::sdx::lsk::Printable [::sdx::members::Tail $name]]
	switch -- $type {
	    directory {
		append text /
	    }
	    link {
		append text " -> [::sdx::lsk::Printable $target]"
	    }
	    default {
		if {$sizes} {
		    set text "[format {[%10d]} $size]  $text"
		}
	    }
	}
	puts $indent($depth)[expr {$isLast ? $corner : $branch}]$text
	set indent([expr {$depth + 1}]) $indent($depth)[expr {$isLast ? $room : $line}]
    }
    set counts [list "$count(directory) [expr {$count(directory) == 1 ? "directory" : "directories"}]"]
    if {!$directoriesOnly} {
	lappend counts "$count(file) [expr {$count(file) == 1 ? "file" : "files"}]"
    }
    if {$count(link)} {
	lappend counts "$count(link) [expr {$count(link) == 1 ? "link" : "links"}]"
    }
    puts "\n[join $counts ", "]"
}

# ::sdx::tree::Json --
#
#	The tree as one object. What is below a directory comes behind it, so, backwards, is done when its own turn comes.

proc ::sdx::tree::Json {title members} {
    # Array: objects of the directory that is open at a depth, backwards.
    set objects(1) {}
    foreach member [lreverse $members] {
	set depth [dict get $member depth]
	set below [expr {$depth + 1}]
	set object [::sdx::members::Json $member]
	if {[dict get $member type] eq "directory"} {
	    # The object of the directory itself, and one key more.
	    set inside {}
	    if {[info exists objects($below)]} {
		set inside [lreverse $objects($below)]
		unset objects($below)
	    }
	    set object "[string range $object 0 end-1], \"members\": [::sdx::json::Array $inside]\}"
	}
	lappend objects($depth) $object
    }
    return [::sdx::json::Object [list name [::sdx::json::Text $title] type \"directory\" \
	    members [::sdx::json::Array [lreverse $objects(1)]]]]
}
