# SPDX-License-Identifier: MIT
#
# handlers.tcl: what handlers need to understand what they are asked: modes, types of `glob`, attributes of files.

# ::vfs::accessMode --
#
#	The mode of `access` in letters; F asks whether there is something.

proc ::vfs::accessMode {mode} {
    return [lindex {F X W XW R RX RW RXW} $mode]
}

# ::vfs::modeToString --
#
#	A mode for [open] from the bits of a channel: 1 read, 2 write, 4 both, 16 empty the file first.

proc ::vfs::modeToString {mode} {
    if {$mode & 1} {
	set letter r
    } elseif {$mode & 2} {
	set letter [expr {$mode & 16 ? "w" : "a"}]
    } else {
	set letter ""
    }
    return $letter[expr {$mode & 4 ? "+" : ""}]
}

# ::vfs::matchDirectories, ::vfs::matchFiles --
#
#	Whether the types of matchindirectory include directories, and files: a number that is not 0.

proc ::vfs::matchDirectories {types} {
    return [expr {$types == 0 ? 1 : $types & 4}]
}

proc ::vfs::matchFiles {types} {
    return [expr {$types == 0 ? 1 : $types & 16}]
}

# ::vfs::matchCorrectTypes --
#
#	Those of a list of files that are of the types that matchindirectory has been asked for.
#
# Arguments:
#	files -	Paths, or names in the directory inDir.

proc ::vfs::matchCorrectTypes {types files {inDir ""}} {
    set wantsFiles [matchFiles $types]
    set wantsDirectories [matchDirectories $types]
    if {$wantsFiles && $wantsDirectories} {
	return $files
    }
    if {!$wantsFiles && !$wantsDirectories} {
	return {}
    }
    set test [expr {$wantsFiles ? "isfile" : "isdirectory"}]
    return [lmap name $files {
	if {![file $test [expr {$inDir eq "" ? $name : [file join $inDir $name]}]]} continue
	set name
    }]
}

# Attributes of files: the names in the order of their numbers. Scripts read the variables.
namespace eval ::vfs {
    variable attributes
    array set attributes {
	unix      {-group -owner -permissions -vfs}
	windows   {-archive -hidden -longname -readonly -shortname -system -vfs}
	macintosh {-creator -hidden -readonly -type -vfs}
    }
}

proc ::vfs::listAttributes {} {
    variable attributes

    return $attributes($::tcl_platform(platform))
}

proc ::vfs::indexToAttribute {index} {
    return [lindex [listAttributes] $index]
}

# ::vfs::attributesGet --
#
#	The value of an attribute for a handler that has none of its own.

proc ::vfs::attributesGet {root stem index} {
    switch -- [indexToAttribute $index] {
	-longname {return [file join $root $stem]}
	-shortname {
	    return [file join [file attributes [file dirname $root] -shortname] [file tail $root] $stem]
	}
	-archive - -hidden - -readonly - -system {return 0}
	-vfs {return 1}
    }
    return
}

# ::vfs::attributesSet --
#
#	Sets an attribute for such a handler: most are taken and forgotten.

proc ::vfs::attributesSet {root stem index value} {
    switch -- [indexToAttribute $index] {
	-longname {return -code error "no such luck"}
	-vfs {return -code error "read-only"}
    }
    return
}
