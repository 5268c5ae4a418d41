# SPDX-License-Identifier: MIT
#
# tools.tcl: what the tests of the archive filesystem have in common. Sourced at the head of each; the tests run inside
# the program under test, with tcltest from its archive:
#
#	tclkit tests/vfs/read.test
#
# Rules:
# 1. What the host's own filesystem answers for the same tree is the expectation where the two are to agree; the tree and
#    the archive are made from the same files.
# 2. Everything is written below $scratch, which is gone at the end.

package require tcltest 2.5
namespace import ::tcltest::test

set here [file dirname [file normalize [info script]]]
set tclkit [info nameofexecutable]
set scratch [exec mktemp -d -t starlit.XXXXXX]
::tcltest::configure -verbose {body skip error} -tmpdir $scratch -singleproc 1

set isRoot [expr {[exec id -u] == 0}]
::tcltest::testConstraint root $isRoot
# Needs Debian's sqlite3 shell.
::tcltest::testConstraint sqlite3 [expr {![catch {exec sqlite3 --version}]}]

# writeFile --
#
#	Writes text as UTF-8; a relative path counts from $scratch. Returns the path.

proc writeFile {path text {permissions 0644} {mtime 1000000000}} {
    set path [file join $::scratch $path]
    file mkdir [file dirname $path]
    set channel [open $path w]
    fconfigure $channel -encoding utf-8 -translation lf
    puts -nonewline $channel $text
    close $channel
    file attributes $path -permissions $permissions
    file mtime $path $mtime
    return $path
}

proc readFile {path args} {
    set channel [open $path]
    try {
	fconfigure $channel -encoding utf-8 -translation lf {*}$args
	return [read $channel]
    } finally {
	close $channel
    }
}

# entriesOf --
#
#	What starlit::archive create takes for a folder's whole tree.

proc entriesOf {dir {prefix ""}} {
    set entries {}
    set paths {}
    foreach path [glob -nocomplain -directory $dir -types hidden *] {
	if {[file tail $path] ni {. ..}} {
	    lappend paths $path
	}
    }
    lappend paths {*}[glob -nocomplain -directory $dir *]
    foreach path $paths {
	# Not by [file tail], which writes ./~x for ~x.
	set name $prefix[string range $path [string length $dir/] end]
	lappend entries [list $name file $path]
	if {[file type $path] eq "directory"} {
	    lappend entries {*}[entriesOf $path $name/]
	}
    }
    return $entries
}

# mountTree --
#
#	Makes a plain archive of a folder and mounts it; returns the mount point.

proc mountTree {dir point args} {
    set archive [file join $::scratch [file tail $point].db]
    file delete $archive
    starlit::archive create $archive [entriesOf $dir] {*}$args
    return [vfs::sqlar::Mount $archive [file join $::scratch $point] -readonly]
}

# mountFiles --
#
#	Makes a plain archive of names and texts and mounts it; returns the mount point.

proc mountFiles {point files args} {
    set entries {}
    foreach {name text} $files {
	lappend entries [list $name bytes [encoding convertto utf-8 $text] 0644 1000000000]
    }
    set archive [file join $::scratch $point.db]
    file delete $archive
    starlit::archive create $archive $entries {*}$args
    return [vfs::sqlar::Mount $archive [file join $::scratch $point] -readonly]
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

# finish --
#
#	Ends a test file: prints the counts, unmounts, removes $scratch, exits non-zero when a test failed.

proc finish {} {
    set failed $::tcltest::numTests(Failed)
    cd /
    foreach mount [lreverse [starlit::mounts]] {
	if {[lindex $mount 0] ne [info nameofexecutable]} {
	    catch {vfs::sqlar::Unmount [lindex $mount 0]}
	}
    }
    catch {exec chmod -R u+rwX $::scratch}
    exec rm -rf $::scratch
    file mkdir $::scratch
    ::tcltest::cleanupTests
    file delete $::scratch
    exit [expr {$failed > 0}]
}
