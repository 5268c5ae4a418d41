# SPDX-License-Identifier: MIT
#
# host.tcl: what the host has at a path.
#
# Rules:
# 1. Files come from layers: directories that lie one over the other, the host's root the lowest. `--from DIR` puts
#    one on top (a package unpacked with `dpkg-deb -x`), `--sysroot DIR` takes the place of the host's root. A layer
#    is the prefix of its paths: "" for the host's root.
# 2. Symbolic links are followed here, within the layers, never by the kernel: an absolute link in a layer leads into
#    the layers again, and `..` stops at the top.
# 3. Only the content of regular files is read: never a device or a FIFO.

namespace eval ::mkjail::host {
    variable layers {{}}
    # As many as the kernel follows (path_resolution(7)).
    variable maxLinks 40
    # What a merged /usr has moved; packages made before may still have it at its old place.
    variable movedPattern {^/usr(/(?:bin|sbin|lib|lib32|lib64|libx32)(?:/.*)?)$}
    # Array: directory as written -> {canonical path, links on the way}.
    variable walked
    array set walked {}
}

# ::mkjail::host::Use --
#
#	Sets the layers.

proc ::mkjail::host::Use {from sysroot} {
    variable layers
    variable walked

    set layers {}
    foreach directory [concat $from [list $sysroot]] {
	set path [file normalize $directory]
	if {![file isdirectory $path]} {
	    ::mkjail::Fail ABSENT "couldn't take files from \"$directory\": no such directory"
	}
	lappend layers [expr {$path eq "/" ? "" : $path}]
    }
    array unset walked
}

# ::mkjail::host::Look --
#
#	What lies at a path whose directory is canonical; no link is followed.
#
# Results:
#	A dict: real (where to read it), kind, mode, size, mtime_s; or nothing when nothing is there.

proc ::mkjail::host::Look {path} {
    variable layers

    set found ""
    foreach layer $layers {
	set status [Lstat $layer$path]
	if {$status eq ""} {
	    set status [Moved $layer $path]
	}
	if {$status eq ""} {
	    continue
	}
	if {$found eq ""} {
	    set found $status
	    if {[dict get $found kind] ne "directory"} {
		return $found
	    }
	} elseif {[dict get $status kind] eq "link"} {
	    # A directory over a link: /lib of a package over the link of a merged /usr.
	    return $status
	}
    }
    return $found
}

# ::mkjail::host::Moved --
#
#	What a layer has at the place of a path before /usr was merged, if it is merged in another layer.

proc ::mkjail::host::Moved {layer path} {
    variable movedPattern
    variable layers

    if {[llength $layers] < 2 || ![regexp $movedPattern $path - before]} {
	return ""
    }
    set top /[lindex [split $before /] 1]
    set kinds [lmap one $layers {
	set status [Lstat $one$top]
	expr {$status eq "" ? "" : [dict get $status kind]}
    }]
    if {"link" ni $kinds || [lindex $kinds [lsearch -exact $layers $layer]] ne "directory"} {
	return ""
    }
    return [Lstat $layer$before]
}

# ::mkjail::host::Lstat --
#
#	lstat(2) of a path of the host; nothing when nothing is there.

proc ::mkjail::host::Lstat {path} {
    try {
	file lstat $path status
    } trap {POSIX ENOENT} {} - trap {POSIX ENOTDIR} {} {
	return ""
    }
    set kind $status(type)
    if {$kind eq "characterSpecial"} {
	set kind character
    }
    return [dict create real $path kind $kind mode [expr {$status(mode) & 07777}] size $status(size) \
	    mtime_s $status(mtime) ctime_s $status(ctime) inode $status(ino) device $status(dev) \
	    uid $status(uid) gid $status(gid)]
}

# ::mkjail::host::Walk --
#
#	Follows a path, as open(2) would in a root made of the layers.
#
# Results:
#	A list of two: the canonical path, and the links passed as {path target} in order.

