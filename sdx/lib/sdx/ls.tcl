# SPDX-License-Identifier: MIT
#
# ls.tcl: sdx ls, a shorter name of lsk.

::sdx::Load lsk

namespace eval ::sdx::ls {
    variable operands $::sdx::lsk::operands
    variable options $::sdx::lsk::options
    variable description $::sdx::lsk::description
}

proc ::sdx::ls::Run {values} {
    ::sdx::lsk::Run $values
}
