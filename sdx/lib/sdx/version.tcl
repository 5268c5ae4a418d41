# SPDX-License-Identifier: MIT
#
# version.tcl: sdx version, what tells one content from another.

namespace eval ::sdx::version {
    variable operands {{FILE several}}
    variable options {}
    variable description {
	Prints for each kit, starpack or plain archive the newest time of its members (UTC), a checksum of their names,
	types, permissions, times and contents, and its name. Two files with the same checksum hold the same application,
	however it was compressed, and whatever runtime carries it. Without a FILE, tells which sdx this is.
    }
}

proc ::sdx::version::Run {values} {
    if {[llength [dict get $values FILE]] == 0} {
	puts "sdx $::starlit::version"
	return
    }
    foreach file [dict get $values FILE] {
	puts [Line $file]
    }
}

# ::sdx::version::Line --
#
#	The line of one file, in the form of the classic sdx: the two halves of a CRC-32, each plus 10000.

proc ::sdx::version::Line {file} {
    set newest 0
    set checksum 0
    set mountpoint [file join [file dirname [file normalize $file]] .sdx-version-[pid]]
    ::vfs::sqlar::Mount $file $mountpoint -readonly
    try {
	foreach member [::starlit::archive list $file] {
	    lassign $member name type mode mtime size stored target
	    set newest [expr {max($newest, $mtime)}]
	    set facts [list $name $type $mode $mtime $target]
	    if {$type eq "file"} {
		lappend facts [Checksum $mountpoint/$name]
	    }
	    set checksum [zlib crc32 [encoding convertto utf-8 $facts\n] $checksum]
	}
    } finally {
	::vfs::sqlar::Unmount $mountpoint
    }
    return [format "%s  %d-%d  %s" [clock format $newest -gmt 1 -format {%Y/%m/%d %H:%M:%S}] \
	    [expr {($checksum >> 16) + 10000}] [expr {($checksum & 0xffff) + 10000}] [file tail $file]]
}

proc ::sdx::version::Checksum {path} {
    set channel [open $path rb]
    try {
	set checksum 0
	while {[set data [read $channel 1048576]] ne ""} {
	    set checksum [zlib crc32 $data $checksum]
	}
	return $checksum
    } finally {
	close $channel
    }
}
