# SPDX-License-Identifier: MIT
#
# vacuum.tcl: sdx vacuum, archives without unused space.

::sdx::Load index
::sdx::Load json
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
}

proc ::sdx::vacuum::Run {values} {
    set results {}
    set failed 0
    foreach file [dict get $values FILE] {
	set level [expr {[dict exists $values -level] ? [list -level [dict get $values -level]] : {}}]
	try {
	    set done [File $file {*}$level]
	} on error {message} {
	    ::sdx::Complain $message
	    set failed 1
	    continue
	}
	if {[dict get $values -json]} {
	    lappend results [::sdx::json::Object [list file [::sdx::json::Text $file] before [dict get $done before] \
		    after [dict get $done after] lostchunks [dict get $done chunks] \
		    compressed [dict get $done deflated] indexed [::sdx::json::Boolean [dict get $done indexed]]]]
	} elseif {![dict get $values -quiet]} {
	    puts "$file: [dict get $done before] bytes before, [dict get $done after] bytes after"
	}
    }
    if {[dict get $values -json]} {
	puts [::sdx::json::Array $results]
    }
    if {$failed} {
	return -code error -errorcode {SDX STATUS 1} "couldn't vacuum all files"
    }
}

# ::sdx::vacuum::File --
#
#	Vacuums one file.
#
# Arguments:
#	args -	Options of starlit::archive vacuum.
#
# Results:
#	What that tells.

proc ::sdx::vacuum::File {file args} {
    set info [::starlit::archive info $file]
    # A plain archive that never had an index is left without.
    if {[dict get $info indexed] || [dict get $info format] ne "plain"} {
	lappend args -index [::sdx::index::Packages $file]
    }
    try {
	return [::starlit::archive vacuum $file {*}$args {*}[::sdx::progress::Options "vacuuming [file tail $file]"]]
    } finally {
	::sdx::progress::End
    }
}
