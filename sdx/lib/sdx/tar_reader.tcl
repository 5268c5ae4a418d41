# SPDX-License-Identifier: MIT
#
# tar_reader.tcl: reads tar files, plain or compressed by gzip, from the beginning to the end and with little memory:
# the forms of version 7, of POSIX (ustar, and pax headers for what does not fit:
# https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html) and of GNU (long names, numbers in base 256:
# https://www.gnu.org/software/tar/manual/html_node/Standard.html). tcllib's package tar knows no pax headers, compares
# no check sums, and takes what is cut short for whole.
#
# Rules:
# 1. All of it is untrusted: check sums hold, sizes are what is there, headers are of bounded size, and a file without
#    its end is an error, as is a part of one in several files, a sparse file, or what is of no known type.
# 2. What is known and cannot be kept is noted (losses.tcl).
# 3. gzip files may have several parts (RFC 1952, 2.2). Tcl's own channel takes one that is cut for complete, so its
#    check sum and size are compared here.

::sdx::Load losses

namespace eval ::sdx::tar_reader {
    variable blockBytes 512
    variable pieceBytes 262144
    # Of a pax header or a long name.
    variable headerBytesMax 1048576

    variable path		;# of the file, for messages
    variable channel
    variable gzip		;# whether it is compressed
    variable start		;# of the gzip part in the file,
    variable crc		;# its content's check sum
    variable length		;# and size so far
    variable left 0		;# bytes of the member that are still to be read, and
    variable padding 0		;# those behind it, up to the next header

    # What counts of the records of a pax header. No others are kept: those common to all members may come again and again.
    variable records {(?x)^(?: (?:path|linkpath|size|mtime)$ | GNU\.sparse\. |
	(?:SCHILY|LIBARCHIVE)\.(?:xattr|acl|fflags|creationtime) )}

    # How compressed files begin that we cannot read, and what makes plain ones of them.
    variable compressed {
	"BZh"			{bzip2 "bzip2 -d"}
	"\xfd7zXZ\x00"		{xz "xz -d"}
	"\x28\xb5\x2f\xfd"	{zstd "zstd -d"}
	"\x1f\x9d"		{compress "uncompress"}
	"LZIP"			{lzip "lzip -d"}
    }
}

# ::sdx::tar_reader::Format --
#
#	What the beginning of a file says of its format.
#
# Results:
#	tar, tar.gz, or nothing. What is compressed, but no tar file, is an error.

proc ::sdx::tar_reader::Format {file} {
    variable compressed
    variable channel
    variable gzip

    Begin $file
    try {
	if {$gzip} {
	    if {[catch {Take 512} block] || ![IsHeader $block]} {
		Fail "it is compressed by gzip, but not a tar file"
	    }
	    return tar.gz
	}
	set block [Take 512]
	foreach {magic program} $compressed {
	    if {[string first $magic $block] == 0} {
		lassign $program name command
		Fail "it is compressed by $name (hint: unpack it by $command first)"
	    }
	}
	return [expr {[IsHeader $block] ? "tar" : ""}]
    } finally {
	close $channel
    }
}

# ::sdx::tar_reader::Each --
#
#	Reads a tar file, and calls a command for each member.
#
# Arguments:
#	file -		Its path.
#	encoding -	Of names and targets; where they are in pax headers, they are UTF-8.
#	command -	Called with a dict: type (file, directory, link, hardlink, or special for what no archive of ours
#			holds), name and target as they stand there, mode, mtime and size. May call Copy.

proc ::sdx::tar_reader::Each {file encoding command} {
    variable channel
    variable left
    variable padding
    variable blockBytes

    Begin $file
    try {
	set global {}
	set own {}
	while {1} {
	    set block [Take $blockBytes]
	    if {$block eq ""} {
		Fail "it has no end (was it cut short?)"
	    }
	    if {[string length $block] < $blockBytes} {
		FailCut
	    }
	    if {[IsZero $block]} {
		break
	    }
	    set header [Header $block]
	    switch -- [dict get $header flag] {
		g {
		    set global [dict merge $global [Records [Extension $header]]]
		}
		x - X {
		    set own [dict merge $own [Records [Extension $header]]]
		}
		L {
		    dict set own GNU.name [Text [Extension $header]]
		}
		K {
		    dict set own GNU.link [Text [Extension $header]]
		}
		default {
		    set member [Member $header [dict merge $global $own] $encoding]
		    set own {}
		    set left [dict get $member size]
		    set padding [expr {-$left & ($blockBytes - 1)}]
		    if {[dict get $member type] ne "none"} {
			{*}$command $member
		    }
		    Skip
		}
	    }
	}
	if {[dict size $own]} {
	    FailCut
	}
	Drain
    } finally {
	close $channel
    }
}

