# SPDX-License-Identifier: MIT
#
# zip_writer.tcl: writes zip files, by PKWARE's APPNOTE.TXT 6.3.10
# (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT): 4.3.7 (local header), 4.3.12 (directory), 4.3.14 to
# 4.3.16 (its end), 4.5.3 (zip64), appendix D (UTF-8); and Info-ZIP's extra field 0x5455 for times and its use of the
# external attributes for modes and links. tcllib's zipfile::encode needs the compiled packages Trf and zlibtcl, and
# writes no zip64, links, or times but MS-DOS's.
#
#	[ prefix ][ local header, content ] ... [ directory ][ zip64 end, locator ][ end ]
#
# Rules:
# 1. The same members give the same bytes: MS-DOS's times, which are local times elsewhere, are UTC.
# 2. Offsets count from the beginning of the file, prefix included, as in what `zip -A` has adjusted.
# 3. A content is deflated, or stored where that is not smaller; a large one is read twice then, and never held.
# 4. A content has no data descriptor: old readers would not know where it ends.

::sdx::Load losses
::sdx::Load source

namespace eval ::sdx::zip_writer {
    # What does not fit into 32 and 16 bits goes into zip64 fields. Smaller in tests.
    variable numberMax 0xffffffff
    variable countMax 0xffff
    # Contents up to this size are held.
    variable wholeBytesMax 1048576

    variable channel
    variable contents	;# what Pieces of source.tcl begins with
    variable level
    variable offset
    variable directory
    variable count
}

# ::sdx::zip_writer::Write --
#
#	Writes a zip file to a channel.
#
# Arguments:
#	out -		The channel, at the file's beginning.
#	prefix -	Bytes in front.
#	source -	What source.tcl gives.
#	root -		Where its contents are.
#	deflate -	How hard to compress, 0 to 9.
#	progress -	Called with the bytes done and in all, unless it is empty.

proc ::sdx::zip_writer::Write {out prefix source root deflate {progress {}}} {
    variable channel $out
    variable contents [list $source $root]
    variable level $deflate
    variable offset 0
    variable directory {}
    variable count 0

    Put $prefix
    set total 0
    dict for {name member} [dict get $source members] {
	incr total [lindex $member 3]
    }
    set done 0
    dict for {name member} [dict get $source members] {
	lassign $member type mode mtime size target origin
	switch -- $type {
	    directory {
		Whole $name/ [expr {0o040000 | $mode}] $mtime ""
	    }
	    link {
		Whole $name [expr {0o120000 | $mode}] $mtime [encoding convertto utf-8 $target]
	    }
	    default {
		File $name [expr {0o100000 | $mode}] $mtime $origin $size
		incr done $size
		if {$progress ne ""} {
		    {*}$progress $done $total
		}
	    }
	}
    }
    End
}

proc ::sdx::zip_writer::Put {bytes} {
    variable channel
    variable offset

    puts -nonewline $channel $bytes
    incr offset [string length $bytes]
}

# ::sdx::zip_writer::File --
#
#	Writes a file.

proc ::sdx::zip_writer::File {name mode mtime origin size} {
    variable contents
    variable wholeBytesMax

    if {$size > $wholeBytesMax} {
	Large $name $mode $mtime $origin $size
	return
    }
    set content ""
    ::sdx::source::Pieces {*}$contents $origin $size piece {
	append content $piece
    }
    Whole $name $mode $mtime $content
}

# ::sdx::zip_writer::Whole --
#
#	Writes a member whose content is in memory.

proc ::sdx::zip_writer::Whole {name mode mtime content} {
    variable level

    set stored $content
    set method 0
    if {$level > 0 && ($mode & 0o170000) == 0o100000 && $content ne ""} {
	set deflated [zlib deflate $content $level]
	if {[string length $deflated] < [string length $content]} {
	    set stored $deflated
	    set method 8
	}
    }
    set entry [Entry $name $mode $mtime]
    dict set entry method $method
    dict set entry crc [zlib crc32 $content]
    dict set entry size [string length $content]
    dict set entry stored [string length $stored]
    Put [LocalHeader $entry]
    Put $stored
    List $entry
}

# ::sdx::zip_writer::Large --
#
#	Writes a member whose content is read piece by piece. Its header is written again when all is known.

proc ::sdx::zip_writer::Large {name mode mtime origin size} {
    variable channel
    variable contents
    variable level
    variable offset

    set entry [Entry $name $mode $mtime]
    dict set entry size $size
    set headerSize [string length [LocalHeader $entry]]
    seek $channel $headerSize current
    incr offset $headerSize
    set begin $offset
    set crc 0
    set method [expr {$level > 0 ? 8 : 0}]
    if {$method == 8} {
	set stream [zlib stream deflate -level $level]
	try {
	    ::sdx::source::Pieces {*}$contents $origin $size piece {
		set crc [zlib crc32 $piece $crc]
		$stream put $piece
		Put [$stream get]
	    }
	    $stream put -finalize {}
	    Put [$stream get]
	} finally {
	    $stream close
	}
	if {$offset - $begin >= $size} {
	    set method 0
	    set crc 0
	    seek $channel $begin
	    set offset $begin
	}
    }
    if {$method == 0} {
	::sdx::source::Pieces {*}$contents $origin $size piece {
	    set crc [zlib crc32 $piece $crc]
	    Put $piece
	}
	chan truncate $channel $offset
    }
    dict set entry method $method
    dict set entry crc $crc
    dict set entry stored [expr {$offset - $begin}]
    seek $channel [expr {$begin - $headerSize}]
    puts -nonewline $channel [LocalHeader $entry]
    seek $channel $offset
    List $entry
}

