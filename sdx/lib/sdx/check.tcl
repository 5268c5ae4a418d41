# SPDX-License-Identifier: MIT
#
# check.tcl: sdx check, whether archives are sound.

::sdx::Load json
::sdx::Load lsk
::sdx::Load progress

namespace eval ::sdx::check {
    variable operands {{FILE some}}
    variable options {
	{{-repair} {} {} {roll back a change that was cut off, such as by a power failure, as the next program that opens
	    FILE for writing would; give FILE a mark again if there is an archive in it that the mark at its end does not
	    lead to, as when something was appended to it}}
	{{-quiet} {} {} {print faults only}}
	{{-json} {} {} {print the result as JSON}}
    }
    variable description {
	Reads all that is in kits, starpacks and plain archives and compares it with what it should be: the file's mark, the
	database and its tables; of each member its name, type and size, and the check sum of its content; and what is
	recorded about them all. Prints a line for each fault, or "ok".

	Content that is stored uncompressed has no check sum, so a byte that has changed in it is not seen. Unused space is
	told but is no fault. Whoever wants to write to the file meanwhile has to wait.

	Exit status 1 also tells that there is a fault.
    }
}

proc ::sdx::check::Run {values} {
    set results {}
    set failed 0
    foreach file [dict get $values FILE] {
	try {
	    set checked [::starlit::archive check $file -repair [dict get $values -repair] \
		    {*}[::sdx::progress::Options "checking [file tail $file]"]]
	} on error {message} {
	    ::sdx::progress::End
	    ::sdx::Complain $message
	    set failed 1
	    continue
	}
	::sdx::progress::End
	set failed [expr {$failed || [dict get $checked count]}]
	if {[dict get $values -json]} {
	    lappend results [Json $file $checked]
	} else {
	    Print $file $checked [dict get $values -quiet]
	}
    }
    if {[dict get $values -json]} {
	puts [::sdx::json::Array $results]
    }
    if {$failed} {
	return -code error -errorcode {SDX STATUS 1} "not all files are sound"
    }
}

proc ::sdx::check::Print {file checked quiet} {
    set shown [::sdx::lsk::Printable $file]
    foreach fault [dict get $checked faults] {
	lassign $fault code member text
	puts "$shown: [expr {$member eq "" ? "" : "[::sdx::lsk::Printable $member]: "}][::sdx::lsk::Printable $text]"
    }
    set more [expr {[dict get $checked count] - [llength [dict get $checked faults]]}]
    if {$more > 0} {
	puts "$shown: $more more faults"
    }
    if {$quiet || [dict get $checked count]} {
	return
    }
    set notes {}
    if {[dict get $checked journal] eq "rolledback"} {
	lappend notes "a change that was cut off was rolled back"
    }
    if {[dict get $checked mark]} {
	lappend notes "its mark was lost and is there again"
    }
    set waste [expr {[dict get $checked free] + [dict get $checked lostbytes]}]
    if {$waste} {
	lappend notes "$waste bytes unused"
    }
    puts [join [linsert $notes 0 "$shown: ok"] ", "]
}

proc ::sdx::check::Json {file checked} {
    dict with checked {}
    set list [lmap fault $faults {
	lassign $fault code member text
	::sdx::json::Object [list code [::sdx::json::Text $code] member [::sdx::json::Text $member] \
		text [::sdx::json::Text $text]]
    }]
    return [::sdx::json::Object [list file [::sdx::json::Text $file] sound [::sdx::json::Boolean [expr {!$count}]] \
	    members $members content $content faultcount $count faults [::sdx::json::Array $list] free $free \
	    lostchunks $lostchunks lostbytes $lostbytes journal [::sdx::json::Text $journal] \
	    markrestored [::sdx::json::Boolean $mark]]]
}