# ::sdx::tar_reader::Begin --
#
#	Opens a file.

proc ::sdx::tar_reader::Begin {file} {
    variable path $file
    variable channel [open $file rb]
    variable gzip [expr {[read $channel 2] eq "\x1f\x8b"}]
    variable left 0
    variable padding 0

    seek $channel 0
    if {$gzip} {
	BeginPart
    }
}

# ::sdx::tar_reader::Copy --
#
#	Writes the content of the member that Each has come to.

proc ::sdx::tar_reader::Copy {out} {
    variable left
    variable pieceBytes

    while {$left > 0} {
	puts -nonewline $out [Piece [expr {min($left, $pieceBytes)}]]
    }
}

proc ::sdx::tar_reader::Fail {cause} {
    variable path

    return -code error -level 2 -errorcode [list SDX TAR $path] "couldn't read \"$path\": $cause"
}

proc ::sdx::tar_reader::FailCut {} {
    variable path

    return -code error -level 2 -errorcode [list SDX TAR $path] "couldn't read \"$path\": it is cut short"
}

#
# Bytes.
#

# ::sdx::tar_reader::Take --
#
#	The next bytes; fewer at the end.

proc ::sdx::tar_reader::Take {count} {
    variable gzip

    set data [Read $count]
    while {[string length $data] < $count && $gzip && [NextPart]} {
	append data [Read [expr {$count - [string length $data]}]]
    }
    return $data
}

