# SPDX-License-Identifier: MIT
#
# pkgIndex.tcl: where packages vfs and vfs::sqlar are.

package ifneeded vfs 1.4.2 [list source [file join $dir vfs.tcl]]
package ifneeded vfs::sqlar 1.0 {package require vfs; package provide vfs::sqlar 1.0}
