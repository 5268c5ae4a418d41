# SPDX-License-Identifier: MIT
#
# mkjail.tcl: the package. How a root comes about:
#
#	programs, options
#	  |  plan.tcl        what has to be in the root, and why; asks
#	  |    host.tcl      what the host has at a path, links followed by our own rules
#	  |    elf.tcl       what an ELF file says that it needs
#	  |    loader.tcl    where the dynamic linker would find it
#	  |    rules.tcl     what programs open at run time, which no header tells
#	  v    etc.tcl       files that are written, not copied
#	a dict: path -> entry (see plan.tcl)
#	  |  tree.tcl        makes, checks, renews, removes it below ROOT
#	  |  manifest.tcl    writes it down beside ROOT
#	  v  units.tcl       says how to run it: safekit, systemd, OCI
#
# Errors have an -errorcode {MKJAIL ...}: {MKJAIL USAGE}, {MKJAIL ABSENT} (nothing is there), {MKJAIL ELF} (a damaged
# file), {MKJAIL REFUSED}.

package require Tcl 8.6

namespace eval ::mkjail {
    variable version 1.0
    variable library [file dirname [file normalize [info script]]]
    variable templates [file join [file dirname [file dirname $library]] templates]
}

# ::mkjail::Fail --
#
#	Raises an error of this kind.

proc ::mkjail::Fail {kind message} {
    return -code error -errorcode [list MKJAIL $kind] $message
}

# ::mkjail::Note --
#
#	Tells what is no error but should be known.

proc ::mkjail::Note {message} {
    puts stderr "mkjail: note: [Printable $message]"
}

# ::mkjail::Printable --
#
#	A text on one line, whatever names a file brought along.

proc ::mkjail::Printable {text} {
    set printable ""
    foreach character [split $text ""] {
	scan $character %c code
	append printable [expr {$code < 32 || ($code >= 127 && $code < 160) ? [format \\x%02x $code] : $character}]
    }
    return $printable
}

foreach ::mkjail::file {host elf loader ldcache etc rules plan manifest tree json units} {
    source -encoding utf-8 [file join $::mkjail::library $::mkjail::file.tcl]
}
package provide mkjail $::mkjail::version
