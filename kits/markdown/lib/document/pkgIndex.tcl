# SPDX-License-Identifier: MIT
#
# pkgIndex.tcl: where package document is.

package ifneeded document 1.0 [list source -encoding utf-8 [file join $dir document.tcl]]
