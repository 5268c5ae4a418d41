# SPDX-License-Identifier: MIT
#
# plain.tcl: runs an archive that has no header which could say how, as a kit; or what is in a starpack, such as one for
# another machine. Its path is argv0.

info script $::argv0
package require starkit
apply {{path} {
    set channel [open $path rb]
    set magic [read $channel 2]
    close $channel
    switch -- $magic {
	PK {set driver zip}
	JL - LJ {set driver mk4}
	\x7fE {
	    set format [dict get [starlit::archive info $path] format]
	    set driver [dict get {starpack sqlar runtime sqlar zip zip metakit mk4} $format]
	}
	default {set driver sqlar}
    }
    uplevel #0 [list starkit::header $driver -readonly]
}} $::argv0
