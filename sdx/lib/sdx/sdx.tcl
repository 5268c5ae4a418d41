# SPDX-License-Identifier: MIT
#
# sdx.tcl: package sdx, the packer's subcommands for scripts: sdx::wrap, sdx::unwrap and so on. Each takes what the
# subcommand of the same name takes on a command line, and returns a value; what cannot be done is an error. The
# command line (shell.tcl) prints that value.
#
# Rules:
# 1. One file per subcommand, COMMAND.tcl, sourced only when it runs or its help is asked for. It defines, in
#    ::sdx::COMMAND, what options.tcl describes, and
#	Run VALUES		does the work and returns its result: a dict, a list or a text. It prints nothing.
#	Show VALUES RESULT	prints that for a reader, as text or as JSON; where there is none, nothing is printed.
# 2. A command whose result is too large to be held, that goes on after an error, or that prints what is not in its
#    result, has a Shell VALUES in place of Show: it does and prints all of it. Run raises the first error.
# 3. Options that say how to print, such as -json, mean nothing to Run.
# 4. Every error has an errorCode: {SDX USAGE} for a wrong call, {SDX ...}, {STARLIT ...} or {POSIX ...} for what cannot
#    be done.
# 5. ::sdx has commands called info, find and so on: in this namespace Tcl's are called with :: in front.

package provide sdx 0.1.0

namespace eval ::sdx {
    variable library [file dirname [file normalize [::info script]]]

    # Whether there is somebody to talk to: progress and warnings go to standard error.
    variable talks 0

    # One row per subcommand, its name and a summary, in groups under headlines.
    variable commands {
	{Make and change} {
	    {wrap    {make a kit or a starpack from a directory tree}}
	    {qwrap   {make a kit or a starpack from one script}}
	    {unwrap  {take a kit or a starpack apart into a directory tree}}
	    {add     {put files and directories into a kit or a starpack}}
	    {update  {make a kit or a starpack hold what a directory holds}}
	    {sync    {make a directory or a kit hold what another holds}}
	    {delete  {take members out of a kit or a starpack}}
	    {vacuum  {free unused space, compress anew what was compressed in haste}}
	    {mkpack  {the same for a copy, as of old}}
	    {mksplit {split a kit or a starpack into script or program, and archive}}
	    {treetime {make directories as old as the newest of what is in them}}
	    {addtoc  {put a list of check sums into a directory}}
	}
	{Look inside} {
	    {lsk     {list what is in a kit or a starpack}}
	    {ls      {the same}}
	    {tree    {draw what is in a kit or a starpack}}
	    {find    {find members by name, type, size and time}}
	    {treemap {make a picture of what takes the space}}
	    {info    {tell of a kit or a starpack in a few lines}}
	    {stat    {tell all that is known of members}}
	    {cat     {write the contents of members to standard output}}
	    {diff    {compare kits, starpacks and directories}}
	    {depends {tell which packages an application needs, has and lacks}}
	    {mkinfo  {tell how the data in a kit's file is laid out}}
	    {check   {tell whether all in a kit or a starpack is sound}}
	    {version {tell contents apart: newest time, checksum and name}}
	    {md5sum  {print the MD5 of members}}
	    {sha256sum {print the SHA-256 of members}}
	    {sql     {ask a kit or a starpack by SQL}}
	}
	Convert {
	    {convert {turn a kit, zip file, tar file or directory into another of these}}
	    {mkzipkit {make a zip file that runs as a kit}}
	    {tgz2kit {make a kit of a tar file}}
	}
	Other {
	    {help    {explain a command}}
	    {completion {print a script that completes command lines in a shell}}
	}
    }
}

# ::sdx::Load --
#
#	Sources one of our files, once.

proc ::sdx::Load {name} {
    variable library
    variable loaded

    if {![::info exists loaded($name)]} {
	set loaded($name) 1
	uplevel #0 [list source -encoding utf-8 [file join $library $name.tcl]]
    }
}

# ::sdx::Names --
#
#	The names of all subcommands.

proc ::sdx::Names {} {
    variable commands

    return [lmap row [concat {*}[dict values $commands]] {lindex $row 0}]
}

# ::sdx::Command --
#
#	Loads a subcommand.
#
# Results:
#	Its namespace.

proc ::sdx::Command {name} {
    Load options
    if {$name ni [Names]} {
	Load retired
	if {[set answer [retired::Answer $name]] ne ""} {
	    return -code error -errorcode [list SDX RETIRED $name] $answer
	}
	options::Misuse "unknown command \"$name\"[options::Suggestion $name [Names]], try sdx --help"
    }
    Load $name
    return ::sdx::$name
}

# ::sdx::Call --
#
#	Runs a subcommand.
#
# Results:
#	What it returns; with -help, its help.

proc ::sdx::Call {name args} {
    set command [Command $name]
    set values [options::Parse $command $args]
    if {[dict get $values -help]} {
	return [options::Help $command]
    }
    return [${command}::Run $values]
}

# Each subcommand is a command of the package.
apply {{} {
    foreach name [::sdx::Names] {
	interp alias {} ::sdx::$name {} ::sdx::Call $name
    }
}}
