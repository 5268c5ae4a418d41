# SPDX-License-Identifier: MIT
#
# layers.tcl: several trees as one, a later one over those before it.
#
# Rules:
# 1. A directory over a directory: both are one, with the attributes of the later.
# 2. A file or a link over a file or a link covers it.
# 3. A directory and anything else of the same name are an error: one of both was not meant.

::sdx::Load entries

namespace eval ::sdx::layers {}

# ::sdx::layers::Merge --
#
#	Lists the trees as one.
#
# Arguments:
#	trees -		The directories, as they are called in messages.
#	roots -		Their paths.
#	choice -	What is left out of each, as of ::sdx::entries::Choice.
#
# Results:
#	A list of four: what ::sdx::entries::Walk gives, and a list of names and paths that are covered.

proc ::sdx::layers::Merge {trees roots choice} {
    if {[llength $roots] == 1} {
	return [list {*}[::sdx::entries::Walk [lindex $roots 0] $choice] {}]
    }
    set merged {}
    set links {}
    set excluded {}
    set covered {}
    foreach tree $trees root $roots {
	lassign [::sdx::entries::Walk $root $choice] entries linksHere excludedHere
	lappend excluded {*}$excludedHere
	set isLink {}
	foreach name $linksHere {
	    dict set isLink $name 1
	}
	foreach entry $entries {
	    lassign $entry name - path
	    if {[dict exists $merged $name]} {
		set below [lindex [dict get $merged $name] 2]
		set directories [expr {([file type $path] eq "directory") + ([file type $below] eq "directory")}]
		if {$directories == 1} {
		    return -code error -errorcode [list SDX LAYERS $name] "couldn't put \"$tree/$name\" over\
			\"[dict get $treeOf $name]/$name\": one is a directory, the other is not\
			(hint: -exclude one, or rename it)"
		}
		if {$directories == 0} {
		    lappend covered $name [dict get $treeOf $name]/$name
		}
		dict unset links $name
	    }
	    dict set merged $name $entry
	    dict set treeOf $name $tree
	    if {[dict exists $isLink $name]} {
		dict set links $name 1
	    }
	}
    }
    return [list [lsort -index 0 [dict values $merged]] [dict keys $links] [lsort -unique $excluded] $covered]
}
