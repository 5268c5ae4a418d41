# SPDX-License-Identifier: MIT
#
# suite-main.tcl: main.tcl of the kit that holds Tcl's test suite. Its arguments are those of tests/all.tcl.

package require starkit
starkit::startup
set argv0 [file join $starkit::topdir tests all.tcl]
source $argv0
