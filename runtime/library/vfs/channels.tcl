# SPDX-License-Identifier: MIT
#
# channels.tcl: what handlers make the contents of files of: channels in memory, and zlib's formats.

namespace eval ::vfs {
    # By channel of memchan: the bytes, the position, and the events that are waited for.
    variable memory
    variable position
    variable watched

    # By channel of zstream: a dict.
    variable streams
}

# ::vfs::memchan --
#
#	A channel on bytes in memory, to be read, written and sought. The argument, a name, is taken for tclvfs' sake.

proc ::vfs::memchan {{name ""}} {
    return [chan create {read write} ::vfs::Memory]
}

proc ::vfs::Memory {command channel args} {
    variable memory
    variable position
    variable watched

    switch -- $command {
	initialize {
	    set memory($channel) ""
	    set position($channel) 0
	    return {initialize finalize watch read write seek cget cgetall}
	}
	finalize {
	    unset memory($channel) position($channel)
	    unset -nocomplain watched($channel)
	}
	read {
	    set first $position($channel)
	    set bytes [string range $memory($channel) $first [expr {$first + [lindex $args 0] - 1}]]
	    incr position($channel) [string length $bytes]
	    return $bytes
	}
	write {
	    set bytes [lindex $args 0]
	    set size [string length $memory($channel)]
	    set first $position($channel)
	    set count [string length $bytes]
	    if {$first > $size} {
		append memory($channel) [binary format @[expr {$first - $size}]]
	    }
	    if {$first >= $size} {
		append memory($channel) $bytes
	    } else {
		set memory($channel) [string replace $memory($channel)[unset memory($channel)] $first \
		    [expr {$first + $count - 1}] $bytes]
	    }
	    incr position($channel) $count
	    return $count
	}
	seek {
	    return [set position($channel) [Offset $position($channel) [string length $memory($channel)] {*}$args]]
	}
	cget - cgetall {
	    set size [string length $memory($channel)]
	    set options [list -length $size -allocated $size]
	    if {$command eq "cgetall"} {
		return $options
	    }
	    if {![dict exists $options [lindex $args 0]]} {
		return -code error "bad option \"[lindex $args 0]\": must be -length or -allocated"
	    }
	    return [dict get $options [lindex $args 0]]
	}
	watch {
	    set watched($channel) [lindex $args 0]
	    after 0 [list ::vfs::Ready $channel]
	}
    }
    return
}

# ::vfs::Offset --
#
#	Where a seek leads to.

proc ::vfs::Offset {current size offset base} {
    set offset [expr {$offset + [dict get [dict create start 0 current $current end $size] $base]}]
    if {$offset < 0} {
	return -code error "invalid argument"
    }
    return $offset
}

# ::vfs::Ready --
#
#	Memory is always ready, for as long as somebody waits for it.

proc ::vfs::Ready {channel} {
    variable watched

    if {[info exists watched($channel)] && [llength $watched($channel)] > 0} {
	after 1 [list ::vfs::Ready $channel]
	chan postevent $channel $watched($channel)
    }
}

# ::vfs::zstream --
#
#	A channel to read what a channel's bytes come to, which can be sought; it closes that one when it is closed.
#
# Arguments:
#	mode -		compress or decompress, in the format of zlib.
#	source -	The channel; its bytes begin where it is.
#	sourceSize -	How many bytes there are.
#	size -		How many they come to.

proc ::vfs::zstream {mode source sourceSize size} {
    variable streams

    fconfigure $source -translation binary
    set channel [chan create read ::vfs::Stream]
    set streams($channel) [dict create zlib [zlib stream $mode] mode $mode source $source \
	start [expr {max(0, [tell $source])}] \
	left $sourceSize sourceSize $sourceSize size $size position 0]
    return $channel
}

proc ::vfs::Stream {command channel args} {
    variable streams

    switch -- $command {
	initialize {
	    return {initialize finalize watch read seek}
	}
	finalize {
	    [dict get $streams($channel) zlib] close
	    close [dict get $streams($channel) source]
	    unset streams($channel)
	}
	read {
	    return [ReadStream $channel [lindex $args 0]]
	}
	seek {
	    dict with streams($channel) {}
	    set wanted [Offset $position $size {*}$args]
	    if {$wanted < $position} {
		$zlib reset
		seek $source $start
		dict set streams($channel) left $sourceSize
		dict set streams($channel) position 0
	    }
	    while {[set step [expr {$wanted - [dict get $streams($channel) position]}]] > 0} {
		if {[ReadStream $channel [expr {min($step, 65536)}]] eq ""} break
	    }
	    return [dict get $streams($channel) position]
	}
    }
    return
}

# ::vfs::ReadStream --
#
#	The next bytes of a stream: up to a number, and none behind the size that was told.

proc ::vfs::ReadStream {channel count} {
    variable streams

    dict with streams($channel) {}
    set count [expr {min($count, $size - $position)}]
    set bytes ""
    while {[string length $bytes] < $count} {
	append bytes [$zlib get [expr {$count - [string length $bytes]}]]
	if {[string length $bytes] >= $count || [$zlib eof]} break
	if {$left <= 0} {
	    # All has been put into it.
	    if {$bytes eq "" && $mode eq "decompress"} {
		return -code error "the compressed data ends too early"
	    }
	    break
	}
	set piece [read $source [expr {min($left, 4096)}]]
	incr left -[string length $piece]
	if {$piece eq ""} {
	    set left 0
	}
	$zlib put {*}[expr {$left == 0 ? "-finalize" : ""}] $piece
    }
    dict set streams($channel) left $left
    dict set streams($channel) position [expr {$position + [string length $bytes]}]
    return $bytes
}

# ::vfs::zip --
#
#	zip -mode compress|decompress ?-nowrap 1? data: zlib's format, or the bare deflated data.

proc ::vfs::zip {flag value args} {
    switch -glob -- "$flag $value" {
	{-mode c*} {set modes {compress deflate}}
	{-mode d*} {set modes {decompress inflate}}
	default {
	    return -code error "usage: zip -mode {compress|decompress} data"
	}
    }
    set bare [expr {[llength $args] > 2 && [lrange $args 0 1] eq "-nowrap 1"}]
    return [zlib [lindex $modes $bare] [lindex $args end]]
}

# ::vfs::crc --
#
#	The CRC-32 of bytes, the last argument.

proc ::vfs::crc {args} {
    return [zlib crc32 [lindex $args end]]
}
