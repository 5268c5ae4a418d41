# SPDX-License-Identifier: MIT
#
# boot.tcl: what a trusted interpreter needs so that it sees the runtime and nothing of the host's Tcl, and finds packages
# by record instead of by search. Evaluated in every such interpreter, on every start, behind the snapshot of Debian's
# init.tcl (runtime/snapshot.tcl). boot.cpp has set ::starlit::home, where the runtime's own archive is mounted, and
# tcl_library before.
#
# Rules:
# 1. It defines, and loads nothing: every line here is paid for by every start.
# 2. Its own folder holds tm.tcl and clock.tcl, which stand in front of the library's files of those names.
# 3. A complete record answers a request for a package, also that there is none (tcllib asks for its C part, tcllibc,
#    again and again). Where there is no complete record, Tcl's own handlers search as ever, unchanged.
# 4. A search makes all packages known, a record only those asked for. Who asks what is known ([package names],
#    [package versions]) after a record has answered gets the search first, and so the classic answer.
#
# Known difference from a search: where two folders register the same version of a package with different scripts,
# the later folder in search order wins among those that the record names for one request, not among all.

# The folder of this file.
set ::starlit::bootLibrary $::starlit::home/lib/starlit

# Whether a record has answered since the last search: BeforePackage is then a trace on [package].
set ::starlit::answered 0

# The runtime's own library: not TCLLIBPATH, not ../lib beside the executable, not the path compiled into Tcl, which
# tcl_pkgPath tells until here (tclvars(3tcl)).
set ::tcl_pkgPath [list $::starlit::home/lib]
set ::auto_path [list $::tcl_library $::starlit::home/lib]
encoding dirs [list $::tcl_library/encoding]

# Known without any index, because every kit's header asks for it.
package ifneeded starkit 1.3.3 [list source $::starlit::home/lib/starkit/starkit.tcl]

# Linked in: nothing of it runs before it is asked for.
package ifneeded sqlite3 $::starlit::sqlite {load {} Sqlite3}
package ifneeded safekit $::starlit::version [list package provide safekit $::starlit::version]

# clock.tcl is sourced by init.tcl's stubs from this folder, on the first [clock format], [clock scan] or [clock add].
set ::tcl::clock::TclLibDir $::starlit::bootLibrary

# Stubs for the commands of tm.tcl, as tclIndex lists them: the first call of any of them sources tm.tcl, which defines
# them all. They make auto_load and its reading of tclIndex unnecessary (about 2 ms).
namespace eval ::tcl::tm {}
proc ::starlit::LoadModules {} {
    uplevel #0 [list source $::starlit::bootLibrary/tm.tcl]
}
proc ::tcl::tm::path args {::starlit::LoadModules; tailcall {*}[info level 0]}
proc ::tcl::tm::add args {::starlit::LoadModules; tailcall {*}[info level 0]}
proc ::tcl::tm::remove args {::starlit::LoadModules; tailcall {*}[info level 0]}
proc ::tcl::tm::list args {::starlit::LoadModules; tailcall {*}[info level 0]}
proc ::tcl::tm::roots args {::starlit::LoadModules; tailcall {*}[info level 0]}
proc ::tcl::tm::Defaults args {::starlit::LoadModules; tailcall {*}[info level 0]}
proc ::tcl::tm::UnknownHandler args {::starlit::LoadModules; tailcall {*}[info level 0]}

# So that a search does not read tclIndex either.
set ::auto_index(tclPkgUnknown) [list source [file join $::tcl_library package.tcl]]

# ::starlit::PackageUnknown --
#
#	The [package unknown] handler: makes the requested package known from the records of the mounted archives
#	(starlit::package_index), by sourcing the pkgIndex.tcl files and registering the modules that provide it.
#
# Arguments:
#	original -	The handler that this one stands in front of; called where the record is not complete for the
#			present paths.
#	name -		Name of the package.
#	args -		Requirements, as [package unknown] passes them.

