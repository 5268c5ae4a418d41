# SPDX-License-Identifier: MIT
#
# safe.tcl: what Tcl's Safe Base leaves open. Appended to the library's safe.tcl when the runtime is put together
# (assemble.tcl), so whoever loads that gets both; names, aliases, results and error codes stay as they are.
#
#     1. -errorstack and [info errorstack] of an error in an alias told its real arguments, and so real paths.
#     2. So did the message of [load].
#     3. ::tcl::encoding::system, which the alias [encoding] guards, was there to be called by its own name, and set
#        the system encoding of the whole process. Of its sisters, convertfrom and convertto are still there to be
#        called so.
#     4. tm.tcl left the path in the module path under which Debian has built Tcl.
#
# The Safe Base of Tcl 8.0 to 8.3 sourced files of harmless names alone: at most 14 characters, one dot, and .tcl at
# the end, or tclIndex. Since 8.4 any name will do, and modules (.tm) need it; with ::safe::strictNames 1 the rule
# holds again.
#
# That [clock] sourced a file anywhere is mended in clock.tcl.

# ::safe::Seal --
#
#	Runs the procedure of an alias, and takes out of its errors what belongs to the parent.

proc ::safe::Seal {procedure child args} {
    set code [catch {$procedure $child {*}$args} result options]
    if {$code != 1} {
	return -level 2 -options [dict incr options -level 2] $result
    }
    namespace upvar ::safe [VarName $child] state
    if {[info exists state]} {
	# Longer paths first: one may be below another.
	set map {}
	foreach dir [lsort -decreasing [concat $state(access_path) $state(access_path,norm)]] {
	    if {[string match /?* $dir]} {
		set at [lsearch -exact $state(access_path) $dir]
		if {$at < 0} {
		    set at [lsearch -exact $state(access_path,norm) $dir]
		}
		lappend map $dir [PathToken $at]
	    }
	}
	set result [string map $map $result]
    }
    return -level 2 -code error -errorcode [dict get $options -errorcode] -errorstack {} $result
}

foreach ::safe::name {AliasGlob AliasLoad AliasSource} {
    # Who sources the file again gets the library's again.
    catch {rename ::safe::Unsealed$::safe::name ""}
    rename ::safe::$::safe::name ::safe::Unsealed$::safe::name
    # With the same parameters: they are in the messages for wrong numbers of arguments.
    set ::safe::parameters [info args ::safe::Unsealed$::safe::name]
    proc ::safe::$::safe::name $::safe::parameters [string map {$args {{*}$args}} \
	"Seal Unsealed$::safe::name \$[join $::safe::parameters { $}]"]
}
unset ::safe::name ::safe::parameters

# A name of an encoding is a part of the name of a file to Tcl.

catch {rename ::safe::LibraryAliasEncoding ""}
rename ::safe::AliasEncoding ::safe::LibraryAliasEncoding
proc ::safe::AliasEncoding {child option args} {
    if {[llength $args] == 2 && [string match */* [lindex $args 0]]} {
	set message "unknown encoding \"[lindex $args 0]\""
	Log $child $message
	return -code error -errorcode [list TCL LOOKUP ENCODING [lindex $args 0]] $message
    }
    tailcall LibraryAliasEncoding $child $option {*}$args
}

namespace eval ::safe {
    variable strictNames
    if {![info exists strictNames]} {
	set strictNames 0
    }
}

catch {rename ::safe::LibraryCheckFileName ""}
rename ::safe::CheckFileName ::safe::LibraryCheckFileName
proc ::safe::CheckFileName {child file} {
    variable strictNames

    set tail [file tail $file]
    if {$strictNames && $tail ne "tclIndex"} {
	if {[string length $tail] > 14} {
	    return -code error "name of more than 14 characters"
	} elseif {[regexp -all {\.} $tail] > 1} {
	    return -code error "name with more than one dot"
	} elseif {[file extension $tail] ne ".tcl"} {
	    return -code error "name without .tcl at its end"
	}
    }
    LibraryCheckFileName $child $file
}

catch {rename ::safe::LibraryInterpInit ""}
rename ::safe::InterpInit ::safe::LibraryInterpInit
proc ::safe::InterpInit {child accessPath staticsOk nestedOk deleteHook} {
    LibraryInterpInit $child $accessPath $staticsOk $nestedOk $deleteHook
    # Not as an alias: they can be listed.
    ::interp eval $child [list ::proc ::tcl::encoding::system {} [list return [encoding system]]]
    ::interp eval $child {
	::apply {{} {
	    foreach path [::tcl::tm::path list] {
		if {![string match {$p(:*} $path]} {
		    ::tcl::tm::path remove $path
		}
	    }
	}}
    }
    return $child
}
