# SPDX-License-Identifier: MIT
#
# pkgIndex.tcl: where package sdx is. It needs the runtime's own commands, so only tclkit has it.

package ifneeded sdx 0.1.0 [list source -encoding utf-8 [file join $dir sdx.tcl]]
