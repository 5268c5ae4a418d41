# SPDX-License-Identifier: MIT
#
# version.tcl: sdx version, what tells one content from another.

::sdx::Load json
::sdx::Load lsk
::sdx::Load sides

namespace eval ::sdx::version {
    variable operands {{FILE several}}
    variable options {
	{{-fixtime} {} {} {make the newest time of the members the FILE's own; not of a directory}}
	{{-json} {} {} {print the result as JSON}}
    }
    variable description {
	Prints for each kit, starpack, plain archive, Metakit kit, zip file or directory the newest time of its members
	(UTC), a checksum of their names, types, permissions, times and contents, and its name. Two that have the same
	checksum hold the same application, however it was compressed, and whatever runtime carries it. Without a FILE, tells
	which sdx this is.

	Metakit kits have no permissions and no links, so that their checksum is that of what was unwrapped from them.
    }
    variable result {
	a list of dicts: file, newest (seconds), version (the checksum); without a FILE the version of sdx.
    }
}

proc ::sdx::version::Run {values} {
    if {[llength [dict get $values FILE]] == 0} {
	if {[dict get $values -fixtime]} {
	    ::sdx::options::Misuse "missing FILE: option \"-fixtime\" changes one"
	}
	return $::starlit::version
    }
    return [lmap file [dict get $values FILE] {
	set facts [Facts $file]
	if {[dict get $values -fixtime] && ![file isdirectory [::sdx::entries::Plain $file]]} {
	    file mtime [::sdx::entries::Plain $file] [dict get $facts newest]
	}
	set facts
    }]
}

proc ::sdx::version::Show {values result} {
    if {[llength [dict get $values FILE]] == 0} {
	puts [expr {[dict get $values -json] ? "{\"sdx\": \"$result\"}" : "sdx $result"}]
	return
    }
    if {[dict get $values -json]} {
	puts [::sdx::json::Array [lmap facts $result {
	    dict with facts {}
	    ::sdx::json::Object [list file [::sdx::json::Text $file] newest $newest version \"$version\"]
	}]]
	return
    }
    foreach facts $result {
	dict with facts {}
	puts "[clock format $newest -gmt 1 -format {%Y/%m/%d %H:%M:%S}]  $version \
		[::sdx::lsk::Printable [::sdx::members::Tail [string trimright $file /]]]"
    }
}

# ::sdx::version::Facts --
#
#	What there is to tell of a file. The checksum has the form of the classic sdx: the two halves of a CRC-32, each
#	plus 10000.

proc ::sdx::version::Facts {file} {
    set newest 0
    set checksum 0
    lassign [::sdx::sides::Read $file] members format
    ::sdx::sides::Open $file $format root {
	dict for {name member} $members {
	    lassign $member type mode mtime size stored target
	    if {$mode eq ""} {
		# A directory that is no member.
		continue
	    }
	    set newest [expr {max($newest, $mtime)}]
	    set facts [list $name $type $mode $mtime $target]
	    if {$type eq "file"} {
		lappend facts [Checksum $root/$name]
	    }
	    set checksum [zlib crc32 [encoding convertto utf-8 $facts\n] $checksum]
	}
    }
    return [dict create file $file newest $newest \
	    version [expr {($checksum >> 16) + 10000}]-[expr {($checksum & 0xffff) + 10000}]]
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
