# SPDX-License-Identifier: MIT
#
# tools.tcl: what the tests of programs for another machine have in common; sourced at the head of each. All of
# ../program/tools.tcl, but the procedures that run $tclkit, which is the runtime for the other machine; and:
#
#	$qemu		the emulator, to be put in front of programs for the other machine
#	$sdx $native	this machine's packer and runtime
#	$built		the folder of what was built for the other machine

source [file join [file dirname [info script]] .. program tools.tcl]
set here [file dirname [file normalize [info script]]]
lassign [list $::env(QEMU) $::env(NATIVE)/sdx $::env(NATIVE)/tclkit $::env(BUILT)] qemu sdx native built

# pack --
#
#	Wraps an application by this machine's sdx; returns the path of what is made.
#
# Arguments:
#	name -		Of the output, in $scratch: a kit, or with -runtime a starpack.
#	files -		Names of members and their text.
#	args -		Options of sdx wrap.

proc pack {name files args} {
    folder $name.vfs
    foreach {member text} $files {
	writeFile $name.vfs/$member $text
    }
    output $::sdx wrap $name -vfs $name.vfs -quiet {*}$args
    return [file join $::scratch $name]
}

# starpack --
#
#	The same, for the other machine.

proc starpack {name files args} {
    return [pack $name $files -runtime $::tclkit {*}$args]
}

# emulate --
#
#	Evaluates a script by the other machine's runtime; returns what it prints.

proc emulate {script} {
    return [output $::qemu $::tclkit [writeFile script.tcl $script]]
}
