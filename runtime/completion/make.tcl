# SPDX-License-Identifier: MIT
#
# make.tcl: makes the script by which a shell completes a program's command line, run by the build:
#
#	tclsh8.6 make.tcl SDX_LIBRARY SHELL OUTPUT PROGRAM SAFEKIT
#
# SHELL is bash or zsh, and PROGRAM sdx, which makes its own, or tclkit, safekit or mkjail, whose options are read from
# their --help. SAFEKIT tells of promises, of layers, and what may stand behind `tclkit --jail`. sdx/lib/sdx/completion.tcl
# has the rest.

package require Tcl 8.6

proc Fail {message} {
    puts stderr "make.tcl: $message"
    exit 1
}

# What a program prints, on whichever channel, whatever its status.
proc Printed {args} {
    catch {exec {*}$args 2>@1} text
    return $text
}

# The words that a word of an option's argument can be, as completion.tcl calls them.
proc Kind {word program} {
    global safekit

    # What may follow, as in TARGET[:SIZE], is left out.
    set word [regsub {\[.*} $word ""]
    if {[string match *|* $word]} {
	return choice:[string map {| ,} $word]
    }
    switch -- $word {
	DIR - DIRECTORY - ROOT {
	    return directory
	}
	FILE - PATH - SOURCE - SRC - LIBRARY - PROGRAM {
	    return file
	}
	PROMISES {
	    set names [lmap {- name} [regexp -all -inline -line {^([a-z:]+): } [Printed $safekit --promises]] {set name}]
	    if {[llength $names] < 10} {
		Fail "\"$safekit --promises\" lists no promises"
	    }
	    return list:[join $names ,]
	}
	LAYERS {
	    if {![regexp {they are ([^)]*)\)} [Printed $safekit --without nothing] - names]} {
		Fail "\"$safekit --without nothing\" lists no layers"
	    }
	    return list:[string map {" " ,} $names]
	}
	ENCODING {
	    return choice:[string map {" " ,} [exec $program - << {puts [lsort [encoding names]]}]]
	}
    }
    return nothing
}

# The options of a program, as rows for completion.tcl.
proc Options {program} {
    set rows {}
    foreach {- head help} [regexp -all -inline -line {^  (-\S*(?: \S+)*)(?:  +(\S.*))?$} [Printed $program --help]] {
	regexp {^((?:-[-\w]*(?:, )?)+)(?: (.*))?$} $head - names values
	if {$names eq "-"} continue
	lappend rows [list [split [string map {, ""} [string trim $names]] " "] \
		[lmap word [split [string trim $values] " "] {Kind $word $program}] $help]
    }
    if {[llength $rows] < 3} {
	Fail "\"$program --help\" lists no options"
    }
    return $rows
}

lassign $argv library shell output program safekit
set name [file tail $program]
if {$name eq "sdx"} {
    set script [exec $program completion $shell]\n
} else {
    foreach file [list completion completion_$shell] {
	source -encoding utf-8 [file join $library $file.tcl]
    }
    set operands [dict get {
	tclkit {{FILE file 0} {ARGUMENT file 1}}
	safekit {{FILE file 0} {ARGUMENT file 1}}
	mkjail {{ROOT directory 0} {PROGRAM file 1}}
    } $name]
    set rows [list [list "" "" [Options $program] $operands]]
    if {$name eq "tclkit"} {
	lappend rows [list --jail "lock in" [Options $safekit] $operands]
    }
    set script [::sdx::completion::Script $shell $name $rows]
}
file mkdir [file dirname $output]
set channel [open $output w]
fconfigure $channel -encoding utf-8
puts -nonewline $channel $script
close $channel
