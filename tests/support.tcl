# SPDX-License-Identifier: MIT
#
# support.tcl: what the whole-program tests share. Sourced by every *.test file, which is run by Debian's tclsh8.6:
#
#	TCLKIT=... SDX=... SDX_KIT=... tclsh8.6 tests/sdx/wrap.test
#
# TCLKIT is the runtime, SDX the packer as a starpack, SDX_KIT the packer as a kit.
#
# Rules:
# 1. A test runs in a temporary directory of its own, [directory], which is the current one and is gone afterwards.
# 2. A program under test is run as a user runs it, and judged by {status stdout stderr}, by files, and by nothing else.
# 3. A file of tests ends with [finish], so that a failure is the process's exit status.

package require tcltest 2.5
namespace import ::tcltest::test

namespace eval ::support {
    variable root [file dirname [file dirname [file normalize [info script]]]]
    variable top [pwd]
    variable directory ""
    namespace export directory finish kitTree leave program run runIn write
}

foreach ::support::name {TCLKIT SDX SDX_KIT} {
    if {![info exists ::env($::support::name)]} {
	puts stderr "set TCLKIT, SDX and SDX_KIT to the built programs"
	exit 2
    }
    set ::env($::support::name) [file normalize $::env($::support::name)]
}
# A test that depends on these sets them itself.
foreach ::support::name {SOURCE_DATE_EPOCH TCLLIBPATH TCL_LIBRARY} {
    unset -nocomplain ::env($::support::name)
}
set ::env(TZ) UTC
# Outside of the source tree, and open to the ordinary user of some tests.
::tcltest::configure -tmpdir [file normalize [exec mktemp -d -t starlit.XXXXXX]]
file attributes [::tcltest::temporaryDirectory] -permissions 00755
# Kits find the runtime by PATH.
set ::env(PATH) [file dirname $::env(TCLKIT)]:$::env(PATH)

# In front of a command: runs it as an ordinary user, whoever runs the tests.
set ::support::asUser [expr {[exec id -u] == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups" : ""}]
# In front of a command: runs it where it may mount.
set ::support::mayMount [expr {[exec id -u] == 0 ? "unshare -m" : "unshare -rm"}]

# ::support::program --
#
#	The path of a program under test: tclkit, sdx or sdx.kit.

proc ::support::program {name} {
    return $::env([dict get {tclkit TCLKIT sdx SDX sdx.kit SDX_KIT} $name])
}

# ::support::directory --
#
#	Makes a test's temporary directory and goes there: for -setup. Leave it by [leave] in -cleanup.

proc ::support::directory {} {
    variable directory
    variable count

    set directory [file join [::tcltest::temporaryDirectory] starlit-[pid]-[incr count]]
    file delete -force $directory
    file mkdir $directory
    cd $directory
    return $directory
}

proc ::support::leave {} {
    variable directory
    variable top

    cd $top
    file delete -force $directory
}

# ::support::run --
#
#	Runs a program without input.
#
# Results:
#	A list of three: exit status (or the signal's name), standard output and standard error without their last
#	newline.

proc ::support::run {args} {
    return [runIn "" {*}$args]
}

# ::support::runIn --
#
#	Runs a program with this input, taken as bytes.

proc ::support::runIn {input args} {
    variable directory

    set errors [file join [::tcltest::temporaryDirectory] starlit-[pid]-stderr]
    set status 0
    set pipe [open |[list {*}$args 2>$errors] r+b]
    try {
	puts -nonewline $pipe $input
	flush $pipe
    } on error {} {
	# The program does not read its input: no failure of ours.
    }
    catch {close $pipe write}
    set output [read $pipe]
    fconfigure $pipe -blocking 1
    if {[catch {close $pipe} - options]} {
	set code [dict get $options -errorcode]
	switch -- [lindex $code 0] {
	    CHILDSTATUS - CHILDKILLED {
		set status [lindex $code 2]
	    }
	}
    }
    set channel [open $errors rb]
    set errorOutput [read $channel]
    close $channel
    file delete $errors
    return [list $status [Text $output] [Text $errorOutput]]
}

proc ::support::Text {bytes} {
    set text [encoding convertfrom utf-8 $bytes]
    return [regsub {\n$} $text ""]
}

# ::support::write --
#
#	Writes a file, with the directories it needs.

proc ::support::write {path content {permissions 00644} {mtime 1700000000}} {
    file mkdir [file dirname $path]
    set channel [open $path wb]
    puts -nonewline $channel [encoding convertto utf-8 $content]
    close $channel
    file attributes $path -permissions $permissions
    file mtime $path $mtime
}

# ::support::kitTree --
#
#	Makes NAME.vfs with a main.tcl that tells how it was started, and a package greet in lib.

proc ::support::kitTree {{name app}} {
    write $name.vfs/main.tcl {package require starkit
puts "mode [starkit::startup]"
package require greet
puts "[greet::text] $argv"
}
    write $name.vfs/lib/greet/pkgIndex.tcl {package ifneeded greet 1.0 [list source [file join $dir greet.tcl]]
}
    write $name.vfs/lib/greet/greet.tcl {namespace eval greet {}
proc greet::text {} {return hello}
package provide greet 1.0
}
    return $name.vfs
}

# ::support::finish --
#
#	Ends a file of tests: status 1 when one failed.

proc ::support::finish {} {
    set failed $::tcltest::numTests(Failed)
    file delete -force [::tcltest::temporaryDirectory]
    ::tcltest::cleanupTests
    exit [expr {$failed > 0}]
}

namespace import ::support::*
