# SPDX-License-Identifier: MIT
#
# entries.tcl: the members that a directory tree becomes.
#
# Rules:
# 1. Nothing is left out silently: what can't be a member is an error that names it.
# 2. Links are members of their own and are never followed, so neither a dangling nor a cyclic one matters.
# 3. The order is that of the names, whatever the order of the directory.

namespace eval ::sdx::entries {}

# ::sdx::entries::Walk --
#
#	Lists a tree.
#
# Arguments:
#	root -	The directory; its own attributes are not recorded.
#
# Results:
#	A list of two: entries as starlit::archive create takes them, sorted; and the names of those that are links.

proc ::sdx::entries::Walk {root} {
    set entries {}
    set links {}
    set pending [list {}]
    while {[llength $pending]} {
	set folder [lindex $pending end]
	set pending [lreplace $pending end end]
	foreach name [Children $root $folder] {
	    # Not [file join], for which a name that begins with a tilde is a path of its own.
	    set path $root/$name
	    try {
		file type $path
	    } on ok {type} {
	    } trap {POSIX ENOENT} {} {
		return -code error -errorcode [list SDX NAME $path] "couldn't read \"$path\":\
		    its name is not [encoding system], or it has just gone (hint: rename it)"
	    }
	    switch -- $type {
		file {}
		directory {
		    lappend pending $name
		}
		link {
		    lappend links $name
		}
		default {
		    return -code error -errorcode [list SDX TYPE $path] \
			"couldn't wrap \"$path\": it is a [string map {Special { special file}} $type]\
			(hint: only files, directories and links can be members)"
		}
	    }
	    lappend entries [list $name file $path]
	}
    }
    return [list [lsort -index 0 $entries] $links]
}

# ::sdx::entries::Children --
#
#	The names of a directory's children, relative to the root.
#
# Arguments:
#	folder -	The directory's name relative to the root, empty for the root itself.

proc ::sdx::entries::Children {root folder} {
    # Not by [expr], which would take a name such as 0x10 for a number and give another one back.
    set path $root
    set prefix ""
    if {$folder ne ""} {
	append path / $folder
	set prefix $folder/
    }
    # [glob] takes an unreadable directory for an empty one.
    if {![file readable $path] || ![file executable $path]} {
	return -code error -errorcode {POSIX EACCES {permission denied}} \
	    "couldn't read directory \"$path\": permission denied"
    }
    return [lmap tail [glob -nocomplain -tails -directory $path -- * .*] {
	if {$tail in {. ..}} {
	    continue
	}
	# A name that begins with a tilde comes with ./ in front.
	if {[string match ./~* $tail]} {
	    set tail [string range $tail 2 end]
	}
	string cat $prefix $tail
    }]
}
