# SPDX-License-Identifier: MIT
#
# mksplit.tcl: sdx mksplit, a kit in two files: what is in front of its archive, and the archive.

::sdx::Load entries
::sdx::Load json
::sdx::Load lsk
::sdx::Load members

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
    set name [::sdx::members::Tail $path]
    set name [string range $name 0 [expr {[string last . $name] > 0 ? [string last . $name] - 1 : "end"}]]
    set outputs [list [::sdx::entries::Plain $name.head] [::sdx::entries::Plain $name.tail]]
    set temporary [lmap output $outputs {string cat $output .sdx- [pid]}]
    foreach output $outputs {
	if {[file exists $output] && (![file isfile $output] || [file normalize $output] eq [file normalize $path])} {
	    return -code error -errorcode {POSIX EEXIST {file already exists}} \
		"couldn't write \"$output\": it is [expr {[file isfile $output] ? "the file to be split" : "no regular file"}]"
	}
    }
    set in [open $path rb]
    set made {}
    try {
	foreach output $temporary size [list $prefix -1] {
	    set out [open $output {WRONLY CREAT EXCL BINARY}]
	    lappend made $output
	    try {
		fcopy $in $out -size $size
	    } finally {
		close $out
	    }
	}
	foreach from $temporary to $outputs {
	    file rename -force -- $from $to
	}
    } finally {
	close $in
	file delete -- {*}$made
    }
    return [dict create file $file head $name.head headbytes $prefix tail $name.tail \
	    tailbytes [expr {[dict get $info size] - $prefix}]]
}
