# SPDX-License-Identifier: MIT
#
# elf_file.tcl: small ELF files for tests. Nothing in them can run; they have what a dynamic linker reads first.
#
#	elfFile ?-key value ...?	-> the bytes
#
# Keys: class 64|32, order little|big, machine, type, interpreter, needed, soname, rpath, runpath, auxiliary (lists),
# flags1, strings (more of the string table), tail (bytes behind all).
#
#	0     ELF header
#	64    program headers, 56 bytes each (32: at 52, 32 bytes each): PT_LOAD of all, PT_DYNAMIC, PT_INTERP
#	      interpreter, string table, dynamic section		Addresses are offsets in the file.

proc elfFile {args} {
    set set [dict merge {-class 64 -order little -machine 62 -type 3 -interpreter "" -needed {} -soname {} -rpath {}
	-runpath {} -auxiliary {} -flags1 0 -strings "" -tail ""} $args]
    set wide [expr {[dict get $set -class] == 64}]
    set little [expr {[dict get $set -order] eq "little"}]
    set h [expr {$little ? "s" : "S"}]
    set w [expr {$little ? "i" : "I"}]
    set a [expr {!$wide ? $w : $little ? "w" : "W"}]

    set strings \0[dict get $set -strings]
    set tags {}
    foreach {key tag} {-needed 1 -soname 14 -rpath 15 -runpath 29 -auxiliary 0x7ffffffd} {
	foreach name [dict get $set $key] {
	    lappend tags $tag [string length $strings]
	    append strings $name \0
	}
    }
    if {[dict get $set -flags1]} {
	lappend tags 0x6ffffffb [dict get $set -flags1]
    }
    set interpreter [dict get $set -interpreter]
    set dynamic [expr {[llength $tags] > 0 || $interpreter ne ""}]
    set count [expr {1 + $dynamic + ($interpreter ne "")}]
    set headerBytes [expr {$wide ? 64 : 52}]
    set entryBytes [expr {$wide ? 56 : 32}]
    set interpreterAt [expr {$headerBytes + $count * $entryBytes}]
    set interpreterBytes [expr {$interpreter eq "" ? 0 : [string length $interpreter] + 1}]
    set stringsAt [expr {$interpreterAt + $interpreterBytes}]
    set dynamicAt [expr {$stringsAt + [string length $strings]}]
    lappend tags 5 $stringsAt 10 [string length $strings] 0 0
    set section [binary format ${a}* $tags]
    if {!$dynamic} {
	set section ""
    }
    set total [expr {$dynamicAt + [string length $section]}]

    set headers {}
    lappend headers {*}[list 1 0 $total]
    if {$dynamic} {
	lappend headers {*}[list 2 $dynamicAt [string length $section]]
    }
    if {$interpreter ne ""} {
	lappend headers {*}[list 3 $interpreterAt $interpreterBytes]
    }
    set bytes \x7fELF[binary format cccx9 [expr {$wide ? 2 : 1}] [expr {$little ? 1 : 2}] 1]
    append bytes [binary format $h$h$w$a$a$a$w$h$h$h$h$h$h [dict get $set -type] [dict get $set -machine] 1 0 \
	    $headerBytes 0 0 $headerBytes $entryBytes $count 0 0 0]
    foreach {type offset size} $headers {
	if {$wide} {
	    append bytes [binary format $w$w$a$a$a$a$a$a $type 4 $offset $offset $offset $size $size 1]
	} else {
	    append bytes [binary format $w$w$w$w$w$w$w$w $type $offset $offset $offset $size $size 4 1]
	}
    }
    if {$interpreter ne ""} {
	append bytes $interpreter\0
    }
    return $bytes$strings$section[dict get $set -tail]
}

# Writes such a file, executable.
proc writeElf {path args} {
    writeBytes $path [elfFile {*}$args]
}

proc writeBytes {path bytes {permissions 00755}} {
    file mkdir [file dirname $path]
    set channel [open $path wb]
    puts -nonewline $channel $bytes
    close $channel
    file attributes $path -permissions $permissions
    file mtime $path 1700000000
}

# Bytes with some at an offset replaced.
proc patched {bytes offset with} {
    return [string replace $bytes $offset [expr {$offset + [string length $with] - 1}] $with]
}
