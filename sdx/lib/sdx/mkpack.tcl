# SPDX-License-Identifier: MIT
#
# mkpack.tcl: sdx mkpack, the classic name and form of vacuum.

::sdx::Load vacuum

namespace eval ::sdx::mkpack {
    variable operands {{IN required} {OUT optional}}
    variable options {}
    variable description {
	Copies the kit, starpack or plain archive IN to OUT without unused space, and prints the sizes of both. Without OUT,
	IN itself is changed. What else is done to it, sdx help vacuum tells.
    }
}

proc ::sdx::mkpack::Run {values} {
    set in [dict get $values IN]
    set out $in
    if {[dict exists $values OUT]} {
	set out [dict get $values OUT]
    }
    if {$out eq $in} {
	set done [::sdx::vacuum::File $in]
    } elseif {[file isdirectory $out]} {
	return -code error -errorcode {POSIX EISDIR {is a directory}} "couldn't write \"$out\": it is a directory"
    } else {
	set done [::sdx::vacuum::File $in -output $out]
    }
    puts "$in: [dict get $done before] bytes"
    puts "$out: [dict get $done after] bytes"
}
