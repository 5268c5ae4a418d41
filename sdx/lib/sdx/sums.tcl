# SPDX-License-Identifier: MIT
#
# sums.tcl: what md5sum and sha256sum have in common.
#
# A line is "SUM  NAME"; where a backslash or a line end is in the name they are escaped and a backslash stands in
# front of the line, as md5sum(1) of GNU coreutils has it.

::sdx::Load lsk
::sdx::Load members

namespace eval ::sdx::sums {
    variable operands {{KIT required} {MEMBER several}}
    variable options {
	{{-runtime} {} {} {of a starpack or a runtime, also the members that belong to the runtime}}
	{{-json} {} {} {print the result as JSON}}
    }
    variable result {
	a dict from the names to the sums.
    }
}

# ::sdx::sums::Run --
#
#	The sums.
#
# Arguments:
#	command -	What makes a sum of a channel.

proc ::sdx::sums::Run {command values} {
    set sums {}
    lassign [Read $values] kit members paths
    ::sdx::members::Mounted $kit point {
	foreach path $paths {
	    dict set sums $path [Sum $command $point/[::sdx::members::File $kit $members $path]]
	}
    }
    return $sums
}

# ::sdx::sums::Read --
#
#	What there is to read: a list of the kit, its members, and the paths that are asked for.

proc ::sdx::sums::Read {values} {
    set kit [dict get $values KIT]
    set members [::sdx::members::List $kit [dict get $values -runtime]]
    set paths [dict get $values MEMBER]
    if {[llength $paths] == 0} {
	set paths [dict keys [dict filter $members script {- member} {string equal [lindex $member 0] file}]]
    }
    return [list $kit $members $paths]
}

proc ::sdx::sums::Shell {command values} {
    lassign [Read $values] kit members paths
    # Only a terminal has a -mode.
    set bare [expr {![catch {fconfigure stdout -mode}]}]
    set json [dict get $values -json]
    set objects {}
    ::sdx::members::Mounted $kit point {
	set failed [::sdx::members::Each path $paths {
	    set sum [Sum $command $point/[::sdx::members::File $kit $members $path]]
	    if {$json} {
		lappend objects [::sdx::json::Object [list name [::sdx::json::Text $path] sum \"$sum\"]]
	    } else {
		puts [Line $sum $path $bare]
	    }
	}]
    }
    if {$json} {
	puts [::sdx::json::Array $objects]
    }
    if {$failed} {
	return -code error -errorcode {SDX STATUS 1} "couldn't read all members"
    }
}

# ::sdx::sums::Line --
#
#	A line of the list.
#
# Arguments:
#	bare -	Whether people read it, rather than md5sum -c: other control characters are made harmless.

proc ::sdx::sums::Line {sum name bare} {
    set escaped [string map {\\ \\\\ \n \\n \r \\r} $name]
    set mark [expr {$escaped eq $name ? "" : "\\"}]
    if {$bare} {
	set escaped [::sdx::lsk::Printable $escaped]
    }
    return "$mark$sum  $escaped"
}

proc ::sdx::sums::Sum {command path} {
    set channel [open $path rb]
    try {
	return [$command channel $channel]
    } finally {
	close $channel
    }
}
