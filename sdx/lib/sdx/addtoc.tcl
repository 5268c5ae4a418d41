# SPDX-License-Identifier: MIT
#
# addtoc.tcl: sdx addtoc, a list of the files in a tree and of their check sums.

::sdx::Load entries
::sdx::Load json
::sdx::Load lsk
::sdx::Load output
::sdx::Load sums

namespace eval ::sdx::addtoc {
    variable operands {{DIRECTORY required}}
    variable options {
	{{-md5} {} {} {MD5 in place of SHA-256, for readers that know no other}}
	{{-quiet} {} {} {print nothing when all goes well}}
	{{-json} {} {} {print the result as JSON}}
    }
    variable description {
	Writes a file TOC into DIRECTORY: the SHA-256 of each file in it, all the way down, and its name, as sha256sum(1)
	prints and checks them: "cd DIRECTORY && sha256sum -c TOC" tells whether a copy is sound. Links and the TOC itself
	are not in the list. It appears whole or not at all.
    }
    variable examples {
	{sdx addtoc app.vfs && sdx wrap app.kit} {a kit that can be checked wherever it is unwrapped}
    }
    variable result {a dict: file (the TOC), files (how many).}
}

proc ::sdx::addtoc::Run {values} {
    set directory [dict get $values DIRECTORY]
    set plain [::sdx::entries::Plain $directory]
    if {![file isdirectory $plain]} {
	return -code error -errorcode {POSIX ENOTDIR {not a directory}} "couldn't list \"$directory\": no such directory"
    }
    set command [expr {[dict get $values -md5] ? "::starlit::md5" : "::starlit::sha256"}]
    set lines {}
    try {
	set entries [lindex [::sdx::entries::Walk $plain] 0]
    } trap {SDX TYPE} {message} {
	throw {SDX TYPE} [regsub {^couldn't wrap} $message "couldn't list"]
    }
    foreach entry $entries {
	lassign $entry name - path
	if {$name ne "TOC" && [file type $path] eq "file"} {
	    lappend lines [::sdx::sums::Line [::sdx::sums::Sum $command $path] $name 0]
	}
    }
    set toc $plain/TOC
    if {![catch {file type $toc} type] && $type ne "file"} {
	return -code error -errorcode {POSIX EEXIST {file already exists}} "couldn't write \"$toc\": it is no regular file"
    }
    ::sdx::output::Write $toc 0o666 channel {
	fconfigure $channel -encoding utf-8
	foreach line $lines {
	    puts $channel $line
	}
    }
    return [dict create file [string trimright $directory /]/TOC files [llength $lines]]
}

proc ::sdx::addtoc::Show {values result} {
    dict with result {}
    if {[dict get $values -json]} {
	puts [::sdx::json::Object [list file [::sdx::json::Text $file] files $files]]
    } elseif {![dict get $values -quiet]} {
	puts "[::sdx::lsk::Printable $file]: $files files"
    }
}
