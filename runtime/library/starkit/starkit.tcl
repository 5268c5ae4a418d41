# SPDX-License-Identifier: MIT
#
# starkit.tcl: package starkit, what an application in a kit or starpack calls to find itself. Public commands and
# variables, and their answers, are those of starkit 1.3.3 (https://wiki.tcl-lang.org/page/starkit).
#
# Rules:
# 1. It is on the way of every start of every kit: no further package, no file but main.tcl.
# 2. starkit::topdir and starkit::mode belong to the first kit that asks; later ones leave them alone.
# 3. A fatal error is told with its trace on stderr and ends the process with status 1.
#
# Variables for the application:
#	starkit::topdir -	The folder of main.tcl: the kit's or starpack's own path, or its unpacked tree.
#	starkit::mode -		What the first starkit::startup returned.
#	starkit::tclkitroot -	The folder at which the runtime's own archive is mounted: the executable's path.

package provide starkit 1.3.3

namespace eval ::starkit {
    variable tclkitroot [file dirname [file dirname [info library]]]
}

# ::starkit::startup --
#
#	To be called at the head of main.tcl. Finds the application's folder and puts its lib folder on auto_path.
#
# Results:
#	How main.tcl was started: starpack, starkit, unwrapped, tclhttpd, plugin, service or sourced.

proc ::starkit::startup {} {
    if {![info exists ::starkit::topdir]} {
	variable topdir
    }
    # A script behind a symbolic link is where that leads.
    set script [fullnormalize [info script]]
    set topdir [file dirname $script]

    if {$topdir eq [fullnormalize [info nameofexecutable]]} {
	# The runtime has put the executable's lib folder on auto_path.
	set answer starpack
    } else {
	autoextend [file join $topdir lib]
	set program ""
	if {[info exists ::argv0]} {
	    set program $::argv0
	}
	if {$topdir eq [fullnormalize $program]} {
	    set answer starkit
	} elseif {$script eq [fullnormalize $program]} {
	    set answer unwrapped
	} elseif {[info procs ::Httpd_Server] ne ""} {
	    set answer tclhttpd
	} elseif {[info exists ::embed_args]} {
	    set answer plugin
	} elseif {[info exists ::tcl_service]} {
	    set answer service
	} else {
	    set answer sourced
	}
    }
    if {![info exists ::starkit::mode]} {
	variable mode $answer
    }
    return $answer
}

# ::starkit::header --
#
#	What the script in front of a kit's archive calls: mounts the kit at its own path and sources its main.tcl at the
#	caller's level. Does not return when that fails: starkit::panic.
#
# Arguments:
#	driver -	sqlar, which is built in, or the name of another driver in a package vfs::<driver>.
#	args -		Options of the driver's Mount command, such as -readonly.

proc ::starkit::header {driver args} {
    if {[catch {
	set self [fullnormalize [info script]]
	if {$driver ne "sqlar"} {
	    package require vfs::$driver
	}
	::vfs::${driver}::Mount $self $self {*}$args
	uplevel 1 [list source [file join $self main.tcl]]
    } message options] == 1} {
	panic [dict get $options -errorinfo]
    }
}

# ::starkit::autoextend --
#
#	Appends a folder to auto_path, once.

proc ::starkit::autoextend {dir} {
    set dir [fullnormalize $dir]
    if {$dir ni $::auto_path} {
	lappend ::auto_path $dir
    }
}

# ::starkit::remount --
#
#	Mounts the application's archive anew, with other options: without -readonly it becomes writable. When that is
#	refused the archive stays mounted as it was. In a starpack each change, or transaction, then makes a new executable
#	that takes the place of this one; the program that runs goes on.
#
# Arguments:
#	args -	Options of the Mount command.

proc ::starkit::remount {args} {
    variable topdir

    return [::starlit::remount $topdir {*}$args]
}

# ::starkit::fullnormalize --
#
#	The absolute path without symbolic links, the last component's included ([file normalize] leaves that one).

proc ::starkit::fullnormalize {path} {
    return [file dirname [file normalize [file join $path __dummy__]]]
}

# ::starkit::platform --
#
#	The folder name under which starkit::pload looks for binaries: <system>-<machine>.

proc ::starkit::platform {} {
    global tcl_platform

    set system [lindex $tcl_platform(os) 0]
    switch -- $system {
	AIX     {set machine ppc}
	HP-UX   {set machine hppa}
	default {
	    switch -glob -- $tcl_platform(machine) {
		sun4*               {set machine sparc}
		intel - i*86*       {set machine x86}
		"Power Macintosh"   {set machine ppc}
		default             {set machine $tcl_platform(machine)}
	    }
	}
    }
    return $system-$machine
}

# ::starkit::pload --
#
#	Loads <dir>/<platform>/<name>.so, the layout of critcl.
#
# Arguments:
#	args -	Further arguments of [load].

proc ::starkit::pload {dir name args} {
    set file [file join $dir [platform] $name[info sharedlibextension]]
    uplevel 1 [list load $file {*}$args]
}

# ::starkit::panic --
#
#	Tells a fatal error, in a dialog where there is Tk, and ends the process with status 1.

proc ::starkit::panic {message} {
    if {[info commands ::wm] ne "" && [info commands ::tk_messageBox] ne ""} {
	wm withdraw .
	tk_messageBox -icon error -title "Fatal error" -message $message
    } elseif {[info commands ::eventlog] ne ""} {
	eventlog error $message
    } else {
	catch {puts stderr $message}
    }
    exit 1
}
