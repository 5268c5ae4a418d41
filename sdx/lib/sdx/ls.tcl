# SPDX-License-Identifier: MIT
#
# ls.tcl: sdx ls, a shorter name of lsk.

::sdx::Load lsk

namespace eval ::sdx::ls {
    foreach name {operands options description} {
	variable $name [set ::sdx::lsk::$name]
    }
    variable result {
	what sdx::lsk returns.
    }
    variable examples [string map {"sdx lsk" "sdx ls"} $::sdx::lsk::examples]
}

proc ::sdx::ls::Run {values} {
    return [::sdx::lsk::Run $values]
}

proc ::sdx::ls::Shell {values} {
    ::sdx::lsk::Shell $values
}
