# SPDX-License-Identifier: MIT
#
# progress.tcl: a bar on a terminal for work that takes longer than a second. Elsewhere, and for scripts that call
# package sdx, nothing is printed. A signal that asks sdx to end takes effect where progress is told.

namespace eval ::sdx::progress {
    variable delayMilliseconds 1000
    variable stepMilliseconds 100
    variable cells 30
    variable shown 0
}

# ::sdx::progress::Options --
#
#	The options that make a starlit::archive command show its progress, where somebody sees it, and be interrupted;
#	none for scripts.
#
# Arguments:
#	what -	What is being done, in front of the bar.

proc ::sdx::progress::Options {what} {
    variable delayMilliseconds
    variable due [expr {[clock milliseconds] + $delayMilliseconds}]
    variable shown 0

    if {!$::sdx::talks} {
	return {}
    }
    # Only a terminal has a -mode.
    if {[catch {fconfigure stderr -mode}]} {
	return [list -progress ::sdx::progress::Check]
    }
    return [list -progress [list ::sdx::progress::Show $what]]
}

# ::sdx::progress::Check --
#
#	Goes on only if nothing has interrupted the program.

proc ::sdx::progress::Check {args} {
    ::starlit::interrupts check
}

# ::sdx::progress::Show --
#
#	Draws the bar anew, when it is time.

proc ::sdx::progress::Show {what done total} {
    variable due
    variable shown
    variable cells
    variable stepMilliseconds

    ::starlit::interrupts check
    set now [clock milliseconds]
    if {$now < $due || $total <= 0} {
	return
    }
    set due [expr {$now + $stepMilliseconds}]
    set shown 1
    set full [expr {$cells * min($done, $total) / $total}]
    puts -nonewline stderr [format "\r%s \[%-${cells}s\] %3d%% of %.1f MB" \
	    $what [string repeat # $full] [expr {100 * min($done, $total) / $total}] [expr {$total / 1e6}]]
    flush stderr
}

# ::sdx::progress::End --
#
#	Takes the bar away.

proc ::sdx::progress::End {} {
    variable shown

    if {$shown} {
	set shown 0
	puts -nonewline stderr "\r\x1b\[K"
	flush stderr
    }
}
