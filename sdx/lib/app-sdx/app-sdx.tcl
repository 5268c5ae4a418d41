# SPDX-License-Identifier: MIT
#
# app-sdx.tcl: package app-sdx, by which scripts called the classic sdx. sdx::sdx COMMAND ?ARGUMENT ...? prints what the
# command line prints; what cannot be done is an error. Package sdx has commands that return what they have to tell.

package provide app-sdx [package require sdx]

::sdx::Load shell

proc ::sdx::sdx {command args} {
    Perform $command {*}$args
    flush stdout
}
