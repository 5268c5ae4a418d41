# SPDX-License-Identifier: MIT
#
# tree.tcl: sdx tree, the members of a kit as a drawing.

::sdx::Load lsk
::sdx::Load members

namespace eval ::sdx::tree {
    variable operands {{KIT required} {DIRECTORY optional}}
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
}

proc ::sdx::tree::Run {values} {
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
    set children [Cut $members $root [expr {[dict exists $values -level] ? [dict get $values -level] : 0}]]
    if {[dict get $values -json]} {
	puts [Json $members $children $root $title]
    } else {
	puts [::sdx::lsk::Printable $title]
	Draw $members $children $root [dict get $values -size] [dict get $values -directories]
    }
}

# ::sdx::tree::Cut --
#
#	What is in each directory, without those that lie too deep.
#
# Arguments:
#	level -		How deep to go below root; 0 for all of it.

proc ::sdx::tree::Cut {members root level} {
    set children [::sdx::members::Children $members]
    if {$level == 0} {
	return $children
    }
    incr level [llength [split $root /]]
    return [dict filter $children script {folder -} {expr {$folder eq $root || [llength [split $folder /]] < $level}}]
}

proc ::sdx::tree::Draw {members children root sizes directoriesOnly} {
    # Where the system's encoding has no lines to draw, ASCII.
    set shapes {"\u251c\u2500\u2500 " "\u2502   " "\u2514\u2500\u2500 " "    "}
    if {[encoding system] ne "utf-8"} {
	set shapes {"|-- " "|   " "`-- " "    "}
    }
    lassign $shapes branch line corner room
    foreach type {file directory link} {
	set count($type) 0
    }
    # The last of the list is the next to draw.
    set pending [Pending $children $root ""]
    while {[llength $pending]} {
	lassign [lindex $pending end] name indent last
	set pending [lrange $pending 0 end-1]
	lassign [dict get $members $name] type - - size - target
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
	puts $indent[expr {$last ? $corner : $branch}]$text
	if {[dict exists $children $name]} {
	    lappend pending {*}[Pending $children $name $indent[expr {$last ? $room : $line}]]
	}
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

# ::sdx::tree::Pending --
#
#	What is to be drawn of a directory: a list of {name indent last}, backwards.

proc ::sdx::tree::Pending {children folder indent} {
    set last 1
    return [lmap name [lreverse [dict get $children $folder]] {
	try {
	    list $name $indent $last
	} finally {
	    set last 0
	}
    }]
}

# ::sdx::tree::Json --
#
#	The tree as one object. What is below a directory comes behind it in the order of names, so, backwards, is done when
#	its own turn comes.

proc ::sdx::tree::Json {members children root title} {
    set done {}
    foreach folder [lreverse [lsort [dict keys $children]]] {
	if {$folder ne $root && $root ne "" && ![string equal -length [string length $root/] $root/ $folder]} {
	    continue
	}
	set elements {}
	foreach name [dict get $children $folder] {
	    if {[dict exists $done $name]} {
		lappend elements [dict get $done $name]
		dict unset done $name
	    } else {
		lappend elements [::sdx::members::Json $name [dict get $members $name]]
	    }
	}
	set array [::sdx::json::Array $elements]
	if {$folder eq $root} {
	    return [::sdx::json::Object [list name [::sdx::json::Text $title] type \"directory\" members $array]]
	}
	# The object of the directory itself, and one key more.
	set object [::sdx::members::Json $folder [dict get $members $folder]]
	dict set done $folder "[string range $object 0 end-1], \"members\": $array\}"
    }
}
