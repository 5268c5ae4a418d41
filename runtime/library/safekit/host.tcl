# SPDX-License-Identifier: MIT
#
# host.tcl: what would tell a safe script of the host, reach the parent, or leave the limits.
#
#     given a neutral value    info hostname, nameofexecutable, loaded; pid, pwd; tcl_platform; env; the local time
#                              zone
#     checked                  encoding names and locales, which are names of files to Tcl
#     narrowed                 interp: aliases within the interpreter, and questions. An interpreter made by the
#                              script would have none of what this file does, and limits that the script could lift.
#     gone                     tcl::unsupported: it tells addresses of memory and runs bytecode that is not checked

# ::safekit::safe::CloseHost --
#
#	Prepares an interpreter before the first line of the script runs in it.

proc ::safekit::safe::CloseHost {child policy} {
    ::interp eval $child {::namespace delete ::tcl::unsupported ::tcl::encoding}
    # fconfigure is hidden in every safe interpreter.
    foreach name {interp pid} {
	::interp hide $child $name
    }
    ::interp alias $child ::tcl::chan::configure {} ::safekit::safe::Call $child fconfigure
    ::interp alias $child ::tcl::info::hostname {} ::safekit::safe::Constant [dict get $policy hostname]
    ::interp alias $child ::tcl::info::nameofexecutable {} ::safekit::safe::Constant ""
    ::interp alias $child ::tcl::info::loaded {} ::safekit::safe::Constant ""
    foreach {name value} {os Linux osVersion "" machine "" user ""} {
	::interp eval $child [list ::set ::tcl_platform($name) $value]
    }
    ::interp eval $child [list ::array set ::env [dict get $policy environment]]
    ::interp alias $child ::safekit::background {} ::safekit::safe::Call $child background
    ::interp bgerror $child ::safekit::background
}

proc ::safekit::safe::Constant {value args} {
    return $value
}

proc ::safekit::safe::DoPwd {child} {
    variable kits

    set name [TokenOf $child [pwd]]
    return [expr {$name eq "" ? $kits($child) : $name}]
}

proc ::safekit::safe::DoPid {child {channel ""}} {
    return [expr {$channel eq "" ? 1 : ""}]
}

# ::safekit::safe::DoExit --
#
#	Ends the process: only of scripts that are run, see run.

proc ::safekit::safe::DoExit {child {status 0}} {
    if {![string is integer -strict $status]} {
	Refuse {TCL VALUE NUMBER} "expected integer but got \"$status\""
    }
    ::exit $status
}

#
# Encodings.
#

# A name of an encoding is a part of the name of a file to Tcl.

proc ::safekit::safe::CheckEncoding {name} {
    if {![regexp {^[[:alnum:]][\w.-]*$} $name] || $name eq "identity"} {
	Refuse [list TCL LOOKUP ENCODING $name] "unknown encoding \"$name\""
    }
    return $name
}

proc ::safekit::safe::DoEncoding {child option args} {
    set known {convertfrom convertto names system}
    if {[catch {tcl::prefix match -message option $known $option} option]} {
	Refuse {TCL LOOKUP INDEX option} "bad option: must be [join $known {, }]"
    }
    switch -- $option {
	names - system {
	    if {[llength $args]} {
		Refuse {TCL WRONGARGS} "wrong # args: should be \"encoding $option\""
	    }
	}
	default {
	    if {[llength $args] ni {1 2}} {
		Refuse {TCL WRONGARGS} "wrong # args: should be \"encoding $option ?encoding? data\""
	    }
	    if {[llength $args] == 2} {
		CheckEncoding [lindex $args 0]
	    }
	}
    }
    if {[catch {::encoding $option {*}$args} result options] == 1} {
	Refuse [dict get $options -errorcode] $result
    }
    return $result
}

proc ::safekit::safe::DoFconfigure {child channel args} {
    foreach {option value} $args {
	if {[string match -en* $option] && [llength $args] > 1 && $value ne ""} {
	    CheckEncoding $value
	}
    }
    return [Hidden $child fconfigure $channel {*}$args]
}

# ::safekit::safe::Hidden --
#
#	Runs a hidden command of the interpreter itself: its errors are about the script's own words.

proc ::safekit::safe::Hidden {child name args} {
    if {[catch {::interp invokehidden $child $name {*}$args} result options] == 1} {
	Refuse [dict get $options -errorcode] $result
    }
    return $result
}

#
# Time.
#

# ::safekit::safe::DoClock --
#
#	[clock] runs in the parent, and sources files there by the name of a locale. The zone of the host and the languages
#	of its user are not the script's: UTC and the root locale stand for them.

proc ::safekit::safe::DoClock {child subcommand args} {
    set known {add clicks format microseconds milliseconds scan seconds}
    if {[catch {tcl::prefix match -message subcommand $known $subcommand} subcommand]} {
	Refuse {TCL LOOKUP SUBCOMMAND} "unknown or ambiguous subcommand: must be [join $known {, }]"
    }
    if {$subcommand in {add format scan}} {
	# In [clock add] counts and units stand before the options.
	set at 1
	if {$subcommand eq "add"} {
	    while {$at < [llength $args] && [string is integer -strict [lindex $args $at]]} {
		incr at 2
	    }
	}
	set hasZone 0
	foreach {option value} [lrange $args $at end] {
	    switch -glob -- $option {
		-t* {
		    set hasZone 1
		    if {$value in {"" :localtime} || ![regexp {^:?[\w+.,/:<>-]*$} $value] || [string match *..* $value]} {
			Refuse {CLOCK badTimeZone} "time zone \"$value\" not found"
		    }
		}
		-g* {
		    set hasZone 1
		}
		-l* {
		    if {![regexp {^\w*$} $value] || $value in {system current}} {
			Refuse {CLOCK badLocale} "locale \"$value\" not found"
		    }
		}
	    }
	}
	# A number of words that is wrong stays so.
	if {!$hasZone} {
	    lappend args -timezone :UTC
	}
    }
    if {[catch {::clock $subcommand {*}$args} result options] == 1} {
	Refuse [dict get $options -errorcode] $result
    }
    return $result
}

#
# Interpreters, and errors of events.
#

proc ::safekit::safe::DoInterp {child subcommand args} {
    switch -- $subcommand {
	alias {
	    if {[lindex $args 0] eq "" && ([llength $args] == 2 || [lindex $args 2] eq "")} {
		return [Hidden $child interp alias {*}$args]
	    }
	}
	aliases - children - slaves - exists - issafe {
	    if {[llength $args] == 0 || $args eq {{}}} {
		return [Hidden $child interp $subcommand {*}$args]
	    }
	}
    }
    Deny interp "couldn't run \"interp $subcommand\"" "closed in a safe interpreter"
}

# ::safekit::safe::DoBackground --
#
#	An error in an event: for the script's bgerror, where it has one, else told on stderr as Tcl does.

proc ::safekit::safe::DoBackground {child message options} {
    variable policies

    if {[::interp eval $child {::info commands ::bgerror}] ne ""} {
	catch {::interp eval $child [list ::bgerror $message]}
    } elseif {"stderr" in [dict get $policies($child) channels] && [dict exists $options -errorinfo]} {
	catch {puts stderr [dict get $options -errorinfo]}
    }
    return
}
