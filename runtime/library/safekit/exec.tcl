# SPDX-License-Identifier: MIT
#
# exec.tcl: exec in a safe script: one program, from a grant with the right to exec.
#
# The program is outside of the safe interpreter: it may do what the process may, that is what the jail lets it. Its
# standard input is what the script gives it with <<, or nothing. Arguments that are names of granted files become
# real paths, for the program; what it prints, the script reads.
#
# Not here: pipelines, redirection to files, the background. The time limit of the script stops it when the program
# has ended, and does not end the program.

proc ::safekit::safe::DoExec {child args} {
    set options {}
    while {[string match -* [lindex $args 0]]} {
	set args [lassign $args word]
	switch -- $word {
	    -ignorestderr - -keepnewline {lappend options $word}
	    -- {break}
	    default {
		Refuse {TCL LOOKUP INDEX option} "bad option \"$word\": must be -ignorestderr, -keepnewline, or --"
	    }
	}
    }
    set words [lassign $args program]
    lassign [Demand $child $program "couldn't execute" exec] grant name shown
    set path [Posix "couldn't execute \"$shown\"" {ProgramPath $grant $name}]
    set arguments {}
    set input ""
    while {[llength $words]} {
	set words [lassign $words word]
	switch -glob -- $word {
	    <<* {
		set input [string range $word 2 end]
		if {$input eq ""} {
		    set words [lassign $words input]
		}
	    }
	    <* - >* - 2>* - | - |& - & {
		Deny exec "couldn't execute \"$shown\" with \"$word\"" "nothing but << redirects"
	    }
	    default {
		lappend arguments [ProgramArgument $child $word]
	    }
	}
    }
    if {[catch {::exec {*}$options -- $path {*}$arguments << $input} result failure] != 1} {
	return $result
    }
    set errorCode [dict get $failure -errorcode]
    switch -- [lindex $errorCode 0] {
	CHILDSTATUS - CHILDKILLED - CHILDSUSP {
	    # Not the number of a process of the host.
	    Refuse [lreplace $errorCode 1 1 1] $result
	}
	NONE {
	    # It has written to stderr.
	    Refuse NONE $result
	}
	default {
	    Posix "couldn't execute \"$shown\"" {return -options $failure $result}
	}
    }
}

# ::safekit::safe::ProgramPath --
#
#	The real path of a program, no part of which is a link.

proc ::safekit::safe::ProgramPath {grant name} {
    if {[dict get $grant kind] ne "host"} {
	return -code error -errorcode {POSIX EACCES {permission denied}} archive
    }
    set status [StatBeneath $grant $name]
    switch -- [dict get $status type] {
	file {}
	link {return -code error -errorcode {POSIX ELOOP {too many levels of symbolic links}} link}
	default {return -code error -errorcode {POSIX EACCES {permission denied}} type}
    }
    return [string trimright [dict get $grant root] /]/$name
}

proc ::safekit::safe::ProgramArgument {child word} {
    if {![string match {$p(:*} $word] || [catch {Resolve $child $word ""} resolved]} {
	return $word
    }
    lassign $resolved grant name
    if {"read" ni [dict get $grant rights] && "write" ni [dict get $grant rights]} {
	return $word
    }
    return [string trimright [string trimright [dict get $grant root] /]/$name /]
}
