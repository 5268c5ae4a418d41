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
#	lib/starlit/			the runtime's own scripts; start.tcl is evaluated in every interpreter
#	lib/starlit/terminfo/		descriptions of the usual terminals
#	lib/starlit/licenses/		the licences of all that is in the file
#	lib/safekit/ lib/starkit/ lib/vfs/	packages
#
# The same input gives the same bytes: times are those of Debian's files, and one time for all of ours, whatever the
# checkout gave them.

lassign $argv source program output
source $source/sdx/lib/sdx/packages.tcl
source $source/runtime/snapshot.tcl

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

proc ReadBytes {path} {
    set channel [open $path rb]
    try {
	return [read $channel]
    } finally {
	close $channel
    }
}

# One of our own files: its time is not that of the checkout.
proc AddOwn {name path} {
    lappend ::entries [list $name bytes [ReadBytes $path] 0o644 $::ownTime]
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
	safe.tcl {
	    # With our mends at its end.
	    lappend entries [list lib/tcl8.6/safe.tcl bytes [ReadBytes $path]\n[ReadBytes \
		$source/runtime/library/safe.tcl] 0o644 [file mtime $path]]
	}
	default {
	    if {[file isdirectory $path]} {
		AddTree lib/tcl8.6/[file tail $path] $path
	    } else {
		AddFile lib/tcl8.6/[file tail $path] $path
	    }
	}
    }
}

# Time zones. Debian's files list every transition up to 2037; compiled from the same source in the "slim" form they
# take less than half, and say the same to Tcl's reader. That reader does not know version 3 of the format, whose first
# part is empty in slim files: such zones (12 of 598) are taken as Debian has them.
proc AddZones {} {
    close [file tempfile slim]
    file delete $slim
    exec /usr/sbin/zic -b slim -d $slim $::zoneinfo/tzdata.zi
    try {
	AddZonesIn lib/tcl8.6/zoneinfo $slim $::zoneinfo
    } finally {
	file delete -force $slim
    }
}

proc AddZonesIn {name slim debian} {
    foreach path [lsort [glob -directory $slim *]] {
	set tail [file tail $path]
	if {[file isdirectory $path]} {
	    AddZonesIn $name/$tail $path $debian/$tail
	    continue
	}
	set data [ReadBytes $path]
	if {[string index $data 4] eq "3"} {
	    set data [ReadBytes $debian/$tail]
	}
	lappend ::entries [list $name/$tail bytes $data 0o644 [file mtime $::zoneinfo/tzdata.zi]]
    }
}
AddZones

foreach path [lsort [glob -directory $source/runtime/library -types f *.tcl]] {
    if {[file tail $path] ni {boot.tcl safe.tcl}} {
	AddOwn lib/starlit/[file tail $path] $path
    }
}
# The script that starts an interpreter: definitions only, without the comments that each start would skip.
proc StartScript {source} {
    set boot [encoding convertfrom utf-8 [ReadBytes $source/runtime/library/boot.tcl]]
    set script [snapshot::Script][regsub -all -line {^\s*#.*\n} $boot {}]
    if {![string is ascii $script]} {
	error "the start script is evaluated as it lies in the archive, so it must be ASCII"
    }
    return $script
}
lappend entries [list lib/starlit/start.tcl bytes [StartScript $source] 0o644 $ownTime]

foreach package {safekit starkit vfs} {
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
