# SPDX-License-Identifier: MIT
#
# ldcache.tcl: /etc/ld.so.cache for a root, for the libraries that the dynamic linker would not find without one. The
# format is glibc's "1.1" (struct cache_file_new in sysdeps/generic/dl-cache.h), in the byte order of the machine:
#
#	"glibc-ld.so.cache" "1.1"     20 bytes
#	number of entries             4
#	bytes of strings              4
#	byte order (2 little, 3 big)  1, then 3 of zero
#	offset of extensions, unused  16 of zero
#	entries                       24 each: flags 4, name 4, path 4 (offsets in the file), os 4, processor 8
#	strings                       each ends in a zero byte
#
# Rule: entries descend in the order of Compare, for the linker searches by halving.

namespace eval ::mkjail::ldcache {
    # Per class and e_machine the flags of an entry: 3, a library for glibc, and the ABI (FLAG_* in ldconfig.h).
    variable flags {
	{64 62} 0x0303 {32 62} 0x0803 {32 3} 0x0003 {64 183} 0x0a03 {32 40} 0x0903 {64 243} 0x1003 {64 21} 0x0503
	{64 22} 0x0403
    }
}

# ::mkjail::ldcache::Make --
#
#	The bytes of a cache.
#
# Arguments:
#	elf -		Says class, machine and byte order.
#	libraries -	A dict: name -> path.

proc ::mkjail::ldcache::Make {elf libraries} {
    variable flags

    set key [list [dict get $elf class] [dict get $elf machine]]
    if {![dict exists $flags $key]} {
	::mkjail::Fail REFUSED "couldn't write ld.so.cache: unknown kind of machine ([lindex $key 1])"
    }
    set little [expr {[dict get $elf order] eq "little"}]
    set int [expr {$little ? "i" : "I"}]
    set wide [expr {$little ? "w" : "W"}]
    set names [lsort -decreasing -command ::mkjail::ldcache::Compare [dict keys $libraries]]
    set base [expr {48 + 24 * [llength $names]}]
    set strings ""
    set entries ""
    foreach name $names {
	set nameAt [expr {$base + [string length $strings]}]
	append strings [encoding convertto utf-8 $name] \0
	set pathAt [expr {$base + [string length $strings]}]
	append strings [encoding convertto utf-8 [dict get $libraries $name]] \0
	append entries [binary format ${int}4${wide} [list [dict get $flags $key] $nameAt $pathAt 0] 0]
    }
    return [binary format a20${int}2c4x16a*a* glibc-ld.so.cache1.1 [list [llength $names] [string length $strings]] \
	    [list [expr {$little ? 2 : 3}] 0 0 0] $entries $strings]
}

# ::mkjail::ldcache::Compare --
#
#	The order of names in a cache: digit by digit as numbers, and a digit after anything else (_dl_cache_libcmp).

proc ::mkjail::ldcache::Compare {one other} {
    set a [regexp -all -inline {[0-9]+|[^0-9]} $one]
    set b [regexp -all -inline {[0-9]+|[^0-9]} $other]
    foreach x $a y $b {
	if {$x eq "" || $y eq ""} {
	    return [expr {$x eq "" ? -1 : 1}]
	}
	set xDigits [string is digit $x]
	set yDigits [string is digit $y]
	if {$xDigits && $yDigits} {
	    scan $x %lld x
	    scan $y %lld y
	    if {$x != $y} {
		return [expr {$x < $y ? -1 : 1}]
	    }
	} elseif {$xDigits != $yDigits} {
	    return [expr {$xDigits ? 1 : -1}]
	} elseif {$x ne $y} {
	    return [string compare $x $y]
	}
    }
    return 0
}
