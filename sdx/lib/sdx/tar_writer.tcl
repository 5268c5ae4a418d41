# SPDX-License-Identifier: MIT
#
# tar_writer.tcl: writes tar files in POSIX's form: ustar, with pax headers in front of members that do not fit into it,
# by long names, names beyond ASCII, large sizes or times
# (https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html). tcllib's package tar writes no pax headers.
#
# Rules:
# 1. The same members give the same bytes. Owners are root, by number and name.
# 2. Files are padded to records of 10240 bytes, as tar does.

::sdx::Load source

namespace eval ::sdx::tar_writer {
    variable recordBytes 10240
    # Eleven octal digits.
    variable numberMax 0o77777777777
    # So much is collected before it is compressed or written.
    variable gatherBytes 65536

    variable channel
    variable stream	;# that compresses; empty for a plain file
    variable gathered
    variable size
}

# ::sdx::tar_writer::Write --
#
#	Writes a tar file to a channel.
#
# Arguments:
#	out -		The channel.
#	gzip -		Whether it is compressed.
#	source -	What source.tcl gives.
#	root -		Where its contents are.
#	level -		How hard to compress, 0 to 9.
#	progress -	Called with the bytes done and in all, unless it is empty.

proc ::sdx::tar_writer::Write {out gzip source root level {progress {}}} {
    variable channel $out
    variable stream ""
    variable gathered ""
    variable size 0
    variable recordBytes

    if {$gzip} {
	# Its header has neither a time nor a name.
	set stream [zlib stream gzip -level $level]
    }
    try {
	set total 0
	dict for {name member} [dict get $source members] {
	    incr total [lindex $member 3]
	}
	set done 0
	dict for {name member} [dict get $source members] {
	    lassign $member type mode mtime bytes target origin
	    switch -- $type {
		directory {
		    Put [Header $name/ $mode $mtime 0 5 ""]
		}
		link {
		    Put [Header $name $mode $mtime 0 2 $target]
		}
		default {
		    Put [Header $name $mode $mtime $bytes 0 ""]
		    ::sdx::source::Pieces $source $root $origin $bytes piece {
			Put $piece
		    }
		    Put [Padding $bytes 512]
		    incr done $bytes
		    if {$progress ne ""} {
			{*}$progress $done $total
		    }
		}
	    }
	}
	Put [string repeat \0 1024]
	Put [Padding $size $recordBytes]
	Flush
	if {$stream ne ""} {
	    $stream put -finalize {}
	    puts -nonewline $channel [$stream get]
	}
    } finally {
	if {$stream ne ""} {
	    $stream close
	}
    }
}

proc ::sdx::tar_writer::Put {bytes} {
    variable gathered
    variable gatherBytes
    variable size

    append gathered $bytes
    incr size [string length $bytes]
    if {[string length $gathered] >= $gatherBytes} {
	Flush
    }
}

proc ::sdx::tar_writer::Flush {} {
    variable channel
    variable stream
    variable gathered

    if {$stream ne ""} {
	$stream put $gathered
	set gathered [$stream get]
    }
    puts -nonewline $channel $gathered
    set gathered ""
}

proc ::sdx::tar_writer::Padding {size multiple} {
    return [string repeat \0 [expr {-$size % $multiple}]]
}

# ::sdx::tar_writer::Header --
#
#	The headers of a member.

proc ::sdx::tar_writer::Header {name mode mtime size flag target} {
    variable numberMax

    set pax ""
    set nameBytes [encoding convertto utf-8 $name]
    lassign [Split $nameBytes] prefix tail
    if {$tail eq "" || ![IsAscii $nameBytes]} {
	append pax [Record path $nameBytes]
    }
    if {$tail eq ""} {
	set prefix ""
	set tail [string range $nameBytes 0 99]
    }
    set targetBytes [encoding convertto utf-8 $target]
    if {[string length $targetBytes] > 100 || ![IsAscii $targetBytes]} {
	append pax [Record linkpath $targetBytes]
    }
    if {$size > $numberMax} {
	append pax [Record size $size]
    }
    if {$mtime < 0 || $mtime > $numberMax} {
	append pax [Record mtime $mtime]
    }
    set header [Block $tail $prefix $mode [expr {min(max($mtime, 0), $numberMax)}] \
	[expr {$size > $numberMax ? 0 : $size}] $flag [string range $targetBytes 0 99]]
    if {$pax eq ""} {
	return $header
    }
    set length [string length $pax]
    return [Block [string range PaxHeaders/[string trimright $tail /] 0 99] "" 0o644 \
	[expr {min(max($mtime, 0), $numberMax)}] $length x ""]$pax[Padding $length 512]$header
}

# ::sdx::tar_writer::Split --
#
#	A name as ustar has it: up to 100 bytes, and up to 155 in front of a slash.
#
# Results:
#	A list of two; the second is empty where it does not fit.

proc ::sdx::tar_writer::Split {name} {
    if {[string length $name] <= 100} {
	return [list "" $name]
    }
    # The first slash from which on it fits, and which is not the one at the end.
    set at [string first / $name [expr {[string length $name] - 101}]]
    if {$at < 1 || $at > 155 || $at == [string length $name] - 1} {
	return {"" ""}
    }
    return [list [string range $name 0 $at-1] [string range $name $at+1 end]]
}

proc ::sdx::tar_writer::IsAscii {bytes} {
    return [regexp {^[\x01-\x7f]*$} $bytes]
}

# ::sdx::tar_writer::Record --
#
#	A record of a pax header. Its length counts its own digits.

proc ::sdx::tar_writer::Record {key value} {
    set rest " $key=$value\n"
    set length [string length $rest]
    while {[string length $length] + [string length $rest] != $length} {
	set length [expr {[string length $length] + [string length $rest]}]
    }
    return $length$rest
}

proc ::sdx::tar_writer::Block {name prefix mode mtime size flag target} {
    set block [binary format a100a8a8a8a12a12a8aa100a8a32a32a8a8a155a12 $name [format %07o $mode] 0000000 0000000 \
	[format %011llo $size] [format %011llo $mtime] [string repeat " " 8] $flag $target "ustar\x0000" root root \
	0000000 0000000 $prefix ""]
    binary scan $block cu* bytes
    return [string replace $block 148 155 "[format %06o [::tcl::mathop::+ {*}$bytes]]\0 "]
}