proc ::sdx::tar_reader::Read {count} {
    variable channel
    variable gzip
    variable crc
    variable length

    try {
	set data [read $channel $count]
    } on error {message} {
	Fail [expr {$gzip ? "its gzip data is damaged" : [regsub {^error reading "[^"]*": } $message ""]}]
    }
    if {$gzip} {
	set crc [zlib crc32 $data $crc]
	incr length [string length $data]
    }
    return $data
}

# ::sdx::tar_reader::BeginPart --
#
#	Begins to decompress at the file's present place.

proc ::sdx::tar_reader::BeginPart {} {
    variable channel
    variable start [tell $channel]
    variable crc 0
    variable length 0

    zlib push gunzip $channel
}

# ::sdx::tar_reader::NextPart --
#
#	Where a gzip part has ended: checks it, and goes on with the next one.
#
# Results:
#	Whether there is one.

proc ::sdx::tar_reader::NextPart {} {
    variable channel
    variable start
    variable crc
    variable length

    chan pop $channel
    set end [tell $channel]
    # Ten bytes of header, two of data and eight of check sum and size at least.
    if {$end - $start < 20} {
	FailCut
    }
    seek $channel [expr {$end - 8}]
    binary scan [read $channel 8] iuiu stated size
    if {$stated != $crc || $size != ($length & 0xffffffff)} {
	FailCut
    }
    set magic [read $channel 2]
    if {$magic eq "\x1f\x8b"} {
	seek $channel $end
	BeginPart
	return 1
    }
    variable gzip 0
    if {$magic ne ""} {
	seek $channel $end
    }
    return 0
}

# ::sdx::tar_reader::Piece --
#
#	So many bytes of the member's content.

proc ::sdx::tar_reader::Piece {count} {
    variable left

    set data [Take $count]
    if {[string length $data] < $count} {
	FailCut
    }
    incr left -$count
    return $data
}

# ::sdx::tar_reader::Skip --
#
#	Goes behind the member.

proc ::sdx::tar_reader::Skip {} {
    variable left
    variable padding
    variable pieceBytes

    while {$left > 0} {
	Piece [expr {min($left, $pieceBytes)}]
    }
    if {[string length [Take $padding]] < $padding} {
	FailCut
    }
    set padding 0
}

# ::sdx::tar_reader::Drain --
#
#	Reads what is behind the end: zeros, and check sums of gzip.

proc ::sdx::tar_reader::Drain {} {
    variable pieceBytes

    while {[set piece [Take $pieceBytes]] ne ""} {
	if {![IsZero $piece]} {
	    ::sdx::losses::Add trailing "what is behind the end of the tar file"
	}
    }
    # Behind the last gzip part.
    while {[set piece [Take $pieceBytes]] ne ""} {
	if {![IsZero $piece]} {
	    ::sdx::losses::Add trailing "what is behind the end of the tar file"
	}
    }
}

proc ::sdx::tar_reader::IsZero {bytes} {
    return [expr {![regexp {[^\0]} $bytes]}]
}

#
# Headers.
#

# ::sdx::tar_reader::IsHeader --
#
#	Whether a block may be the first of a tar file.

proc ::sdx::tar_reader::IsHeader {block} {
    return [expr {[string length $block] == 512 && ([IsZero $block] || [HasSum $block])}]
}

# ::sdx::tar_reader::HasSum --
#
#	Whether a header's check sum holds. Some old programs have added signed bytes.

proc ::sdx::tar_reader::HasSum {block} {
    if {![regexp {^[ \0]*([0-7]+)} [string range $block 148 155] - digits]} {
	return 0
    }
    scan $digits %llo stated
    set rest [string replace $block 148 155 "        "]
    foreach format {cu* c*} {
	binary scan $rest $format bytes
	if {[::tcl::mathop::+ {*}$bytes] == $stated} {
	    return 1
	}
    }
    return 0
}

# ::sdx::tar_reader::Header --
#
#	A header's fields.

proc ::sdx::tar_reader::Header {block} {
    if {![HasSum $block]} {
	Fail "a header is damaged: its check sum is wrong"
    }
    binary scan $block a100a8x16a12a12x8aa100a8x80a155 name mode size mtime flag target magic prefix
    set name [Text $name]
    # In GNU's form other things are there.
    if {[string first "ustar\0" $magic] == 0 && [Text $prefix] ne ""} {
	set name [Text $prefix]/$name
    }
    return [dict create name $name mode [Number $mode] size [Number $size] mtime [Number $mtime] flag $flag \
	target [Text $target]]
}

# A text ends where a zero is.
proc ::sdx::tar_reader::Text {field} {
    set end [string first \0 $field]
    return [expr {$end < 0 ? $field : [string range $field 0 $end-1]}]
}

# ::sdx::tar_reader::Number --
#
#	A number in octal digits, or, where the first bit is set, in bytes.

proc ::sdx::tar_reader::Number {field} {
    binary scan $field cu* bytes
    set first [lindex $bytes 0]
    if {$first & 0x80} {
	set number [expr {$first == 0xff ? -1 : $first & 0x7f}]
	foreach byte [lrange $bytes 1 end] {
	    set number [expr {$number * 256 + $byte}]
	}
    } elseif {[regexp {^[ \0]*([0-7]+)(?:[ \0]|$)} $field - digits]} {
	scan $digits %llo number
    } elseif {[regexp {^[ \0]*$} $field]} {
	set number 0
    } else {
	Fail "a header is damaged: a number in it is none"
    }
    if {abs($number) >= 1 << 62} {
	Fail "a header is damaged: a number in it is too large"
    }
    return $number
}

# ::sdx::tar_reader::Extension --
#
#	The content of a header that extends the next one.

proc ::sdx::tar_reader::Extension {header} {
    variable headerBytesMax
    variable left [dict get $header size]
    variable padding [expr {-$left & 511}]

    if {$left < 0 || $left > $headerBytesMax} {
	Fail "a header is damaged: it is said to have $left bytes"
    }
    set data [Piece $left]
    Skip
    return $data
}

# ::sdx::tar_reader::Records --
#
#	The records of a pax header: LENGTH KEY=VALUE, where the length is that of all of it.

proc ::sdx::tar_reader::Records {data} {
    variable records

    set found {}
    set size [string length $data]
    for {set at 0} {$at < $size} {incr at $length} {
	if {![regexp -start $at {\A(\d{1,7}) } $data - length]} {
	    Fail "a pax header is damaged"
	}
	scan $length %d length
	set record [string range $data $at [expr {$at + $length - 1}]]
	set equals [string first = $record]
	if {[string length $record] != $length || [string index $record end] ne "\n" || $equals < 0} {
	    Fail "a pax header is damaged"
	}
	# Of a name that begins like one of these its beginning.
	if {[regexp $records [string range $record [string first " " $record]+1 $equals-1] key]} {
	    dict set found $key [string range $record $equals+1 end-1]
	}
    }
    return $found
}

# ::sdx::tar_reader::Member --
#
#	The member that a header and what extends it describe.

proc ::sdx::tar_reader::Member {header pax encoding} {
    dict with header {}
    set names [dict create]
    foreach {field gnu key} {name GNU.name path target GNU.link linkpath} {
	if {[dict exists $pax $gnu]} {
	    set $field [dict get $pax $gnu]
	}
	if {[dict exists $pax $key] && [dict get $pax $key] ne ""} {
	    set $field [Decoded [dict get $pax $key] utf-8]
	} else {
	    set $field [Decoded [set $field] $encoding]
	}
    }
    if {[dict exists $pax size] && [dict get $pax size] ne ""} {
	if {![regexp {^\d{1,18}$} [dict get $pax size]]} {
	    Fail "a pax header is damaged: a size in it is none"
	}
	scan [dict get $pax size] %lld size
    }
    if {[dict exists $pax mtime] && [dict get $pax mtime] ne ""} {
	if {![regexp {^(-?)(\d{1,18})(\.\d*)?$} [dict get $pax mtime] - sign seconds fraction]} {
	    Fail "a pax header is damaged: a time in it is none"
	}
	scan $sign$seconds %lld mtime
	if {[string trim $fraction .0] ne ""} {
	    # The second it lies in.
	    incr mtime [expr {$sign eq "" ? 0 : -1}]
	    ::sdx::losses::Add fraction "fractions of seconds" $name
	}
    }
    if {$size < 0} {
	Fail "a header is damaged: a size in it is negative"
    }
    if {[llength [dict keys $pax GNU.sparse.*]] || $flag eq "S"} {
	Fail "\"$name\" is stored as a sparse file (hint: unpack it, and pack it without --sparse)"
    }
    if {[llength [lsearch -all -regexp [dict keys $pax] {^(SCHILY|LIBARCHIVE)\.(xattr|acl|fflags|creationtime)}]]} {
	::sdx::losses::Add attributes "extended attributes and access control lists" $name
    }
    set type [Type $flag $name]
    if {$type eq "hardlink" && $size > 0 && [dict exists $pax size]} {
	# pax can put the content there, too.
	set type file
    } elseif {$flag in {1 2 3 4 5 6}} {
	# What is there says something else.
	set size 0
    }
    return [dict create type $type name $name target $target mode [expr {$mode & 0o7777}] mtime $mtime size $size]
}

proc ::sdx::tar_reader::Type {flag name} {
    switch -- $flag {
	0 - \0 - 7 {
	    # Version 7 knows directories by their names.
	    return [expr {[string match */ $name] ? "directory" : "file"}]
	}
	1 {
	    return hardlink
	}
	2 {
	    return link
	}
	3 - 4 - 6 {
	    return special
	}
	5 - D {
	    return directory
	}
	V {
	    # The name of a volume.
	    return none
	}
	M {
	    Fail "it is a part of a tar file in several files"
	}
    }
    scan $flag %c code
    Fail "\"$name\" is of a type that sdx doesn't know: [expr {$code > 32 && $code < 127 ? "\"$flag\"" : $code}]"
}

proc ::sdx::tar_reader::Decoded {bytes encoding} {
    set text [encoding convertfrom $encoding $bytes]
    if {[encoding convertto $encoding $text] ne $bytes} {
	Fail "the member name \"[encoding convertfrom iso8859-1 $bytes]\" is not $encoding (hint: name its encoding by\
	    -encoding)"
    }
    return $text
}
