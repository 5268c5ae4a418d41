# SPDX-License-Identifier: MIT
#
# index.tcl: the package index of an archive that is there, found out anew after it was changed.

::sdx::Load entries
::sdx::Load members
::sdx::Load packages

namespace eval ::sdx::index {
    # How often to look again when others change the archive meanwhile.
    variable attempts 3
}

# ::sdx::index::Packages --
#
#	Finds the packages in an archive.
#
# Results:
#	A list of two, as starlit::archive index takes them: the state of the archive that was looked at, and the packages.

proc ::sdx::index::Packages {kit} {
    set counter [dict get [::starlit::archive info $kit] counter]
    set kit [::sdx::entries::Plain $kit]
    ::sdx::members::Mounted $kit point {
	set members [::sdx::members::List $kit 1]
	set entries [lmap name [dict keys $members] {list $name file $point/$name}]
	return [list $counter [::sdx::packages::Record $entries [::sdx::members::Links $members]]]
    }
}

# ::sdx::index::Renew --
#
#	Records the package index of an archive anew, if it has one. Where others change the archive again and again it stays
#	as they leave it: packages are found without an index too.

proc ::sdx::index::Renew {kit} {
    variable attempts

    if {![dict get [::starlit::archive info $kit] indexed]} {
	return
    }
    for {set i 0} {$i < $attempts} {incr i} {
	try {
	    ::starlit::archive index $kit {*}[Packages $kit]
	    return
	} trap {STARLIT CHANGED} {} {
	}
    }
}
