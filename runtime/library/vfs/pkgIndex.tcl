# SPDX-License-Identifier: MIT
#
# pkgIndex.tcl: where package vfs is, and those of the drivers that are built in.

package ifneeded vfs 1.4.2 [list source [file join $dir vfs.tcl]]
package ifneeded vfslib 1.4 {package require vfs; package provide vfslib 1.4}
package ifneeded vfs::sqlar 1.0 {package require vfs; package provide vfs::sqlar 1.0}
package ifneeded vfs::mk4 1.10.1 {package require vfs; package provide vfs::mk4 1.10.1}
package ifneeded vfs::zip 1.0.4 {package require vfs; package provide vfs::zip 1.0.4}
package ifneeded mk4vfs 1.10.1 {package require vfs::mk4; package provide mk4vfs 1.10.1}
