# SPDX-License-Identifier: MIT
#
# sdx: packs Tcl applications into kits and starpacks, and looks into them. The program is package sdx and its shell
# form; a script that sources this file, or the kit, gets the package alone.

package require starkit
if {[starkit::startup] eq "sourced"} {
    package require sdx
    return
}
package require sdx
::sdx::Load shell
exit [::sdx::Main $argv]
