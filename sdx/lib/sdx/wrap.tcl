# SPDX-License-Identifier: MIT
#
# wrap.tcl: sdx wrap, a kit or a starpack from directory trees.

::sdx::Load kit
::sdx::Load entries
::sdx::Load layers
::sdx::Load lsk
::sdx::Load members

namespace eval ::sdx::wrap {
    variable operands {{NAME required}}
    variable options [concat {
	{{-vfs} DIRECTORY many {the tree to wrap. May be given several times: what is in a later one covers what has the same
	    name in one before, and directories of the same name become one}}
	{{-main} SCRIPT {} {this script becomes main.tcl: a member of the tree, which also stays where it is, or else a file
	    elsewhere}}
	} $::sdx::entries::options {
	{{-uncomp} GLOB many {store what this pattern matches as it is. May be given several times}}
    } $::sdx::kit::options]
    variable retired {
	-auto {a kit is no tree (hint: sdx unwrap makes one of it)}
	-compress {-nocomp stores, and -level says how hard to compress}
	-icon {a Linux program has no icon}
	-mtime {the output is made anew, whatever is older or newer}
	-noerror {what cannot be wrapped is an error (hint: -exclude leaves it out)}
	-prefix {-runtime names what a starpack is made of}
	-prune {the output is made anew, so nothing else stays in it}
	-show {sdx diff tells what differs between a tree and a kit}
	-startfile {-main names the script that runs first}
	-stringfile {a Linux program has no version strings}
	-stringinfo {a Linux program has no version strings}
	-text {contents are wrapped as they are}
    }
    variable description {
	Wraps a directory tree into the file NAME: a kit, which a runtime runs, or, with -runtime, a starpack, which runs by
	itself. The tree is -vfs, else NAME.vfs, else what NAME is without its extension with .vfs, else the directory NAME;
	in this last case ".kit" is added to a NAME without an extension. In it, main.tcl is what runs first, and packages
	are found in lib.

	All that is in the tree and not excluded is wrapped: files, directories and symbolic links, with their permissions
	and times. Links stay links. A package that is required, as far as that is seen without running anything, and that
	neither the tree nor the runtime has, is told in a warning; sdx depends tells more of that. The output appears whole
	or not at all, and the same tree gives the same bytes; SOURCE_DATE_EPOCH in the environment is the latest time a
	member gets.
    }
    variable examples {
	{sdx wrap app.kit} {a kit of the tree app.vfs}
	{sdx wrap app -runtime self} {a program of it that needs nothing else}
	{sdx wrap app.kit -vfs common.vfs -vfs app.vfs -exclude '*.bak'} {of two trees, without backups}
    }
    variable result {
	a dict: file, members (how many), bytes (of the file), content (bytes of the members), names, missing and unused
	(packages, as of depends), warnings (texts), main (where main.tcl came from), excluded (names), covered (a list of
	name and covered path).
    }
}

proc ::sdx::wrap::Run {values} {
    lassign [Trees $values] trees output
    set folder [Real [file dirname [file normalize [::sdx::entries::Plain $output]]]]
    set target [string trimright $folder /]/[::sdx::members::Tail $output]
    set roots {}
    foreach tree $trees {
	set root [Real $tree]
	if {[string first [string trimright $root /]/ $target] == 0} {
	    return -code error -errorcode {SDX INSIDE} "couldn't wrap \"$tree\": the output \"$output\" would be inside it\
		(hint: name an output elsewhere)"
	}
	lappend roots $root
    }
    lassign [::sdx::layers::Merge $trees $roots [::sdx::entries::Choice $values]] entries links excluded covered
    set main main.tcl
    set script ""
    if {[dict exists $values -main]} {
	set main [dict get $values -main]
	set entries [Main $entries $main]
	set script [lindex [lsearch -inline -exact -index 0 $entries main.tcl] 2]
    } elseif {![HasMain $entries]} {
	return -code error -errorcode {SDX NOMAIN} "couldn't wrap \"[lindex $trees end]\": it has no main.tcl\
	    (hint: main.tcl is the script that runs first; -main names another)"
    }
    set result [::sdx::kit::Write $output $entries $links $values [Stored $entries $values] $script]
    return [dict merge $result [dict create main $main excluded $excluded covered $covered]]
}