proc ::starlit::PackageUnknown {original name args} {
    global auto_path
    variable answered

    if {[info exists ::tcl::tm::paths]} {
	set modulePaths $::tcl::tm::paths
    } else {
	set modulePaths [ModulePaths]
    }
    # An index may extend auto_path (tcllib's does): look again until it stays.
    while {![info exists oldPath] || $auto_path ne $oldPath} {
	if {[catch {package_index find $name $auto_path $modulePaths} found] || ![dict get $found complete]} {
	    tailcall {*}$original $name {*}$args
	}
	set oldPath $auto_path
	# As in tcl::tm::UnknownHandler, indices are looked at only where no module satisfies.
	if {![RegisterModules $name $args [dict get $found modules]]} {
	    SourceIndices [dict get $found indexes]
	}
    }
    set traced $answered
    # This question is ours: not one that BeforePackage has to search for.
    set answered 0
    set known [package versions $name]
    set answered $traced
    if {$known eq "" && [dict get $found indexes] ne [dict get [package_index find "" $auto_path $modulePaths] indexes]} {
	# Its index has been sourced before, and the package forgotten since.
	tailcall {*}$original $name {*}$args
    }
    if {!$answered} {
	set answered 1
	trace add execution ::package enter [list ::starlit::BeforePackage $original]
    }
}

# ::starlit::BeforePackage --
#
#	Trace on [package] since a record has answered: searches before what is known can be asked.
#
# Arguments:
#	original -	The search.
#	words -		The command that is about to run.

proc ::starlit::BeforePackage {original words operation} {
    variable answered

    if {$answered && [string match {[nv]*} [lindex $words 1]]
	    && [lindex $words 1] in {n na nam name names ve ver vers versi versio version versions}} {
	trace remove execution ::package enter [list ::starlit::BeforePackage $original]
	set answered 0
	# The handler searches everything, whatever the name.
	uplevel #0 $original [list "" 0-]
    }
}

# ::starlit::ModulePaths --
#
#	The module paths that tm.tcl would set up, in its order, without loading it.

proc ::starlit::ModulePaths {} {
    regexp {^(\d+)\.(\d+)} [package provide Tcl] - major minor
    set root [file normalize [file join [file dirname [info library]] tcl$major]]
    set paths [list $root/site-tcl]
    for {set n 0} {$n <= $minor} {incr n} {
	lappend paths $root/$major.$n
    }
    return $paths
}

# ::starlit::RegisterModules --
#
#	Registers modules exactly as tcl::tm::UnknownHandler does; a version that is registered already stays.
#
# Arguments:
#	name -		Name of the package.
#	requirements -	Those of the request.
#	modules -	List of {version file}.
#
# Results:
#	Whether one of the modules fulfils the requirements.

proc ::starlit::RegisterModules {name requirements modules} {
    set satisfied 0
    foreach module $modules {
	lassign $module version file
	if {[package ifneeded $name $version] eq ""} {
	    package ifneeded $name $version \
		"[list package provide $name $version];[list source -encoding utf-8 $file]"
	}
	if {[package vsatisfies $version {*}$requirements]} {
	    set satisfied 1
	}
    }
    return $satisfied
}

# ::starlit::SourceIndices --
#
#	Sources the pkgIndex.tcl of each folder that has not been sourced in this interpreter, in the order given, with
#	[dir] set and errors treated as tclPkgUnknown does.

proc ::starlit::SourceIndices {dirs} {
    variable sourcedIndex

    foreach dir $dirs {
	if {[info exists sourcedIndex($dir)] || ![file exists [file join $dir pkgIndex.tcl]]} {
	    continue
	}
	# Also when it fails, or an index that fails after it has extended auto_path would never let the search end.
	set sourcedIndex($dir) 1
	try {
	    # The namespace and the variables that an index sees in tclPkgUnknown.
	    apply {dir {
		global auto_path env
		source [file join $dir pkgIndex.tcl]
	    }} $dir
	} trap {POSIX EACCES} {} {
	    # Not readable: silently ignored.
	} on error message {
	    tclLog "error reading package index file [file join $dir pkgIndex.tcl]: $message"
	}
    }
}

package unknown {::starlit::PackageUnknown {::tcl::tm::UnknownHandler ::tclPkgUnknown}}
