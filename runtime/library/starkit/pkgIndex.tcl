# SPDX-License-Identifier: MIT
#
# pkgIndex.tcl: where package starkit is. boot.tcl registers it too, for speed; this file serves safe interpreters.

package ifneeded starkit 1.3.3 [list source [file join $dir starkit.tcl]]
