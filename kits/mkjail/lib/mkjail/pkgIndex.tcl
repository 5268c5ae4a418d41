# SPDX-License-Identifier: MIT
package ifneeded mkjail 1.0 [list source [file join $dir mkjail.tcl]]
