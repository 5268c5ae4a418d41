# SPDX-License-Identifier: MIT
#
# snapshot.tcl: what Debian's init.tcl leaves in an interpreter, as a script that only defines. Used by assemble.tcl.
#
# Starting from init.tcl itself costs half of a start: most of it is compiling its conditions for other systems. Only its
# procedures are needed, as the runtime sets the paths it would compute. The snapshot is taken from an interpreter of the
# host's Tcl of the same version after its Tcl_Init; a test compares the two.

namespace eval ::snapshot {}

# ::snapshot::Script --
#
#	Results:
#	A script that defines all procedures of a fresh interpreter, in their namespaces, with the exports of the latter.

proc ::snapshot::Script {} {
    set interp [interp create]
    try {
	return [NamespaceScript $interp ::]
    } finally {
	interp delete $interp
    }
}

proc ::snapshot::NamespaceScript {interp namespace} {
    set script {}
    set names [$interp eval [list info procs [string trimright $namespace :]::*]]
    foreach name [lsort $names] {
	append script [ProcScript $interp ::[string trimleft $name :]] \n
    }
    # The only exports of init.tcl.
    if {$namespace eq "::tcl::mathfunc"} {
	append script {namespace eval ::tcl::mathfunc {namespace export min max}} \n
    }
    foreach child [lsort [$interp eval [list namespace children $namespace]]] {
	append script [NamespaceScript $interp $child]
    }
    return $script
}

proc ::snapshot::ProcScript {interp name} {
    set parameters {}
    foreach parameter [$interp eval [list info args $name]] {
	if {[$interp eval [list info default $name $parameter ::snapshotDefault]]} {
	    lappend parameters [list $parameter [$interp eval {set ::snapshotDefault}]]
	} else {
	    lappend parameters [list $parameter]
	}
    }
    $interp eval {unset -nocomplain ::snapshotDefault}
    return [list proc $name $parameters [$interp eval [list info body $name]]]
}
