# SPDX-License-Identifier: MIT
#
# mksplit.tcl: sdx mksplit, a kit in two files: what is in front of its archive, and the archive.

::sdx::Load entries
::sdx::Load json
::sdx::Load lsk
::sdx::Load members
::sdx::Load output

namespace eval ::sdx::mksplit {
    variable operands {{FILE some}}
    variable options {
	{{-quiet} {} {} {print nothing when all goes well}}
	{{-json} {} {} {print the result as JSON}}
    }
    variable description {
	Copies what is in front of the archive of a kit, a starpack, a Metakit kit or a zip file, its script or its program, to
	NAME.head, and the rest to NAME.tail, both in the current directory, where NAME is that of FILE without directory and
	extension. "cat NAME.head NAME.tail" is the file again. The tail of a kit or a starpack is a plain archive, and that
	of a Metakit kit a Metakit file.
    }
    variable result {a list of dicts: file, head, headbytes, tail, tailbytes.}
}

proc ::sdx::mksplit::Run {values} {
    set names {}
    foreach file [dict get $values FILE] {
	if {[dict exists $names [Name $file]]} {
	    ::sdx::options::Misuse "\"[dict get $names [Name $file]]\" and \"$file\" would both become\
		\"[Name $file].head\" (hint: one at a time, in different directories)"
	}
	dict set names [Name $file] $file
    }
    return [lmap file [dict get $values FILE] {Split $file}]
}

proc ::sdx::mksplit::Show {values result} {
    if {[dict get $values -json]} {
	puts [::sdx::json::Array [lmap split $result {
	    dict with split {}
	    ::sdx::json::Object [list file [::sdx::json::Text $file] head [::sdx::json::Text $head] headbytes $headbytes \
		    tail [::sdx::json::Text $tail] tailbytes $tailbytes]
	}]]
	return
    }
    if {![dict get $values -quiet]} {
	foreach split $result {
	    dict with split {}
	    puts "[::sdx::lsk::Printable $head]: $headbytes bytes"
	    puts "[::sdx::lsk::Printable $tail]: $tailbytes bytes"
	}
    }
}

# ::sdx::mksplit::Name --
#
#	What the parts of a file are called, but for .head and .tail.

proc ::sdx::mksplit::Name {file} {
    set name [::sdx::members::Tail $file]
    return [string range $name 0 [expr {[string last . $name] > 0 ? [string last . $name] - 1 : "end"}]]
}

# ::sdx::mksplit::Split --
#
#	Splits one file.

proc ::sdx::mksplit::Split {file} {
    set path [::sdx::entries::Plain $file]
    set info [::starlit::archive info $path]
    set prefix [dict get $info prefix]
    if {$prefix == 0} {
	return -code error -errorcode {SDX NOPREFIX} "couldn't split \"$file\": there is nothing in front of its archive"
    }
    set name [Name $file]
    foreach output [list $name.head $name.tail] {
	::sdx::output::Check [::sdx::entries::Plain $output]
	if {[::sdx::output::Is [::sdx::entries::Plain $output] $path]} {
	    return -code error -errorcode {SDX SAME} "couldn't write \"$output\": it is the file to be split"
	}
    }
    set in [open $path rb]
    try {
	# Neither appears before both are written.
	::sdx::output::Write [::sdx::entries::Plain $name.head] 0o666 head {
	    fcopy $in $head -size $prefix
	    ::sdx::output::Write [::sdx::entries::Plain $name.tail] 0o666 tail {
		fcopy $in $tail
	    }
	}
    } finally {
	close $in
    }
    return [dict create file $file head $name.head headbytes $prefix tail $name.tail \
	    tailbytes [expr {[dict get $info size] - $prefix}]]
}
