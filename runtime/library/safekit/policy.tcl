# SPDX-License-Identifier: MIT
#
# policy.tcl: what a safe script is granted, as a dict, and the options of the command line that say it.
#
#     --safe-read PATH        PATH, a directory or a file, may be read and listed
#     --safe-write PATH       and changed
#     --safe-exec PATH        programs in PATH, or the program PATH, may be started
#     --safe-time DURATION    so long may the script run: 5s, 500ms, 2m, 1h, or seconds; 0 for no limit
#     --safe-commands N       so many commands may it run; 0 for no limit
#
# The dict, all keys of which may be missing:
#
#     grants        list of {path rights}, rights of: read write list exec; a path of the host, or in an archive
#     time          milliseconds, or empty
#     commands      a number, or empty
#     channels      those of stdin stdout stderr that the script shares; all
#     environment   dict: the script's env; empty
#     hostname      what [info hostname] answers; kit
#
# The kit itself and the runtime's library may always be read and listed.

namespace eval ::safekit::safe {
    # Option, and the rights it grants; or the key it sets, and what checks its value.
    variable grantOptions {
	--safe-read {read list}
	--safe-write {read list write}
	--safe-exec {exec}
    }
    variable valueOptions {
	--safe-time {time Milliseconds}
	--safe-commands {commands Count}
    }
    variable defaults {
	grants {} time {} commands {} channels {stdin stdout stderr} environment {} hostname kit
    }
}

# ::safekit::safe::policy --
#
#	The policy that a list of options and values says; an error where an option or a value is wrong.

proc ::safekit::safe::policy {words} {
    variable grantOptions
    variable valueOptions
    variable defaults

    set policy $defaults
    foreach {option value} $words {
	if {[dict exists $grantOptions $option]} {
	    if {$value eq ""} {
		UsageError "no path behind \"$option\""
	    }
	    dict lappend policy grants [list $value [dict get $grantOptions $option]]
	} elseif {[dict exists $valueOptions $option]} {
	    lassign [dict get $valueOptions $option] key check
	    dict set policy $key [$check $option $value]
	} else {
	    UsageError "unknown option \"$option\": must be one of\
		[join [lsort [concat [dict keys $grantOptions] [dict keys $valueOptions]]] {, }]"
	}
    }
    return $policy
}

proc ::safekit::safe::UsageError {message} {
    return -level 2 -code error -errorcode {SAFEKIT USAGE} $message
}

proc ::safekit::safe::Milliseconds {option value} {
    if {![regexp {^(\d{1,9})(ms|s|m|h|)$} $value -> number unit]} {
	UsageError "couldn't use \"$value\" for $option: not a duration such as 500ms, 5s or 2m"
    }
    # A number with a zero in front is not octal.
    scan $number %lld number
    if {$number == 0} {
	return ""
    }
    return [expr {$number * [dict get {ms 1 s 1000 m 60000 h 3600000 {} 1000} $unit]}]
}

proc ::safekit::safe::Count {option value} {
    if {![regexp {^\d{1,9}$} $value]} {
	UsageError "couldn't use \"$value\" for $option: not a number"
    }
    scan $value %lld number
    return [expr {$number == 0 ? "" : $number}]
}

# ::safekit::safe::CheckPolicy --
#
#	A policy with all its keys; an error for one that is not known, as a grant that is misspelt must not be lost.

proc ::safekit::safe::CheckPolicy {policy} {
    variable defaults

    foreach key [dict keys $policy] {
	if {![dict exists $defaults $key]} {
	    UsageError "unknown key \"$key\" in a policy: must be one of [join [dict keys $defaults] {, }]"
	}
    }
    foreach grant [expr {[dict exists $policy grants] ? [dict get $policy grants] : {}}] {
	foreach right [lindex $grant 1] {
	    if {$right ni {read write list exec}} {
		UsageError "unknown right \"$right\": must be one of read, write, list, exec"
	    }
	}
    }
    return [dict merge $defaults $policy]
}
