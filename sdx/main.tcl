# SPDX-License-Identifier: MIT
#
# sdx: packs Tcl applications into kits and starpacks, and looks into them.
#
# Rules:
# 1. One file per subcommand, lib/sdx/COMMAND.tcl, sourced only when it runs or its help is asked for. It defines, in
#    ::sdx::COMMAND, what options.tcl describes, and Run.
# 2. Exit status: 0 done; 1 it could not be done; 2 wrong usage; diff has diff(1)'s. An error is one line on stderr.

namespace eval ::sdx {
    variable library [file join [file dirname [file normalize [info script]]] lib sdx]

    # One row per subcommand: name and summary.
    variable commands {
	{wrap    {make a kit or a starpack from a directory tree}}
	{qwrap   {make a kit or a starpack from one script}}
	{unwrap  {take a kit or a starpack apart into a directory tree}}
	{lsk     {list what is in a kit or a starpack}}
	{ls      {the same}}
	{tree    {draw what is in a kit or a starpack}}
	{find    {find members by name, type, size and time}}
	{info    {tell of a kit or a starpack in a few lines}}
	{stat    {tell all that is known of members}}
	{cat     {write the contents of members to standard output}}
	{md5sum  {print the MD5 of members}}
	{sha256sum {print the SHA-256 of members}}
	{diff    {compare kits, starpacks and directories}}
	{sql     {ask a kit or a starpack by SQL}}
	{add     {put files and directories into a kit or a starpack}}
	{delete  {take members out of a kit or a starpack}}
	{vacuum  {free unused space, compress anew what was compressed in haste}}
	{mkpack  {the same for a copy, as of old}}
	{check   {tell whether all in a kit or a starpack is sound}}
	{version {tell contents apart: newest time, checksum and name}}
	{help    {explain a command}}
    }
}

# ::sdx::Load --
#
#	Sources one of our files, once.

proc ::sdx::Load {name} {
    variable library
    variable loaded

    if {![info exists loaded($name)]} {
	set loaded($name) 1
	uplevel #0 [list source -encoding utf-8 [file join $library $name.tcl]]
    }
}

# ::sdx::Usage --
#
#	What `sdx --help` prints.

proc ::sdx::Usage {} {
    variable commands

    set text "usage: sdx COMMAND ?ARGUMENT ...?\n\nCommands:\n"
    foreach row $commands {
	append text [format "  %-9s  %s\n" {*}$row]
    }
    append text "\n`sdx help COMMAND` tells more of one; `sdx --version` tells which sdx this is.\n\n"
    append text "Exit status: 0 done, 1 it could not be done, 2 wrong usage."
    return $text
}

# ::sdx::Command --
#
#	Loads a subcommand.
#
# Results:
#	Its namespace.

proc ::sdx::Command {name} {
    variable commands

    Load options
    set names [lmap row $commands {lindex $row 0}]
    if {$name ni $names} {
	options::Misuse "unknown command \"$name\"[options::Suggestion $name $names], try sdx --help"
    }
    Load $name
    return ::sdx::$name
}

# ::sdx::Complain --
#
#	Tells an error, on one line.

proc ::sdx::Complain {message} {
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
    switch -- [lindex $arguments 0] {
	"" {
	    puts stderr [Usage]
	    return 2
	}
	--help - -help - -h {
	    puts [Usage]
	    return 0
	}
	--version - -version {
	    puts "sdx $::starlit::version"
	    return 0
	}
    }
    try {
	set command [Command [lindex $arguments 0]]
	set values [options::Parse $command [lrange $arguments 1 end]]
	if {[dict get $values -help]} {
	    puts [options::Help $command]
	} else {
	    ${command}::Run $values
	}
	flush stdout
    } trap {SDX USAGE} {message} {
	Complain $message
	return 2
    } trap {SDX STATUS} {message options} {
	# The command has told all there is to tell.
	flush stdout
	return [lindex [dict get $options -errorcode] 2]
    } trap {POSIX EPIPE} {} {
	# Whoever read the output has seen enough.
	return 1
    } on error {message options} {
	Complain $message
	if {[info exists ::env(SDX_TRACE)]} {
	    puts stderr [dict get $options -errorinfo]
	}
	return 1
    }
    return 0
}

exit [::sdx::Main $argv]
