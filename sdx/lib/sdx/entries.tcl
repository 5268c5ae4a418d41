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
#	failed -	Command prefix that is called with the message of what can be no member, which is left out then,
#			or of a directory that cannot be read, and its name; without it, that is an error.
#
# Results:
#	A list of three: entries as starlit::archive create takes them, sorted; the names of those that are links; and
#	the names that were left out, of a directory without what is in it.

proc ::sdx::entries::Walk {root {choice {}} {failed {}}} {
    lassign $choice exclude preserve
    set excluded {}
    set entries {}
    set links {}
    # Directories by numbers: taking the last of a long list would copy it.
    set pending(0) {}
    set count 1
    # Not by [glob] and [file type], which take three times as long to look at a path's parts again and again.
    set held [::starlit::beneath hold $root]
    try {
	while {$count} {
	    set folder $pending([incr count -1])
	    try {
		set children [Children $held $root $folder]
	    } trap {POSIX EACCES} {message options} {
		if {$failed eq "" || $folder eq ""} {
		    return -options $options $message
		}
		{*}$failed $message $folder
		continue
	    }
	    foreach {name type} $children {
		if {$exclude ne "" && [regexp -- $exclude $name] && !($preserve ne "" && [regexp -- $preserve $name])} {
		    lappend excluded $name
		    continue
		}
		# Not [file join], for which a name that begins with a tilde is a path of its own.
		set path $root/$name
		if {[set fault [Fault $name $type $path]] ne ""} {
		    if {$failed eq ""} {
			return -code error -errorcode [list SDX TYPE $path] $fault
		    }
		    {*}$failed $fault $name
		    continue
		}
		switch -- $type {
		    directory {
			set pending($count) $name
			incr count
		    }
		    link {
			lappend links $name
		    }
		}
		lappend entries [list $name file $path]
	    }
	}
    } finally {
	::starlit::beneath release $held
    }
    return [list [lsort -index 0 $entries] $links [lsort $excluded]]
}

# ::sdx::entries::Fault --
#
#	Why a file can be no member; empty when it can.

proc ::sdx::entries::Fault {name type path} {
    if {$type ni {file directory link}} {
	return "couldn't wrap \"$path\": it is a [string map {Special { special file}} $type]\
	    (hint: only files, directories and links can be members)"
    }
    if {![string is ascii $name] && [catch {file type $path}]} {
	return "couldn't read \"$path\": its name is not [encoding system], or it has just gone (hint: rename it)"
    }
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
#	What is in a directory.
#
# Arguments:
#	held -		The root, held by starlit::beneath.
#	folder -	The directory's name relative to the root, empty for the root itself.
#
# Results:
#	A list of names, relative to the root, and types.

proc ::sdx::entries::Children {held root folder} {
    # Not by [expr], which would take a name such as 0x10 for a number and give another one back.
    set path $root
    set prefix ""
    if {$folder ne ""} {
	append path / $folder
	set prefix $folder/
    }
    # What cannot be looked at would not be listed.
    if {![file readable $path] || ![file executable $path]} {
	return -code error -errorcode {POSIX EACCES {permission denied}} \
	    "couldn't read directory \"$path\": permission denied"
    }
    set children {}
    foreach {tail type} [::starlit::beneath list $held $folder] {
	lappend children $prefix$tail $type
    }
    return $children
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
