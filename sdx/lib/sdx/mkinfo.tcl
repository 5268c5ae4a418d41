# SPDX-License-Identifier: MIT
#
# mkinfo.tcl: sdx mkinfo, how the data in a kit's file is laid out.
#
# Of a Metakit file only what the end of it leads to is read: the commit mark, the description of the structure, and the
# numbers of rows (vfs/foreign/metakit.cpp has the format). All of it is untrusted: what would be read lies in the file.

::sdx::Load entries
::sdx::Load json
::sdx::Load lsk
::sdx::Load sql

namespace eval ::sdx::mkinfo {
    variable operands {{FILE some}}
    variable options {
	{{-json} {} {} {print the result as JSON}}
    }
    variable description {
	Tells of a Metakit kit where its data begins, in which order its bytes are, and its views with the numbers of their
	rows; of a kit, a starpack or a plain archive where the archive begins, the size of its pages, and its tables with the
	numbers of their rows. sdx info tells what is in it.
    }
    variable result {
	a list of dicts: file, format, offset, order (little or big), pagesize, tables (a list of name, rows, columns).
    }
    variable descriptionMax 65536
}

proc ::sdx::mkinfo::Run {values} {
    return [lmap file [dict get $values FILE] {Facts $file}]
}

proc ::sdx::mkinfo::Show {values result} {
    if {[dict get $values -json]} {
	puts [::sdx::json::Array [lmap facts $result {
	    set tables [lmap {name rows columns} [dict get $facts tables] {
		::sdx::json::Object [list name [::sdx::json::Text $name] rows $rows columns [::sdx::json::Text $columns]]
	    }]
	    set pairs [list file [::sdx::json::Text [dict get $facts file]] format \"[dict get $facts format]\" \
		    offset [dict get $facts offset]]
	    if {[dict exists $facts order]} {
		lappend pairs order \"[dict get $facts order]\"
	    } else {
		lappend pairs pagesize [dict get $facts pagesize]
	    }
	    ::sdx::json::Object [list {*}$pairs tables [::sdx::json::Array $tables]]
	}]]
	return
    }
    foreach facts $result {
	puts [::sdx::lsk::Printable [dict get $facts file]]:
	if {[dict exists $facts order]} {
	    puts "  Metakit data starts at offset [dict get $facts offset] and is stored as [dict get $facts order]-endian"
	    puts "  Views:"
	} else {
	    puts "  SQLite data starts at offset [dict get $facts offset], in pages of [dict get $facts pagesize] bytes"
	    puts "  Tables:"
	}
	foreach {name rows columns} [dict get $facts tables] {
	    puts "      ${rows}x [::sdx::lsk::Printable $name] {[::sdx::lsk::Printable $columns]}"
	}
    }
}

proc ::sdx::mkinfo::Facts {file} {
    set path [::sdx::entries::Plain $file]
    set info [::starlit::archive info $path]
    set format [dict get $info format]
    switch -- $format {
	zip {
	    return -code error -errorcode [list SDX FORMAT zip] \
		"couldn't tell the structure of \"$file\": it is a zip file (hint: sdx info)"
	}
	metakit {
	    # Whether all of it is sound is told here, before a part of it is read.
	    ::starlit::archive list $path
	    return [dict create file $file format metakit offset [dict get $info prefix] \
		    {*}[Metakit $file $path [dict get $info prefix]]]
	}
    }
    return [dict create file $file format $format offset [dict get $info prefix] pagesize [dict get $info pagesize] \
	    tables [Tables $path]]
}

# ::sdx::mkinfo::Tables --
#
#	The tables of an SQLite archive.

proc ::sdx::mkinfo::Tables {path} {
    set tables {}
    foreach row [::sdx::sql::Run [dict create KIT $path QUERY \
	    {SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name}]] {
	set name [dict get $row name]
	set quoted \"[string map {\" \"\"} $name]\"
	set count [::sdx::sql::Run [dict create KIT $path QUERY "SELECT COUNT(*) AS rows FROM $quoted"]]
	set columns [::sdx::sql::Run [dict create KIT $path QUERY \
		"SELECT name FROM pragma_table_info('[string map {' ''} $name]')"]]
	lappend tables $name [dict get [lindex $count 0] rows] [join [lmap column $columns {dict get $column name}]]
    }
    return $tables
}

# ::sdx::mkinfo::Metakit --
#
#	The views of a Metakit file.
#
# Results:
#	A dict: order, tables.

proc ::sdx::mkinfo::Metakit {file path offset} {
    variable descriptionMax

    set channel [open $path rb]
    try {
	seek $channel $offset
	set order [expr {[read $channel 2] eq "JL" ? "little" : "big"}]
	# Marks from the end: those that say to skip, then the one that leads to the root.
	set at [file size $path]
	while {1} {
	    seek $channel [expr {$at - 8}]
	    if {$at < $offset + 8 || [binary scan [read $channel 8] II first second] != 2} {
		Fail $file
	    }
	    set first [expr {$first & 0xffffffff}]
	    if {$first != 0x80000000} {
		break
	    }
	    incr at [expr {-8 - ($second & 0xffffffff)}]
	}
	seek $channel [expr {$offset + $second}]
	set root [read $channel [expr {min($first & 0xffffff, $descriptionMax)}]]
	set cursor 0
	Number $root cursor
	set length [Number $root cursor]
	set description [string range $root $cursor [expr {$cursor + $length - 1}]]
	incr cursor $length
	if {[Number $root cursor] < 1} {
	    return [list order $order tables {}]
	}
	set tables {}
	foreach view [Views $file $description] {
	    # Of each view a column, which begins with a number that is 0 and the number of its rows.
	    set size [Number $root cursor]
	    set rows 0
	    if {$size} {
		seek $channel [expr {$offset + [Number $root cursor]}]
		set bytes [read $channel [expr {min($size, 16)}]]
		set within 0
		Number $bytes within
		set rows [Number $bytes within]
	    }
	    lappend tables [lindex $view 0] $rows [lindex $view 1]
	}
	return [list order $order tables $tables]
    } finally {
	close $channel
    }
}

proc ::sdx::mkinfo::Fail {file} {
    return -code error -level 2 -errorcode {SDX METAKIT} "couldn't tell the structure of \"$file\": it is damaged"
}

# ::sdx::mkinfo::Number --
#
#	The number at a place: seven bits in a byte, the last with the top bit set. Moves the place behind it.

proc ::sdx::mkinfo::Number {bytes cursorName} {
    upvar 1 $cursorName cursor

    set value 0
    while {[binary scan $bytes @${cursor}cu byte] == 1} {
	incr cursor
	set value [expr {($value << 7 | ($byte & 127)) & 0xffffffff}]
	if {$byte & 128} {
	    break
	}
    }
    return $value
}

# ::sdx::mkinfo::Views --
#
#	Takes a description apart: "dirs[name:S,parent:I,files[name:S]]".
#
# Results:
#	A list of {view properties}, where properties are as the classic sdx wrote them: "name parent:I {files {name}}".

proc ::sdx::mkinfo::Views {file description} {
    set outer {}
    set names {}
    set views {}
    foreach token [regexp -all -inline {[^][,]+|[][]} $description] {
	switch -- $token {
	    \[ {
		lappend outer $names
		set names {}
	    }
	    \] {
		if {[llength $outer] == 0 || [llength [lindex $outer end]] == 0} {
		    Fail $file
		}
		set inside [join $names]
		set names [lindex $outer end]
		set outer [lrange $outer 0 end-1]
		if {[llength $outer] == 0} {
		    lappend views [list [lindex $names end] $inside]
		} else {
		    lset names end "{[lindex $names end] {$inside}}"
		}
	    }
	    default {
		lappend names [regsub {:S$} $token ""]
	    }
	}
    }
    return $views
}
