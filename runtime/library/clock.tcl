# SPDX-License-Identifier: MIT
#
# clock.tcl: the library's clock.tcl with the runtime's own time zones in front of the host's. Sourced by init.tcl's stubs,
# which boot.tcl points at this folder, on the first [clock format], [clock scan] or [clock add].
#
# The zones are TZif files (RFC 8536) in <library>/zoneinfo. They come first, so that the answer is the same on every
# host, and the same without one. Only the host's own setting, /etc/localtime, is still the host's.

source -encoding utf-8 [file join [info library] clock.tcl]
set ::tcl::clock::ZoneinfoPaths [linsert $::tcl::clock::ZoneinfoPaths 0 [file join [info library] zoneinfo]]
