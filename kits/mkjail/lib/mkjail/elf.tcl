# SPDX-License-Identifier: MIT
#
# elf.tcl: what an ELF file says of itself, read from its program headers and its dynamic section as the dynamic
# linker does (elf(5), and the System V gABI, chapters 4 and 5). Section headers, which nothing needs at run time, are
# not read.
#
#	[ ELF header ] -> [ program headers ]  PT_INTERP  -> the interpreter's path
#	                                       PT_DYNAMIC -> [ tag value ]...  DT_NEEDED, ... are offsets into DT_STRTAB
#	                                       PT_LOAD    -> where an address lies in the file
#
# Rules:
# 1. The file is hostile. Each offset and size is checked against the file's before a byte is read, each count and
#    size against a limit below, and every byte is read at most twice; so the work is bounded by the limits.
# 2. Nothing of the file is ever run.
# 3. A file that is damaged is an error {MKJAIL ELF} that names the file and the fault; one that is no ELF file gives
#    an empty answer.

namespace eval ::mkjail::elf {
    # Limits, each above what the largest programs have.
    variable maxHeaders 1024
    variable maxDynamicBytes 1048576
    variable maxStringBytes 33554432
    variable maxNameBytes 4096
    variable maxNeeded 4096

    # Values of p_type, and of d_tag with our name for it.
    variable PT_LOAD 1
    variable PT_DYNAMIC 2
    variable PT_INTERP 3
    variable stringTags {
	1 needed 14 soname 15 rpath 29 runpath 2147483645 auxiliary 2147483647 filter 1879047931 audit 1879047932 audit
    }
    variable DT_STRTAB 5
    variable DT_STRSZ 10
    variable DT_FLAGS_1 1879048187
}

# ::mkjail::elf::Read --
#
#	Reads a file.
#
# Arguments:
#	path -		A regular file of the host.
#	symbols -	Names of functions to look for among those that the file imports or exports.
#
# Results:
#	A dict: class (32 or 64), order (little or big), machine (e_machine), type (e_type), interpreter, needed, soname,
#	rpath, runpath, auxiliary, filter, audit (lists), flags1, symbols (those found). Empty for a file of another
#	format.

proc ::mkjail::elf::Read {path {symbols {}}} {
    set channel [::mkjail::host::Open $path]
    try {
	seek $channel 0 end
	set file [dict create channel $channel path $path size [tell $channel]]
	return [ReadFile $file $symbols]
    } finally {
	close $channel
    }
}

proc ::mkjail::elf::ReadFile {file symbols} {
    variable PT_LOAD
    variable PT_DYNAMIC
    variable PT_INTERP
    variable stringTags
    variable maxNameBytes

    if {[dict get $file size] < 4 || [Bytes $file "magic number" 0 4 4] ne "\x7fELF"} {
	return ""
    }
    binary scan [Bytes $file "ELF header" 4 3 3] cucucu class order version
    if {$class ni {1 2}} {
	Damaged $file "class is $class, must be 1 or 2"
    }
    if {$order ni {1 2}} {
	Damaged $file "byte order is $order, must be 1 or 2"
    }
    if {$version != 1} {
	Damaged $file "version is $version, must be 1"
    }
    dict set file class [expr {$class * 32}]
    dict set file order [expr {$order == 1 ? "little" : "big"}]
    lassign [Fields $file "ELF header" 16 {h h w a a a w h h h}] \
	    type machine - - offset - - - entrySize count
    set elf [dict create class [dict get $file class] order [dict get $file order] machine $machine type $type \
	    interpreter "" needed {} soname {} rpath {} runpath {} auxiliary {} filter {} audit {} flags1 0 symbols {}]
    if {$type ni {2 3}} {
	Damaged $file "type is $type, must be an executable or a shared object"
    }

    set loads {}
    set dynamic ""
    foreach header [Headers $file $offset $entrySize $count] {
	lassign $header kind position address fileBytes
	switch -- $kind \
	    $PT_LOAD {
		lappend loads [list $address $fileBytes $position]
	    } $PT_DYNAMIC {
		if {$dynamic ne ""} {
		    Damaged $file "it has two dynamic sections"
		}
		set dynamic [list $address $fileBytes]
	    } $PT_INTERP {
		if {[dict get $elf interpreter] ne ""} {
		    Damaged $file "it names two interpreters"
		}
		set name [Bytes $file "interpreter's name" $position $fileBytes $maxNameBytes]
		set end [string first \0 $name]
		if {$end < 1} {
		    Damaged $file "interpreter's name is empty or does not end"
		}
		dict set elf interpreter [encoding convertfrom utf-8 [string range $name 0 $end-1]]
	    }
    }
    if {$dynamic eq ""} {
	return $elf
    }

    lassign [Dynamic $file $loads {*}$dynamic] tags strings flags1
    dict set elf flags1 $flags1
    foreach {tag value} $tags {
	dict lappend elf [dict get $stringTags $tag] [String $file $strings $value]
    }
    foreach symbol $symbols {
	# The linker lets a name be the tail of another, so what is in front of it says nothing.
	if {[string first $symbol\0 $strings] >= 0} {
	    dict lappend elf symbols $symbol
	}
    }
    return $elf
}

# ::mkjail::elf::Headers --
#
#	The program headers, each as {type file-offset address bytes-in-file}.

