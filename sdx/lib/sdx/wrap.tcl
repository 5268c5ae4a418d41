# SPDX-License-Identifier: MIT
#
# wrap.tcl: sdx wrap, a kit or a starpack from a directory tree.

::sdx::Load kit
::sdx::Load entries

namespace eval ::sdx::wrap {
    variable operands {{NAME required}}
    variable options [linsert $::sdx::kit::options 0 {{-vfs} DIRECTORY {} {the tree to wrap}}]
    variable description {
	Wraps a directory tree into the file NAME: a kit, which a runtime runs, or, with -runtime, a starpack, which runs by
	itself. The tree is -vfs, else NAME.vfs, else what NAME is without its extension with .vfs, else the directory NAME;
	in this last case ".kit" is added to a NAME without an extension. In it, main.tcl is what runs first, and packages
	are found in lib.

	All that is in the tree is wrapped: files, directories and symbolic links, with their permissions and times. Links
	stay links. The output appears whole or not at all, and the same tree gives the same bytes; SOURCE_DATE_EPOCH in the
	environment is the latest time a member gets.
    }
}

proc ::sdx::wrap::Run {values} {
    lassign [Tree $values] tree output
    if {![file isfile [file join $tree main.tcl]]} {
	return -code error -errorcode {SDX NOMAIN} \
	    "couldn't wrap \"$tree\": it has no main.tcl (hint: main.tcl is the script that runs first)"
    }
    set root [Real $tree]
    set target [file join [Real [file dirname [file normalize $output]]] [file tail $output]]
    if {[string first [string trimright $root /]/ $target] == 0} {
	return -code error -errorcode {SDX INSIDE} \
	    "couldn't wrap \"$tree\": the output \"$output\" would be inside it (hint: name an output elsewhere)"
    }
    return [::sdx::kit::Write $output {*}[::sdx::entries::Walk $root] $values]
}

proc ::sdx::wrap::Show {values result} {
    ::sdx::kit::Show $values $result
}

# ::sdx::wrap::Tree --
#
#	Finds the tree to wrap.
#
# Results:
#	A list of two: the tree and the output.

proc ::sdx::wrap::Tree {values} {
    set name [dict get $values NAME]
    if {$name eq "" || [file tail $name] in {"" . ..}} {
	return -code error -errorcode {SDX USAGE} "bad NAME \"$name\": must name the file to be made"
    }
    if {[dict exists $values -vfs]} {
	set tree [dict get $values -vfs]
	if {![file exists $tree]} {
	    return -code error -errorcode {POSIX ENOENT {no such file or directory}} \
		"couldn't wrap \"$tree\": no such directory"
	}
	if {![file isdirectory $tree]} {
	    return -code error -errorcode {POSIX ENOTDIR {not a directory}} "couldn't wrap \"$tree\": not a directory"
	}
	return [list $tree $name]
    }
    foreach tree [list $name.vfs [file rootname $name].vfs] {
	if {[file isdirectory $tree]} {
	    return [list $tree $name]
	}
    }
    if {[file isdirectory $name]} {
	if {[file extension $name] eq ""} {
	    return [list $name [string trimright $name /].kit]
	}
	return [list $name $name]
    }
    return -code error -errorcode {POSIX ENOENT {no such file or directory}} \
	"couldn't wrap \"$name\": no directory \"$name.vfs\" (hint: make it, or name one by -vfs)"
}

# ::sdx::wrap::Real --
#
#	A directory's path without any symbolic links.

proc ::sdx::wrap::Real {path} {
    return [file dirname [file normalize [file join $path -]]]
}
