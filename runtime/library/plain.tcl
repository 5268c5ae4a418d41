# SPDX-License-Identifier: MIT
#
# plain.tcl: runs a plain archive, which has no header that could say so, as a kit. Its path is argv0.

info script $::argv0
package require starkit
starkit::header sqlar -readonly