proc ::sdx::wrap::Show {values result} {
    if {![dict get $values -json] && ![dict get $values -quiet]} {
	if {[dict get $values -verbose]} {
	    foreach name [dict get $result excluded] {
		puts "excluded: [::sdx::lsk::Printable $name]"
	    }
	    foreach {name path} [dict get $result covered] {
		puts "covered: [::sdx::lsk::Printable $path]"
	    }
	}
	if {[dict exists $values -main]} {
	    puts "main.tcl: [::sdx::lsk::Printable [dict get $result main]]"
	}
    }
    ::sdx::kit::Show $values $result
}

# ::sdx::wrap::Trees --
#
#	Finds the trees to wrap.
#
# Results:
#	A list of two: the trees and the output.

proc ::sdx::wrap::Trees {values} {
    set name [dict get $values NAME]
    if {$name eq "" || [::sdx::members::Tail [string trimright $name /]] in {"" . ..}} {
	return -code error -errorcode {SDX USAGE} "bad NAME \"$name\": must name the file to be made"
    }
    foreach tree [dict get $values -vfs] {
	set path [::sdx::entries::Plain $tree]
	# An empty one would be the current directory.
	if {$tree eq "" || ![file exists $path]} {
	    return -code error -errorcode {POSIX ENOENT {no such file or directory}} \
		"couldn't wrap \"$tree\": no such directory"
	}
	if {![file isdirectory $path]} {
	    return -code error -errorcode {POSIX ENOTDIR {not a directory}} "couldn't wrap \"$tree\": not a directory"
	}
    }
    if {[llength [dict get $values -vfs]]} {
	return [list [dict get $values -vfs] $name]
    }
    foreach tree [list $name.vfs [file rootname $name].vfs] {
	if {[file isdirectory [::sdx::entries::Plain $tree]]} {
	    return [list [list $tree] $name]
	}
    }
    if {[file isdirectory [::sdx::entries::Plain $name]]} {
	if {[file extension $name] eq ""} {
	    return [list [list $name] [string trimright $name /].kit]
	}
	return [list [list $name] $name]
    }
    return -code error -errorcode {POSIX ENOENT {no such file or directory}} \
	"couldn't wrap \"$name\": no directory \"$name.vfs\" (hint: make it, or name one by -vfs)"
}

# ::sdx::wrap::HasMain --
#
#	Whether there is a main.tcl that is a file, or a link to one: also to one that another tree has.

proc ::sdx::wrap::HasMain {entries} {
    set entry [lsearch -inline -exact -index 0 $entries main.tcl]
    if {$entry eq ""} {
	return 0
    }
    set path [lindex $entry 2]
    if {[file isfile $path]} {
	return 1
    }
    return [expr {[file type $path] eq "link" && [file readlink $path] in [lmap entry $entries {lindex $entry 0}]}]
}

# ::sdx::wrap::Main --
#
#	Puts a script in as main.tcl.

proc ::sdx::wrap::Main {entries script} {
    set entry [lsearch -inline -exact -index 0 $entries [::sdx::entries::Clean $script]]
    if {$entry ne "" && [file isfile [lindex $entry 2]]} {
	set path [lindex $entry 2]
    } else {
	set path [::sdx::entries::Plain $script]
	if {![file isfile $path]} {
	    return -code error -errorcode [list SDX MAIN $script] \
		"couldn't use \"$script\" as main.tcl: no such file, neither in the tree nor elsewhere"
	}
    }
    # The file itself, where that is a link.
    set path [file dirname [file normalize [file join $path -]]]
    set others [lsearch -all -inline -exact -not -index 0 $entries main.tcl]
    return [lsort -index 0 [linsert $others 0 [list main.tcl file $path]]]
}

# ::sdx::wrap::Stored --
#
#	The names that -uncomp matches. A pattern that matches none is taken for a slip.

proc ::sdx::wrap::Stored {entries values} {
    set stored {}
    foreach pattern [dict get $values -uncomp] {
	set expression [::sdx::glob::Expression $pattern]
	set found [lsearch -all -inline -regexp [lmap entry $entries {lindex $entry 0}] $expression]
	if {[llength $found] == 0} {
	    return -code error -errorcode [list SDX NOMATCH $pattern] "couldn't store \"$pattern\": no member matches it"
	}
	lappend stored {*}$found
    }
    return $stored
}

# ::sdx::wrap::Real --
#
#	A directory's path without any symbolic links.

proc ::sdx::wrap::Real {path} {
    return [file dirname [file normalize [file join [::sdx::entries::Plain $path] -]]]
}
