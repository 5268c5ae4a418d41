# SPDX-License-Identifier: MIT
#
# plain.tcl: runs an archive that has no header which could say how, as a kit. Its path is argv0.

info script $::argv0
package require starkit
apply {{path} {
    set channel [open $path rb]
    set magic [read $channel 2]
    close $channel
    switch -- $magic {
	PK {set driver zip}
	JL - LJ {set driver mk4}
	default {set driver sqlar}
    }
    uplevel #0 [list starkit::header $driver -readonly]
}} $::argv0
