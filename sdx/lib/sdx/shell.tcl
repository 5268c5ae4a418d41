# SPDX-License-Identifier: MIT
#
# shell.tcl: sdx as a program: a command line in, text and an exit status out.
#
# Exit status: 0 done; 1 it could not be done; 2 wrong usage; diff has diff(1)'s. An error is one line on stderr. The
# first SIGINT, SIGTERM or SIGHUP ends it by that signal, when what was half done is undone; the next one ends it at once.

# ::sdx::Complain --
#
#	Tells an error, on one line, before sdx goes on with what is left. An interruption is none: it is raised again.

proc ::sdx::Complain {message} {
    ::starlit::interrupts check
    Load lsk
    puts stderr "sdx: [lsk::Printable [string map {\n \\n \r \\r} $message]]"
}

# ::sdx::Main --
#
#	Runs one command line.
#
# Results:
#	The exit status.

proc ::sdx::Main {arguments} {
    variable talks

    set talks 1
    Load options
    if {[lindex $arguments 0] eq ""} {
	puts stderr [options::Usage]
	return 2
    }
    ::starlit::interrupts trap
    try {
	switch -- [lindex $arguments 0] {
	    --help - -help - -h {
		puts [options::Usage]
	    }
	    --version - -version {
		puts "sdx [package present sdx]"
	    }
	    default {
		Perform {*}$arguments
	    }
	}
	flush stdout
    } trap {SDX USAGE} {message} {
	::starlit::interrupts end
	Complain $message
	return 2
    } trap {SDX STATUS} {message options} {
	# The command has told all there is to tell.
	::starlit::interrupts end
	if {[catch {flush stdout} message]} {
	    Complain $message
	    return 1
	}
	return [lindex [dict get $options -errorcode] 2]
    } trap {POSIX EPIPE} {} {
	# Whoever read the output has seen enough.
	return 1
    } trap {STARLIT INTERRUPTED} {} {
	Load progress
	progress::End
	::starlit::interrupts end
    } on error {message options} {
	::starlit::interrupts end
	Complain $message
	if {[::info exists ::env(SDX_TRACE)]} {
	    puts stderr [dict get $options -errorinfo]
	}
	return 1
    }
    return 0
}

# ::sdx::Perform --
#
#	Runs a subcommand and prints its result.

proc ::sdx::Perform {name args} {
    set command [Command $name]
    set values [options::Parse $command $args]
    if {[dict get $values -help]} {
	puts [options::Help $command]
	return
    }
    set encoding [fconfigure stdout -encoding]
    if {[dict exists $values -json] && [dict get $values -json]} {
	# JSON is UTF-8, whatever the locale's encoding is.
	fconfigure stdout -encoding utf-8
    }
    try {
	if {[llength [::info commands ${command}::Shell]]} {
	    ${command}::Shell $values
	    return
	}
	set result [${command}::Run $values]
	if {[llength [::info commands ${command}::Show]]} {
	    ${command}::Show $values $result
	}
    } finally {
	fconfigure stdout -encoding $encoding
    }
}
