# SPDX-License-Identifier: MIT
#
# mkpack.tcl: sdx mkpack, the classic name and form of vacuum.

::sdx::Load vacuum

namespace eval ::sdx::mkpack {
    variable operands {{IN required} {OUT optional}}
    variable options {
	{{-json} {} {} {print the result as JSON}}
    }
    variable description {
	Copies the kit, starpack or plain archive IN to OUT without unused space, and prints the sizes of both. Without OUT,
	IN itself is changed. What else is done to it, sdx help vacuum tells.
    }
    variable result {
	a dict as those of sdx::vacuum, and output.
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
    } elseif {[file isdirectory [::sdx::entries::Plain $out]]} {
	return -code error -errorcode {POSIX EISDIR {is a directory}} "couldn't write \"$out\": it is a directory"
    } else {
	set done [::sdx::vacuum::File $in -output $out]
    }
    dict set done output $out
    return $done
}

proc ::sdx::mkpack::Show {values result} {
    dict with result {}
    if {[dict get $values -json]} {
	puts [::sdx::json::Object [list file [::sdx::json::Text $file] output [::sdx::json::Text $output] \
		before $before after $after]]
	return
    }
    puts "[::sdx::lsk::Printable $file]: $before bytes"
    puts "[::sdx::lsk::Printable $output]: $after bytes"
}
