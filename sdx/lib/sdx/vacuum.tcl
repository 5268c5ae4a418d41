# SPDX-License-Identifier: MIT
#
# vacuum.tcl: sdx vacuum, archives without unused space.

::sdx::Load index
::sdx::Load json
::sdx::Load lsk
::sdx::Load members
::sdx::Load progress

namespace eval ::sdx::vacuum {
    variable operands {{FILE some}}
    variable options {
	{{-level} N {integer 0 12} {compress every content anew, this hard, 1 to 12; 0 compresses none anew. Default: what
	    was compressed in haste, as a program's writing does, with 6}}
	{{-quiet} {} {} {print nothing when all goes well}}
	{{-json} {} {} {print the result as JSON}}
    }
    variable description {
	Takes unused space out of kits, starpacks and plain archives, and what writers that were killed have left in them;
	compresses anew what was compressed in haste; and records again which packages are in them, so that package require
	finds them at once. The members stay as they are. Others may use the file meanwhile, and have to wait while it is
	written. It needs as much room beside the file as the file takes, twice. A starpack is made anew and takes its own
	place in one step, also while it runs.

	Whatever happens on the way, the file is as it was or as it should be.
    }
    variable examples {
	{sdx vacuum app.kit -level 12} {as small as it gets}
    }
    variable result {
	a list of dicts, one for each FILE: file, before and after (its bytes), lostchunks, compressed (how many contents
	were compressed anew), indexed (whether a package index is recorded).
    }
}

proc ::sdx::vacuum::Run {values} {
    return [lmap file [dict get $values FILE] {
	File $file {*}[Level $values]
    }]
}

proc ::sdx::vacuum::Shell {values} {
    set results {}
    set failed 0
    foreach file [dict get $values FILE] {
	try {
	    set done [File $file {*}[Level $values]]
	} on error {message} {
	    ::sdx::Complain $message
	    set failed 1
	    continue
	}
	lappend results $done
	if {!([dict get $values -json] || [dict get $values -quiet])} {
	    puts "[::sdx::lsk::Printable $file]: [dict get $done before] bytes before, [dict get $done after] bytes after"
	}
    }
    if {[dict get $values -json]} {
	puts [::sdx::json::Array [lmap done $results {Json $done}]]
    }
    if {$failed} {
	return -code error -errorcode {SDX STATUS 1} "couldn't vacuum all files"
    }
}

proc ::sdx::vacuum::Level {values} {
    return [dict filter $values key -level]
}

proc ::sdx::vacuum::Json {done} {
    dict with done {}
    return [::sdx::json::Object [list file [::sdx::json::Text $file] before $before after $after \
	    lostchunks $lostchunks compressed $compressed indexed [::sdx::json::Boolean $indexed]]]
}

# ::sdx::vacuum::File --
#
#	Vacuums one file.
#
# Arguments:
#	args -	Options of starlit::archive vacuum.
#
# Results:
#	A dict: file, before, after (bytes of the file), lostchunks, compressed (how many contents), indexed (whether a
#	package index is recorded).

proc ::sdx::vacuum::File {file args} {
    set info [::sdx::members::NeedOwn $file vacuum]
    # A plain archive that never had an index is left without.
    if {[dict get $info indexed] || [dict get $info format] ne "plain"} {
	lappend args -index [::sdx::index::Packages $file]
    }
    try {
	set done [::starlit::archive vacuum $file {*}$args \
		{*}[::sdx::progress::Options "vacuuming [::sdx::members::Tail $file]"]]
    } finally {
	::sdx::progress::End
    }
    return [dict create file $file before [dict get $done before] after [dict get $done after] \
	    lostchunks [dict get $done chunks] compressed [dict get $done deflated] indexed [dict get $done indexed]]
}