proc ::mkjail::elf::Headers {file offset entrySize count} {
    variable maxHeaders

    if {$count == 0} {
	return {}
    }
    if {$count > $maxHeaders} {
	Damaged $file "it has $count program headers, more than $maxHeaders"
    }
    set wanted [expr {[dict get $file class] == 64 ? 56 : 32}]
    if {$entrySize != $wanted} {
	Damaged $file "a program header has $entrySize bytes, must be $wanted"
    }
    Bytes $file "program headers" $offset [expr {$entrySize * $count}] [expr {$entrySize * $maxHeaders}]
    set headers {}
    for {set i 0} {$i < $count} {incr i} {
	set at [expr {$offset + $i * $entrySize}]
	if {[dict get $file class] == 64} {
	    lassign [Fields $file "program headers" $at {w w a a a a}] kind - position address - bytes
	} else {
	    lassign [Fields $file "program headers" $at {w a a a a}] kind position address - bytes
	}
	lappend headers [list $kind $position $address $bytes]
    }
    return $headers
}

# ::mkjail::elf::Dynamic --
#
#	The dynamic section: a list of the tags that have strings, alternating with their values; the string table; and
#	DT_FLAGS_1.

proc ::mkjail::elf::Dynamic {file loads address bytes} {
    variable maxDynamicBytes
    variable maxStringBytes
    variable maxNeeded
    variable stringTags
    variable DT_STRTAB
    variable DT_STRSZ
    variable DT_FLAGS_1

    if {$bytes > $maxDynamicBytes} {
	Damaged $file "dynamic section has $bytes bytes, more than $maxDynamicBytes"
    }
    set data [Bytes $file "dynamic section" [Place $file $loads "dynamic section" $address $bytes] $bytes \
	    $maxDynamicBytes]
    set format [Format $file a]
    binary scan $data [string cat $format *] words
    set tags {}
    set table ""
    set tableBytes 0
    set flags1 0
    set ended 0
    foreach {tag value} $words {
	if {$value eq ""} {
	    break
	}
	if {$tag == 0} {
	    set ended 1
	    break
	}
	if {$tag == $DT_STRTAB} {
	    set table $value
	} elseif {$tag == $DT_STRSZ} {
	    set tableBytes $value
	} elseif {$tag == $DT_FLAGS_1} {
	    set flags1 $value
	} elseif {[dict exists $stringTags $tag]} {
	    lappend tags $tag $value
	}
    }
    if {!$ended} {
	Damaged $file "dynamic section does not end"
    }
    if {[llength $tags] > 2 * $maxNeeded} {
	Damaged $file "it needs more than $maxNeeded libraries"
    }
    set strings ""
    if {$table ne ""} {
	if {$tableBytes > $maxStringBytes} {
	    Damaged $file "string table has $tableBytes bytes, more than $maxStringBytes"
	}
	set strings [Bytes $file "string table" [Place $file $loads "string table" $table $tableBytes] $tableBytes \
		$maxStringBytes]
    }
    return [list $tags $strings $flags1]
}

# ::mkjail::elf::Place --
#
#	Where in the file the bytes at an address lie.

proc ::mkjail::elf::Place {file loads what address bytes} {
    foreach load $loads {
	lassign $load start length position
	if {$address >= $start && $address + $bytes <= $start + $length} {
	    return [expr {$position + $address - $start}]
	}
    }
    Damaged $file "outside of all segments: $what"
}

proc ::mkjail::elf::String {file strings offset} {
    variable maxNameBytes

    if {$offset >= [string length $strings]} {
	Damaged $file "a name lies outside of the string table"
    }
    set end [string first \0 $strings $offset]
    if {$end < 0 || $end - $offset > $maxNameBytes} {
	Damaged $file "a name does not end"
    }
    return [encoding convertfrom utf-8 [string range $strings $offset $end-1]]
}

# ::mkjail::elf::Bytes --
#
#	Bytes of the file, after the checks of rule 1.

proc ::mkjail::elf::Bytes {file what offset count limit} {
    if {$count > $limit} {
	Damaged $file "too large: $what, $count bytes (at most $limit)"
    }
    if {$offset + $count > [dict get $file size]} {
	Damaged $file "outside of the file: $what"
    }
    set channel [dict get $file channel]
    seek $channel $offset
    set data [read $channel $count]
    if {[string length $data] != $count} {
	Damaged $file "cut off while it was read: $what"
    }
    return $data
}

# ::mkjail::elf::Fields --
#
#	Unsigned numbers that follow one another: h 2 bytes, w 4, a as many as an address of this class.

proc ::mkjail::elf::Fields {file what offset kinds} {
    set count 0
    set format ""
    set names {}
    foreach kind $kinds {
	incr count [expr {$kind eq "h" ? 2 : $kind eq "w" || [dict get $file class] == 32 ? 4 : 8}]
	append format [Format $file $kind]
	lappend names value[llength $names]
    }
    binary scan [Bytes $file $what $offset $count 1024] $format {*}$names
    return [lmap name $names {set $name}]
}

proc ::mkjail::elf::Format {file kind} {
    set little [expr {[dict get $file order] eq "little"}]
    switch -- $kind {
	h {
	    return [expr {$little ? "su" : "Su"}]
	}
	w {
	    return [expr {$little ? "iu" : "Iu"}]
	}
    }
    if {[dict get $file class] == 32} {
	return [expr {$little ? "iu" : "Iu"}]
    }
    return [expr {$little ? "wu" : "Wu"}]
}

proc ::mkjail::elf::Damaged {file fault} {
    return -code error -errorcode {MKJAIL ELF} \
	    "couldn't read \"[::mkjail::Printable [dict get $file path]]\": damaged ELF file: $fault"
}
