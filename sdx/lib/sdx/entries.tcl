# SPDX-License-Identifier: MIT
#
# entries.tcl: the members that a directory tree becomes.
#
# Rules:
# 1. Nothing is left out silently: what can't be a member is an error that names it.
# 2. Links are members of their own and are never followed, so neither a dangling nor a cyclic one matters.
# 3. The order is that of the names, whatever the order of the directory.

::sdx::Load glob

namespace eval ::sdx::entries {
    # Rows of options.tcl, for Choice.
    variable options {
	{{-exclude -ignore} GLOB many {leave out what this pattern matches, a directory with all that is in it. It is compared
	    with the last part of a name, or, with a / in it, with all of it: '*.bak', doc/, 'lib/*/test*'. May be given several
	    times}}
	{{-preserve} GLOB many {leave in what this pattern matches, whatever -exclude says. May be given several times}}
    }
}

# ::sdx::entries::Walk --
#
#	Lists a tree.
#
# Arguments:
#	root -		The directory; its own attributes are not recorded.
#	choice -	What is left out, as of Choice.
#
# Results:
#	A list of three: entries as starlit::archive create takes them, sorted; the names of those that are links; and
#	the names that were left out, of a directory without what is in it.

proc ::sdx::entries::Walk {root {choice {}}} {
    lassign $choice exclude preserve
    set excluded {}
    set entries {}
    set links {}
    set pending [list {}]
    while {[llength $pending]} {
	set folder [lindex $pending end]
	set pending [lreplace $pending end end]
	foreach name [Children $root $folder] {
	    if {$exclude ne "" && [regexp -- $exclude $name] && !($preserve ne "" && [regexp -- $preserve $name])} {
		lappend excluded $name
		continue
	    }
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
    return [list [lsort -index 0 $entries] $links [lsort $excluded]]
}

# ::sdx::entries::Choice --
#
#	Prepares patterns of names, as of glob.tcl, for Walk.
#
# Arguments:
#	values -	The options: what -exclude matches is left out, a directory with all that is in it, but for what
#			-preserve matches.

proc ::sdx::entries::Choice {values} {
    return [lmap option {-exclude -preserve} {
	join [lmap pattern [dict get $values $option] {::sdx::glob::Expression $pattern}] |
    }]
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

# ::sdx::entries::Plain --
#
#	An absolute path. A tilde is a letter here as everywhere but in Tcl.

proc ::sdx::entries::Plain {path} {
    return [file join [pwd] [regsub ^~ $path ./~]]
}

# ::sdx::entries::Clean --
#
#	A name without "." and empty parts. Whatever else is wrong with it the archive tells.

proc ::sdx::entries::Clean {name} {
    return [join [lsearch -all -inline -not -regexp [split $name /] {^\.?$}] /]
}
