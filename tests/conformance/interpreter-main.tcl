# SPDX-License-Identifier: MIT
#
# interpreter-main.tcl: main.tcl of a starpack that is an interpreter with one more mount. The archive that the
# environment names in CONFORMANCE_ARCHIVE is mounted for writing at CONFORMANCE_MOUNT; then the arguments are those
# of tclsh:
#
#     ?-encoding NAME? SCRIPT ?ARG ...?     runs the script
#     nothing                               runs the commands that come on standard input
#
# So a program that a test starts with [interpreter] sees the files that the test sees.

::vfs::sqlar::Mount $env(CONFORMANCE_ARCHIVE) $env(CONFORMANCE_MOUNT)

namespace eval conformance {
    variable encoding {}
}

# As tclsh: an error is told, and the next command runs.
proc conformance::RunInput {} {
    set command ""
    while {![catch {gets stdin line} length] && $length >= 0} {
        append command $line \n
        if {![info complete $command]} continue
        if {[catch {uplevel #0 $command} message]} {catch {puts stderr $message}}
        set command ""
    }
}

# The trace of an error without this file's part of it.
proc conformance::Trace {options} {
    regsub {\n    invoked from within\n"source .*$} [dict get $options -errorinfo] ""
}

if {[lindex $argv 0] eq "-encoding" && [llength $argv] >= 3} {
    set conformance::encoding [lrange $argv 0 1]
    set argv [lrange $argv 2 end]
}
if {![llength $argv]} {
    set argv0 [info nameofexecutable]
    set argc 0
    conformance::RunInput
} else {
    set argv [lassign $argv argv0]
    set argc [llength $argv]
    if {[catch {source {*}$conformance::encoding $argv0} conformance::message conformance::options] == 1} {
        catch {puts stderr [conformance::Trace $conformance::options]}
        exit 1
    }
}
