# SPDX-License-Identifier: MIT
#
# unwrap.tcl: sdx unwrap, a directory tree from a kit, a starpack or a plain archive.

::sdx::Load json
::sdx::Load lsk
::sdx::Load progress

namespace eval ::sdx::unwrap {
    variable operands {{KIT required} {DIRECTORY optional}}
    variable options {
	{{-runtime} {} {} {of a starpack or a runtime, also the members that belong to the runtime}}
	{{-quiet} {} {} {print nothing when all goes well}}
	{{-json} {} {} {print the result as JSON}}
    }
    variable description {
	Takes a kit, a starpack, a plain archive, a Metakit kit or a zip file apart into DIRECTORY, which must not exist;
	default is the name of KIT without its extension, with .vfs, in the current directory. Permissions, times and symbolic links are as they were
	wrapped. Nothing is ever written outside of DIRECTORY, and on failure it is taken away again.
    }
}

proc ::sdx::unwrap::Run {values} {
    set kit [dict get $values KIT]
    if {[dict exists $values DIRECTORY]} {
	set directory [dict get $values DIRECTORY]
    } else {
	set directory [file rootname [file tail $kit]].vfs
    }
    # [file exists] is false for a dangling link.
    if {![catch {file lstat $directory status}]} {
	return -code error -errorcode {POSIX EEXIST {file already exists}} \
	    "couldn't unwrap into \"$directory\": it already exists (hint: name another directory)"
    }
    try {
	set members [::starlit::archive extract $kit $directory -runtime [dict get $values -runtime] \
		{*}[::sdx::progress::Options "unwrapping [file tail $kit]"]]
    } finally {
	::sdx::progress::End
    }
    return [dict create directory $directory members $members]
}

proc ::sdx::unwrap::Show {values result} {
    dict with result {}
    if {[dict get $values -json]} {
	puts [::sdx::json::Object [list directory [::sdx::json::Text $directory] members $members]]
    } elseif {![dict get $values -quiet]} {
	puts "[::sdx::lsk::Printable $directory]: $members members"
    }
}
