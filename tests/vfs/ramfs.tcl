# SPDX-License-Identifier: MIT
#
# ramfs.tcl: a whole file system in Tcl, as a kit would ship one: files and folders in memory, by the contract of
# vfs(3tcl) alone. A file's content is kept when its channel is closed.
#
#	ramfs::Mount NAME MOUNTPOINT	a new, empty one; NAME is its variable, ramfs::NAME, an array
#
# Its elements: PATH -> {type file|directory mode M mtime T atime T content BYTES}; "" is the root.

package require vfs

namespace eval ramfs {}

proc ramfs::Mount {name point} {
    variable $name

    array unset $name
    set ${name}() [dict create type directory mode 0755 mtime 1000 atime 1000]
    vfs::filesystem mount $point [list ::ramfs::Handler ::ramfs::$name]
    vfs::RegisterMount $point [list ::vfs::filesystem unmount]
}

proc ramfs::Fail {name} {
    vfs::filesystem posixerror $::vfs::posix($name)
}

proc ramfs::Handler {files command root relative actual args} {
    upvar #0 $files file
    if {[dict exists {access 1 deletefile 1 fileattributes 1 removedirectory 1 stat 1 utime 1} $command]
	    && ![info exists file($relative)]} {
	Fail ENOENT
    }
    tailcall ::ramfs::$command $files $relative $actual {*}$args
}

proc ramfs::access {files path actual mode} {
    upvar #0 $files file
    if {$mode & 2 && !([dict get $file($path) mode] & 0200)} {
	Fail EACCES
    }
    if {$mode & 1 && !([dict get $file($path) mode] & 0100)} {
	Fail EACCES
    }
}

proc ramfs::createdirectory {files path actual} {
    upvar #0 $files file
    set file($path) [dict create type directory mode 0755 mtime 1000 atime 1000]
}

proc ramfs::deletefile {files path actual} {
    upvar #0 $files file
    unset file($path)
}

proc ramfs::Below {files path} {
    upvar #0 $files file
    if {$path eq ""} {
	return [lsearch -all -inline -not -exact [array names file] ""]
    }
    return [array names file [string map {\\ \\\\ * \\* ? \\? \[ \\\[ \] \\\]} $path]/*]
}

proc ramfs::removedirectory {files path actual recursive} {
    upvar #0 $files file
    set below [Below $files $path]
    if {!$recursive && [llength $below] > 0} {
	Fail ENOTEMPTY
    }
    foreach name $below {
	unset file($name)
    }
    unset file($path)
}

proc ramfs::stat {files path actual} {
    upvar #0 $files file
    set status [dict remove $file($path) content]
    set size [expr {[dict exists $file($path) content] ? [string length [dict get $file($path) content]] : 0}]
    return [dict merge $status [list dev 1 ino 0 nlink 1 uid 0 gid 0 ctime 0 size $size]]
}

proc ramfs::utime {files path actual atime mtime} {
    upvar #0 $files file
    dict set file($path) atime $atime
    dict set file($path) mtime $mtime
}

proc ramfs::fileattributes {files path actual args} {
    upvar #0 $files file
    switch -- [llength $args] {
	0 {return {-permissions -note}}
	1 {
	    if {[lindex $args 0] == 0} {
		return [format %05o [dict get $file($path) mode]]
	    }
	    return [expr {[dict exists $file($path) note] ? [dict get $file($path) note] : ""}]
	}
	2 {dict set file($path) [lindex {mode note} [lindex $args 0]] [lindex $args 1]}
    }
    return
}

proc ramfs::matchindirectory {files path actual pattern types} {
    upvar #0 $files file
    if {$pattern eq ""} {
	return [expr {[info exists file($path)] && [Wanted $file($path) $types] ? [list $actual] : {}}]
    }
    set found {}
    foreach name [Below $files $path] {
	set tail [string range $name [expr {$path eq "" ? 0 : [string length $path] + 1}] end]
	if {![string match */* $tail] && [string match $pattern $tail] && [Wanted $file($name) $types]} {
	    lappend found [::file join $actual $tail]
	}
    }
    return [lsort $found]
}

proc ramfs::Wanted {entry types} {
    return [expr {[dict get $entry type] eq "file" ? [vfs::matchFiles $types] : [vfs::matchDirectories $types]}]
}

proc ramfs::open {files path actual mode permissions} {
    upvar #0 $files file
    set isThere [info exists file($path)]
    if {$isThere && [dict get $file($path) type] eq "directory"} {
	Fail EISDIR
    }
    set parent [::file dirname $path]
    if {$parent eq "."} {
	set parent ""
    }
    if {$mode in {"" r}} {
	if {!$isThere} {
	    Fail ENOENT
	}
    } elseif {!$isThere} {
	if {![info exists file($parent)]} {
	    Fail ENOENT
	}
	set file($path) [dict create type file mode $permissions mtime 1000 atime 1000 content ""]
    }
    set channel [vfs::memchan]
    if {[string index $mode 0] ne "w"} {
	fconfigure $channel -translation binary
	puts -nonewline $channel [dict get $file($path) content]
	fconfigure $channel -translation auto -encoding [encoding system]
	seek $channel 0
    }
    if {$mode in {"" r}} {
	return [list $channel]
    }
    return [list $channel [list ::ramfs::Keep $files $path $channel]]
}

proc ramfs::Keep {files path channel} {
    upvar #0 $files file
    fconfigure $channel -translation binary
    seek $channel 0
    dict set file($path) content [read $channel]
}
