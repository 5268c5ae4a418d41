# SPDX-License-Identifier: MIT
#
# assemble.tcl: puts the runtime together: the program and an archive with all that Tcl needs. Run by the build:
#
#	bootstrap assemble.tcl SOURCE PROGRAM OUTPUT
#
# The archive
#	lib/tcl8.6/			Debian's Tcl library: scripts, encodings, message catalogues
#	lib/tcl8.6/zoneinfo/		the time zone database, as TZif files
#	lib/tcl8/8.6/			Tcl modules (http, msgcat, platform, tcltest)
#	lib/starlit/			the runtime's own scripts
#	lib/starlit/terminfo/		descriptions of the usual terminals
#	lib/starlit/licenses/		the licences of all that is in the file
#	lib/starkit/ lib/vfs/		packages
#
# The same input gives the same bytes: times are those of Debian's files, and one time for all of ours, whatever the
# checkout gave them.

lassign $argv source program output
source $source/sdx/lib/sdx/packages.tcl

set tclLibrary /usr/share/tcltk/tcl8.6
set zoneinfo /usr/share/zoneinfo
set terminfo /lib/terminfo
# 2026-01-01: the time of our own members.
set ownTime 1767225600

# Debian packages whose code or data is in the file, with what it is there for.
set licenses {
    libtcl8.6 libsqlite3-0 zlib1g libdeflate0 libedit2 libtinfo6 libbsd0 libmd0 libc6 libstdc++6 tzdata
}

set entries {}

proc AddFile {name path} {
    lappend ::entries [list $name file $path]
}

# One of our own files: its time is not that of the checkout.
proc AddOwn {name path} {
    set channel [open $path rb]
    lappend ::entries [list $name bytes [read $channel] 0o644 $::ownTime]
    close $channel
}

# A tree of regular files, with the directories in it.
proc AddTree {name directory} {
    foreach path [lsort [glob -nocomplain -directory $directory *]] {
	if {[file isdirectory $path]} {
	    AddTree $name/[file tail $path] $path
	} else {
	    AddFile $name/[file tail $path] $path
	}
    }
}

foreach path [lsort [glob -directory $tclLibrary *]] {
    switch -- [file tail $path] {
	tclAppInit.c {}
	tcl8 {AddTree lib/tcl8/8.6 $path}
	default {
	    if {[file isdirectory $path]} {
		AddTree lib/tcl8.6/[file tail $path] $path
	    } else {
		AddFile lib/tcl8.6/[file tail $path] $path
	    }
	}
    }
}

# Time zones: leap-second variants (right/) and copies (posix/) are left out, as is what is no zone.
proc AddZones {name directory} {
    foreach path [lsort [glob -directory $directory *]] {
	set tail [file tail $path]
	if {$tail in {right posix localtime posixrules}} {
	    continue
	}
	# A directory that is a link would be a copy of the database.
	if {[file isdirectory $path]} {
	    AddZones $name/$tail $path
	    continue
	}
	set channel [open $path rb]
	set data [read $channel]
	close $channel
	if {[string range $data 0 3] eq "TZif"} {
	    lappend ::entries [list $name/$tail bytes $data 0o644 [file mtime $path]]
	}
    }
}
AddZones lib/tcl8.6/zoneinfo $zoneinfo

foreach path [lsort [glob -directory $source/runtime/library -types f *.tcl]] {
    AddOwn lib/starlit/[file tail $path] $path
}
foreach package {starkit vfs} {
    foreach path [lsort [glob -directory $source/runtime/library/$package *]] {
	AddOwn lib/$package/[file tail $path] $path
    }
}

foreach terminal {
    ansi dumb linux rxvt rxvt-unicode-256color screen screen-256color tmux tmux-256color vt100 vt102 vt220 xterm
    xterm-256color xterm-color
} {
    AddFile lib/starlit/terminfo/$terminal [file join $terminfo [string index $terminal 0] $terminal]
}

AddOwn lib/starlit/licenses/starlit $source/LICENSE
foreach package $licenses {
    AddFile lib/starlit/licenses/$package /usr/share/doc/$package/copyright
}

starlit::archive create $output $entries -program $program -level 12 -packages [sdx::packages::Record $entries {}]
