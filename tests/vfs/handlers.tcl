# SPDX-License-Identifier: MIT
#
# handlers.tcl: what the tests of file systems in Tcl have in common. Sourced at the head of each. They run inside the
# program under test, and inside Debian's tclsh8.6 with Debian's package vfs, which shows that what is expected is
# what tclvfs does:
#
#	tclkit tests/vfs/handlers.test
#	tclsh8.6 tests/vfs/handlers.test
#
# Rules:
# 1. A test in [ours] is about something that is better here; it says what tclvfs does.
# 2. Everything is written below $scratch, which is gone at the end, and is the working folder.

package require tcltest 2.5
namespace import ::tcltest::test
package require vfs

set here [file dirname [file normalize [info script]]]
set isOurs [expr {[info commands ::starlit::mounts] ne ""}]
set scratch [file normalize [exec mktemp -d -t starlit.XXXXXX]]
::tcltest::configure -verbose {body skip error} -tmpdir $scratch -singleproc 1
cd $scratch

# ours --
#
#	Defines tests for the program under test alone.

proc ours {script} {
    if {$::isOurs} {
	uplevel 1 $script
    }
}

# failure --
#
#	The message and the error code of a script that fails.

proc failure {script} {
    if {[catch {uplevel 1 $script} message options] != 1} {
	return "no failure: $message"
    }
    return [list [string map [list $::scratch SCRATCH] $message] [dict get $options -errorcode]]
}

proc writeFile {path text args} {
    set channel [open $path w {*}$args]
    fconfigure $channel -translation lf
    puts -nonewline $channel $text
    close $channel
}

proc readFile {path} {
    set channel [open $path]
    try {
	return [read $channel]
    } finally {
	close $channel
    }
}

# handler --
#
#	A handler that notes what it is asked, in ::calls, and answers from the dict ::answers: by "COMMAND RELATIVE"
#	or COMMAND, a script; where there is none, with no such file.

proc handler {tag command root relative actual args} {
    lappend ::calls [string map [list $::scratch SCRATCH] [list $tag $command $root $relative $actual $args]]
    foreach key [list [list $command $relative] $command] {
	if {[dict exists $::answers $key]} {
	    return [uplevel #0 [dict get $::answers $key]]
	}
    }
    vfs::filesystem posixerror $::vfs::posix(ENOENT)
}

# calls --
#
#	What the handler has been asked while a script ran, one line each; the script's outcome at the end.

proc calls {script} {
    set ::calls {}
    catch {uplevel 1 $script} answer
    return [join [linsert $::calls end [string map [list $::scratch SCRATCH] $answer]] \n]
}

set directoryStatus {type directory mode 0755 size 0 mtime 10 atime 20 ctime 30 dev 1 ino 2 nlink 3 uid 4 gid 5}
set fileStatus {type file mode 0640 size 7 mtime 11 atime 21 ctime 31 dev 1 ino 3 nlink 1 uid 6 gid 7}

# withHandler --
#
#	Runs a script while SCRATCH/m is the handler's.

proc withHandler {answers script} {
    set ::answers $answers
    set ::calls {}
    vfs::filesystem mount $::scratch/m {handler h}
    try {
	return [uplevel 1 $script]
    } finally {
	cd $::scratch
	catch {vfs::filesystem unmount $::scratch/m}
    }
}

# finish --
#
#	Ends a test file: prints the counts, removes $scratch, exits non-zero when a test failed.

proc finish {} {
    set failed $::tcltest::numTests(Failed)
    cd /
    file delete -force $::scratch
    file mkdir $::scratch
    ::tcltest::cleanupTests
    file delete $::scratch
    exit [expr {$failed > 0}]
}
