# SPDX-License-Identifier: MIT
#
# check.tcl: sdx check, whether archives are sound.

::sdx::Load json
::sdx::Load lsk
::sdx::Load members
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
    variable examples {
	{sdx check *.kit -quiet && echo all sound} {tells of faults only}
    }
    variable result {
	a list of dicts, one for each FILE: file, sound (whether there is no fault), members, content (bytes of all files),
	faultcount, faults (the first of them: dicts of code, member and text), free (unused bytes), lostchunks and lostbytes
	(left by writers that were killed), journal (what became of a change that was cut off), markrestored.
    }
}

proc ::sdx::check::Run {values} {
    return [lmap file [dict get $values FILE] {File $file $values}]
}

# ::sdx::check::File --
#
#	Checks one file.

proc ::sdx::check::File {file values} {
    try {
	set checked [::starlit::archive check $file -repair [dict get $values -repair] \
		{*}[::sdx::progress::Options "checking [::sdx::members::Tail $file]"]]
    } finally {
	::sdx::progress::End
    }
    dict with checked {}
    if {[lindex $faults 0 0] eq "NOTKIT" && ![catch {dict get [::starlit::archive info $file] format} format]
	    && $format in {metakit zip}} {
	return -code error -errorcode [list SDX FORMAT $format] "couldn't check \"$file\": it is a\
	    [dict get $::sdx::members::formats $format] (hint: sdx sha256sum reads all of it)"
    }
    return [dict create file $file sound [expr {!$count}] members $members content $content faultcount $count \
	    faults [lmap fault $faults {
		lassign $fault code member text
		dict create code $code member $member text $text
	    }] free $free lostchunks $lostchunks lostbytes $lostbytes journal $journal markrestored $mark]
}

proc ::sdx::check::Shell {values} {
    set results {}
    set failed 0
    foreach file [dict get $values FILE] {
	try {
	    set checked [File $file $values]
	} on error {message} {
	    ::sdx::Complain $message
	    set failed 1
	    continue
	}
	set failed [expr {$failed || ![dict get $checked sound]}]
	if {[dict get $values -json]} {
	    lappend results [Json $checked]
	} else {
	    Print $checked [dict get $values -quiet]
	}
    }
    if {[dict get $values -json]} {
	puts [::sdx::json::Array $results]
    }
    if {$failed} {
	return -code error -errorcode {SDX STATUS 1} "not all files are sound"
    }
}

proc ::sdx::check::Print {checked quiet} {
    dict with checked {}
    set shown [::sdx::lsk::Printable $file]
    foreach fault $faults {
	dict with fault {}
	puts "$shown: [expr {$member eq "" ? "" : "[::sdx::lsk::Printable $member]: "}][::sdx::lsk::Printable $text]"
    }
    set more [expr {$faultcount - [llength $faults]}]
    if {$more > 0} {
	puts "$shown: $more more faults"
    }
    if {$quiet || !$sound} {
	return
    }
    set notes {}
    if {$journal eq "rolledback"} {
	lappend notes "a change that was cut off was rolled back"
    }
    if {$markrestored} {
	lappend notes "its mark was lost and is there again"
    }
    set waste [expr {$free + $lostbytes}]
    if {$waste} {
	lappend notes "$waste bytes unused"
    }
    puts [join [linsert $notes 0 "$shown: ok"] ", "]
}

proc ::sdx::check::Json {checked} {
    dict with checked {}
    set list [lmap fault $faults {
	::sdx::json::Object [dict map {key value} $fault {::sdx::json::Text $value}]
    }]
    return [::sdx::json::Object [dict replace $checked file [::sdx::json::Text $file] \
	    sound [::sdx::json::Boolean $sound] faults [::sdx::json::Array $list] journal [::sdx::json::Text $journal] \
	    markrestored [::sdx::json::Boolean $markrestored]]]
}