# ::sdx::zip_writer::Entry --
#
#	What both headers of a member have: a dict of name, mode, mtime, offset, method, crc, size and stored.

proc ::sdx::zip_writer::Entry {name mode mtime} {
    variable offset

    set bytes [encoding convertto utf-8 $name]
    if {[string length $bytes] > 65535} {
	return -code error -errorcode [list SDX NAME $name] "couldn't add \"$name\": a zip file has names up to 65535 bytes"
    }
    if {$mtime < -0x80000000 || $mtime > 0x7fffffff} {
	::sdx::losses::Add time "times before 1901 or after 2038 are those of MS-DOS: even seconds, 1980 to 2107" $name
    }
    return [dict create name $bytes mode $mode mtime $mtime offset $offset method 0 crc 0 size 0 stored 0]
}

proc ::sdx::zip_writer::IsLong {number} {
    variable numberMax

    return [expr {$number >= $numberMax}]
}

# A number that stands elsewhere when it is long.
proc ::sdx::zip_writer::Short {number} {
    return [expr {[IsLong $number] ? 0xffffffff : $number}]
}

# ::sdx::zip_writer::LocalHeader --
#
#	The header in front of a content. The size decides on its form alone: it is written before the rest is known.

proc ::sdx::zip_writer::LocalHeader {entry} {
    dict with entry {}
    set extra [TimeField $mtime]
    set long [IsLong $size]
    if {$long} {
	set stored32 [set size32 0xffffffff]
	append extra [binary format ssww 1 16 $size $stored]
    } else {
	set stored32 $stored
	set size32 $size
    }
    return [binary format a4sssssiiiss "PK\3\4" [Version $method $long] [Flags $name] $method {*}[DosTime $mtime] \
	    $crc $stored32 $size32 [string length $name] [string length $extra]]$name$extra
}

# ::sdx::zip_writer::List --
#
#	Puts a member into the directory.

proc ::sdx::zip_writer::List {entry} {
    variable directory
    variable count

    dict with entry {}
    set long ""
    foreach number [list $size $stored $offset] {
	if {[IsLong $number]} {
	    append long [binary format w $number]
	}
    }
    set extra [TimeField $mtime]
    if {$long ne ""} {
	append extra [binary format ss 1 [string length $long]]$long
    }
    set version [Version $method [expr {$long ne ""}]]
    # Made by Unix; 0x10 says directory to MS-DOS, and 1 that it must not be written.
    set attributes [expr {$mode << 16 | (($mode & 0o170000) == 0o040000 ? 0x10 : 0) | ($mode & 0o200 ? 0 : 1)}]
    lappend directory [binary format a4ssssss "PK\1\2" [expr {3 << 8 | 30}] $version [Flags $name] $method \
	{*}[DosTime $mtime]][binary format iiisssssii $crc [Short $stored] [Short $size] [string length $name] \
	[string length $extra] 0 0 0 $attributes [Short $offset]]$name$extra
    incr count
}

# ::sdx::zip_writer::End --
#
#	Writes the directory and what ends it.

proc ::sdx::zip_writer::End {} {
    variable directory
    variable offset
    variable count
    variable countMax

    set begin $offset
    foreach entry $directory {
	Put $entry
    }
    set size [expr {$offset - $begin}]
    set count16 $count
    if {$count >= $countMax || [IsLong $size] || [IsLong $begin]} {
	set end64 $offset
	Put [binary format a4wssiiwwww "PK\6\6" 44 [expr {3 << 8 | 30}] 45 0 0 $count $count $size $begin]
	Put [binary format a4iwi "PK\6\7" 0 $end64 1]
	if {$count >= $countMax} {
	    set count16 0xffff
	}
    }
    Put [binary format a4ssssiis "PK\5\6" 0 0 $count16 $count16 [Short $size] [Short $begin] 0]
}

# What is needed to read a member, in tenths.
proc ::sdx::zip_writer::Version {method long} {
    return [expr {$long ? 45 : $method == 8 ? 20 : 10}]
}

# Bit 11: the name is UTF-8.
proc ::sdx::zip_writer::Flags {name} {
    return [expr {[regexp {[^\x00-\x7f]} $name] ? 0x800 : 0}]
}

# ::sdx::zip_writer::TimeField --
#
#	The extra field with the time of last change in seconds of UTC, where 32 bits have room for it.

proc ::sdx::zip_writer::TimeField {mtime} {
    if {$mtime < -0x80000000 || $mtime > 0x7fffffff} {
	return ""
    }
    return [binary format ssci 0x5455 5 1 $mtime]
}

# ::sdx::zip_writer::DosTime --
#
#	MS-DOS's time and date.

proc ::sdx::zip_writer::DosTime {mtime} {
    variable dosTimes

    if {![info exists dosTimes($mtime)]} {
	# 1980-01-01 00:00:00 to 2107-12-31 23:59:58.
	set time [expr {min(max($mtime, 315532800), 4354819198)}]
	scan [clock format $time -gmt 1 -format "%Y %m %d %H %M %S"] "%d %d %d %d %d %d" year month day hour minute second
	set dosTimes($mtime) [list [expr {$hour << 11 | $minute << 5 | $second >> 1}] \
	    [expr {($year - 1980) << 9 | $month << 5 | $day}]]
    }
    return $dosTimes($mtime)
}
