# SPDX-License-Identifier: MIT
#
# tm.tcl: the library's tm.tcl (Tcl modules, TIP 189) with only the runtime's own module paths. Sourced by the stubs that
# boot.tcl defines, on the first use of any command of ::tcl::tm.
#
# The library's file also adds ../lib beside the executable, the folders named by TCL8_*_TM_PATH and, in Debian,
# /usr/share/tcltk and /usr/lib/tcltk: the host's modules. Here they are taken out again.

# Its last lines add those paths and fail when one of them holds another (TCL8_6_TM_PATH=/usr): every command is
# defined by then, so only a failure before that matters.
if {[catch {source [file join [info library] tm.tcl]} ::starlit::message ::starlit::options]
	&& [info args ::tcl::tm::roots] ne "paths"} {
    return -options $::starlit::options $::starlit::message
}
unset ::starlit::message
unset -nocomplain ::starlit::options

set ::tcl::tm::paths {}
::tcl::tm::roots [list [file dirname [info library]]]
