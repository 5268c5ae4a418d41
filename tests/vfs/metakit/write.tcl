# SPDX-License-Identifier: MIT
#
# write.tcl: writes Metakit files for tests, sound and not; metakit.cpp describes the format.

namespace eval metakit {
    variable data	;# from the base on
    variable order	;# JL or LJ
}

# Seven bits in a byte, the most significant first, the last with the top bit set.
proc metakit::Number {n} {
    set bytes [binary format c [expr {($n & 0x7f) | 0x80}]]
    while {[set n [expr {$n >> 7}]]} {
	set bytes [binary format c [expr {$n & 0x7f}]]$bytes
    }
    return $bytes
}

# Appends a column, and returns what says where it lies.
proc metakit::Column {bytes} {
    variable data

    if {$bytes eq ""} {
	return [Number 0]
    }
    set position [string length $data]
    append data $bytes
    return [Number [string length $bytes]][Number $position]
}

proc metakit::Integers {values} {
    variable order

    return [Column [binary format [expr {$order eq "JL" ? "i*" : "I*"}] $values]]
}

# Texts or bytes; those whose rows are in `apart` lie elsewhere.
proc metakit::Items {items {apart {}}} {
    set inline ""
    set sizes {}
    set memos ""
    set last 0
    for {set row 0} {$row < [llength $items]} {incr row} {
	set item [lindex $items $row]
	if {$row in $apart} {
	    append memos [Number [expr {$row - $last}]] [Column $item]
	    set last [expr {$row + 1}]
	    lappend sizes 0
	} else {
	    append inline $item
	    lappend sizes [string length $item]
	}
    }
    set where [Column $inline]
    if {$inline ne ""} {
	append where [Integers $sizes]
    }
    return $where[Column $memos]
}

proc metakit::IsDeflated {content} {
    return [expr {[string match {deflated *} $content] && [string is list $content]}]
}

# write --
#
#	A datafile. `dirs` is a list of {name parent files}, of which the first is the root, and `files` a list of
#	{name date contents ?size?}; contents whose first word is "deflated" are stored so. Options: -order LJ (big endian),
#	-apart LIST (rows of files whose contents lie elsewhere), -rows N (that the dirs are said to have).

proc metakit::write {dirs args} {
    variable data
    variable order

    set options [dict merge {-order JL -apart {}} $args]
    set order [dict get $options -order]
    set data ${order}\x1a\0\0\0\0\0
    set fileViews ""
    foreach dir $dirs {
	set files [lindex $dir 2]
	append fileViews [Number 0] [Number [llength $files]]
	if {![llength $files]} continue
	set contents [lmap file $files {
	    set content [lindex $file 2]
	    expr {[IsDeflated $content] ? [zlib compress [lindex $content 1]] : $content}
	}]
	set sizes [lmap file $files {
	    set content [lindex $file 2]
	    expr {[llength $file] > 3 ? [lindex $file 3] :
		[string length [expr {[IsDeflated $content] ? [lindex $content 1] : $content}]]}
	}]
	append fileViews [Items [lmap file $files {string cat [lindex $file 0] \0}]] \
	    [Integers $sizes] [Integers [lmap file $files {lindex $file 1}]] [Items $contents [dict get $options -apart]]
    }
    set rows [expr {[dict exists $options -rows] ? [dict get $options -rows] : [llength $dirs]}]
    set view [Number 0][Number $rows][Items [lmap dir $dirs {string cat [lindex $dir 0] \0}]]
    append view [Integers [lmap dir $dirs {lindex $dir 1}]] [Column $fileViews]
    set description {dirs[name:S,parent:I,files[name:S,size:I,date:I,contents:B]]}
    set where [Column $view]
    set root [Number 0][Number [string length $description]]$description[Number 1]$where
    set position [string length $data]
    append data $root
    set end [string length $data]
    append data [binary format II 0x80000000 $end] [binary format II [expr {0x80000000 | [string length $root]}] $position]
    return $data
}
