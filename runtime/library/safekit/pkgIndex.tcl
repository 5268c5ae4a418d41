# SPDX-License-Identifier: MIT
#
# pkgIndex.tcl: where package safekit::safe is.

package ifneeded safekit::safe 1.0 [list source [file join $dir safe.tcl]]
