# SPDX-License-Identifier: MIT
#
# pkgIndex.tcl: where package app-sdx is.

package ifneeded app-sdx 0.1.0 [list source -encoding utf-8 [file join $dir app-sdx.tcl]]
