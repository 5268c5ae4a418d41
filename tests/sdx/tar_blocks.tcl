# SPDX-License-Identifier: MIT
#
# tar_blocks.tcl: writes tar files block by block for tests, sound and not.

# tarHeader --
#
#	A header. Fields that are not named are those of an ordinary file in ustar's form; numbers are the field's text.
#	"sum" is the text of the check sum field where that should be wrong.

proc tarHeader {args} {
    set field [dict merge {
	name a mode 0000644 uid 0000000 gid 0000000 size 00000000000 mtime 14524770400 flag 0 target {} magic ustar
	version 00 uname {} gname {} major {} minor {} prefix {}
    } $args]
    set block [binary format a100a8a8a8a12a12a8aa100a6a2a32a32a8a8a155a12 [dict get $field name] [dict get $field mode] \
	[dict get $field uid] [dict get $field gid] [dict get $field size] [dict get $field mtime] "        " \
	[dict get $field flag] [dict get $field target] [dict get $field magic] [dict get $field version] \
	[dict get $field uname] [dict get $field gname] [dict get $field major] [dict get $field minor] \
	[dict get $field prefix] ""]
    binary scan $block cu* bytes
    set sum [format %06o\x00 [::tcl::mathop::+ {*}$bytes]]
    if {[dict exists $field sum]} {
	set sum [dict get $field sum]
    }
    return [string replace $block 148 155 [binary format a8 "$sum "]]
}

# tarMember --
#
#	A header and a content, padded.

proc tarMember {content args} {
    set size [string length $content]
    return [tarHeader size [format %011o $size] {*}$args]$content[string repeat \0 [expr {-$size % 512}]]
}

# A pax header with these records.
proc tarPax {flag args} {
    set records ""
    foreach {key value} $args {
	set rest " $key=$value\n"
	set length [string length $rest]
	while {[string length $length$rest] != $length} {
	    set length [string length $length$rest]
	}
	append records $length$rest
    }
    return [tarMember $records name pax flag $flag]
}

proc tarEnd {} {
    return [string repeat \0 1024]
}

proc writeBytes {path bytes} {
    set channel [open $path wb]
    puts -nonewline $channel $bytes
    close $channel
}