proc ::mkjail::host::Walk {path} {
    variable maxLinks
    variable walked

    set slash [string last / $path]
    set tail [string range $path $slash+1 end]
    set here ""
    set links {}
    set pending [split $path /]
    if {$slash > 0 && $tail ni {"" . ..}} {
	set directory [string range $path 0 $slash-1]
	if {![info exists walked($directory)]} {
	    set walked($directory) [Walk $directory/.]
	}
	lassign $walked($directory) here links
	if {$here eq "/"} {
	    set here ""
	}
	set pending [list $tail]
    }
    while {[llength $pending]} {
	set pending [lassign $pending part]
	switch -- $part {
	    "" - . {
		continue
	    }
	    .. {
		set here [string range $here 0 [string last / $here]-1]
		continue
	    }
	}
	set next $here/$part
	set status [Look $next]
	if {$status eq ""} {
	    ::mkjail::Fail ABSENT "couldn't find \"$path\": there is no \"$next\""
	}
	switch -- [dict get $status kind] {
	    link {
		if {[llength $links] >= $maxLinks} {
		    ::mkjail::Fail REFUSED "couldn't follow \"$path\": more than $maxLinks symbolic links"
		}
		set target [file readlink [dict get $status real]]
		lappend links [list $next $target]
		if {[string match /* $target]} {
		    set here ""
		}
		set pending [concat [split $target /] $pending]
	    }
	    directory {
		set here $next
	    }
	    default {
		if {[llength $pending]} {
		    ::mkjail::Fail ABSENT "couldn't find \"$path\": \"$next\" is not a directory"
		}
		set here $next
	    }
	}
    }
    return [list [expr {$here eq "" ? "/" : $here}] $links]
}

# ::mkjail::host::Find --
#
#	Follows a path. Returns what Look does with the canonical path as `path`, or nothing when nothing is there.

proc ::mkjail::host::Find {path} {
    try {
	lassign [Walk $path] canonical
    } trap {MKJAIL ABSENT} {} {
	return ""
    }
    return [dict create path $canonical {*}[Look $canonical]]
}

# ::mkjail::host::Children --
#
#	The names in a directory, of all layers, sorted.

proc ::mkjail::host::Children {path} {
    variable layers

    set names {}
    foreach layer $layers {
	set status [Lstat $layer$path]
	if {$status ne "" && [dict get $status kind] eq "directory"} {
	    lappend names {*}[Names $layer$path]
	}
    }
    return [lsort -unique $names]
}

# ::mkjail::host::Names --
#
#	The names in one directory of the host. Tcl's glob takes a directory that cannot be read for an empty one.

proc ::mkjail::host::Names {directory} {
    if {![file readable $directory] || ![file executable $directory]} {
	::mkjail::Fail REFUSED "couldn't read directory \"$directory\": permission denied"
    }
    set names {}
    foreach name [glob -nocomplain -tails -directory $directory -- * .*] {
	# A name that begins with a tilde comes as ./~name.
	set name [regsub {^\./} $name ""]
	if {$name ni {. ..}} {
	    lappend names $name
	}
    }
    return [lsort -unique $names]
}

# ::mkjail::host::Glob --
#
#	The paths that match a pattern whose parts may hold * and ?, sorted; the directories as written in the pattern.

proc ::mkjail::host::Glob {pattern} {
    set paths {{}}
    foreach part [lrange [split $pattern /] 1 end] {
	set next {}
	foreach path $paths {
	    if {![regexp {[*?\[]} $part]} {
		lappend next $path/$part
		continue
	    }
	    set directory [Find [expr {$path eq "" ? "/" : $path}]]
	    if {$directory ne "" && [dict get $directory kind] eq "directory"} {
		foreach name [Children [dict get $directory path]] {
		    if {[string match $part $name]} {
			lappend next $path/$name
		    }
		}
	    }
	}
	set paths $next
    }
    return [lsort [lmap path $paths {
	if {[Find $path] eq ""} {
	    continue
	}
	set path
    }]]
}

# ::mkjail::host::Open --
#
#	Opens a regular file of the host for reading bytes.

proc ::mkjail::host::Open {real} {
    set status [Lstat $real]
    if {$status eq "" || [dict get $status kind] ne "file"} {
	::mkjail::Fail REFUSED "couldn't read \"$real\": not a regular file"
    }
    return [open $real rb]
}

# ::mkjail::host::Read --
#
#	The bytes of a file at a path of the layers, at most so many; nothing when it is not there.

proc ::mkjail::host::Read {path {limit 1048576}} {
    set found [Find $path]
    if {$found eq "" || [dict get $found kind] ne "file"} {
	return ""
    }
    set channel [Open [dict get $found real]]
    try {
	return [read $channel $limit]
    } finally {
	close $channel
    }
}

# ::mkjail::host::Sha256 --
#
#	The SHA-256 of a file, in hexadecimal.

proc ::mkjail::host::Sha256 {real} {
    set channel [Open $real]
    try {
	return [::starlit::sha256 channel $channel]
    } finally {
	close $channel
    }
}
