# SPDX-License-Identifier: MIT
#
# clock.tcl: the library's clock.tcl with the runtime's own time zones in front of the host's. Sourced by init.tcl's stubs,
# which boot.tcl points at this folder, on the first [clock format], [clock scan] or [clock add].
#
# The zones are TZif files (RFC 8536) in <library>/zoneinfo. They come first, so that the answer is the same on every
# host, and the same without one. Only the host's own setting, /etc/localtime, is still the host's.

source -encoding utf-8 [file join [info library] clock.tcl]
set ::tcl::clock::ZoneinfoPaths [linsert $::tcl::clock::ZoneinfoPaths 0 [file join [info library] zoneinfo]]

# A locale names a file that is sourced here, also when a safe interpreter asks, whose [clock] is an alias of this one.
# msgcat refuses such a name where one is set, but clock.tcl takes another way: `-locale ../../../app.kit/x` would source
# x.msg of that kit.
catch {rename ::tcl::clock::EnterAnyLocale ""}
rename ::tcl::clock::EnterLocale ::tcl::clock::EnterAnyLocale
proc ::tcl::clock::EnterLocale {locale} {
    if {$locale ne [file tail $locale]} {
	return -code error -errorcode [list CLOCK badLocale $locale] "locale \"$locale\" not found"
    }
    tailcall EnterAnyLocale $locale
}
