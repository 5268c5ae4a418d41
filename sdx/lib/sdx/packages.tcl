# SPDX-License-Identifier: MIT
#
# packages.tcl: records the package index of a tree at wrap time, so that [package require] in the kit looks up one
# record instead of searching folders and evaluating every pkgIndex.tcl. Runs in any tclsh 8.6: the build uses it too.
#
# A row is {name version folder module}:
#	{json 1.3.4 lib/json {}}                 lib/json/pkgIndex.tcl registers json 1.3.4
#	{{} {} lib/tcllib {}}                    lib/tcllib/pkgIndex.tcl must always be sourced
#	{http 2.9.8 lib/tcl8/8.6 lib/tcl8/8.6/http-2.9.8.tm}
#	                                         a module, as seen with the module path lib/tcl8/8.6
#
# Rules:
# 1. A row only says where to look; the kit still runs the pkgIndex.tcl or the module itself.
# 2. An index is evaluated in a safe interpreter that has the pure commands of Tcl and nothing else: no variable of the
#    environment, no file, no catch. Whatever asks for more, fails, leaves a global variable (tcllib's extends auto_path)
#    or registers nothing may do otherwise where the kit runs, and so must always be sourced.
# 3. A program may put any folder on auto_path or on the module path: indices and modules are recorded wherever they are,
#    modules once for every folder above them that could be on the module path.
# 4. Links may lead out of the tree, where nothing is looked at, and by exponentially many ways to the same. Where there are
#    too many, nothing is recorded, and the kit searches.
# 5. A tree may be hostile: tclkit evaluates its indices in a process of their own.

namespace eval ::sdx::packages {
    # What an index may use, besides [package], [file] and [info] as Evaluator restricts them.
    variable pureCommands {
	append break concat continue dict error eval expr for foreach format if incr join lappend lassign lindex linsert
	list llength lmap lrange lrepeat lreplace lreverse lsearch lset lsort regexp regsub return scan set split string
	subst switch unset while
    }

    # An index that runs longer is taken for one that does not end.
    variable limitSeconds 2

    # Of processes that evaluate all indices, or one of them, and of all of them together: those that come later must
    # always be sourced.
    variable limitAllSeconds 5
    variable limitTogetherSeconds 10
    variable limitBytes 268435456

    # A larger index is not read.
    variable indexBytesMax 1048576

    # Dict: what an index has [package ifneeded] evaluate, by {name version folder}; of the last tree. The folder is seen
    # as /kit/FOLDER.
    variable scripts {}

    # Indices, modules and links seen by all paths.
    variable waysMax 100000

    # A record with a tab: nothing is recorded then (vfs/archive/packages.h).
    variable unrecorded [list \t 0 {} {}]

    # The name of a module file, seen from its module path (as in tm.tcl).
    variable modulePattern {^([_[:alpha:]][:_[:alnum:]]*)-([[:digit:]].*)[.]tm$}
}

# ::sdx::packages::Record --
#
#	Records the packages of a tree.
#
# Arguments:
#	entries -	Members as starlit::archive create takes them.
#	links -		Names of the members that are symbolic links: folders behind them are searched too.
#
# Results:
#	The rows, sorted. Where links make too many ways to list them all, one more row keeps the archive from having a
#	record: packages are searched for then, as ever.

proc ::sdx::packages::Record {entries links} {
    variable unrecorded
    variable scripts {}

    set indices {}
    set rows {}
    set seen [expr {[llength $links] ? [BehindLinks $entries $links] : $entries}]
    if {$seen eq "endless"} {
	set seen $entries
	lappend rows $unrecorded
    }
    foreach entry $seen {
	set name [lindex $entry 0]
	if {[string match *.tm $name]} {
	    lappend rows {*}[ModuleRows $name]
	} elseif {$name eq "pkgIndex.tcl" || [string match */pkgIndex.tcl $name]} {
	    lappend indices [Index $entry]
	}
    }
    if {[llength $indices] == 0} {
	return [lsort $rows]
    }
    lassign [Evaluated $indices] found scripts
    return [lsort -unique [concat $rows $found]]
}

# ::sdx::packages::Index --
#
#	The folder of a pkgIndex.tcl and its text; no text where that cannot be read.

proc ::sdx::packages::Index {entry} {
    lassign $entry name type content
    set folder [file dirname $name]
    if {$folder eq "."} {
	set folder ""
    }
    if {$type eq "file" && [catch {ReadScript $content} content]} {
	return [list $folder]
    }
    return [list $folder $content]
}

# ::sdx::packages::Evaluated --
#
#	The rows of indices, and the scripts of what they register: all at once, or, where that fails, one by one.

proc ::sdx::packages::Evaluated {indices} {
    variable limitSeconds
    variable limitAllSeconds
    variable limitTogetherSeconds

    if {[llength [::info commands ::starlit::confined]] == 0} {
	return [Rows $indices]
    }
    try {
	return [Confined $limitAllSeconds $indices]
    } trap POSIX {} {
	# No process can be made, as in a jail, which has limits of its own.
	return [Rows $indices]
    } on error {} {
    }
    set rows {}
    set scripts {}
    set end [expr {[clock seconds] + $limitTogetherSeconds}]
    foreach index $indices {
	set found [list [Always [lindex $index 0]] {}]
	if {[clock seconds] < $end} {
	    catch {set found [Confined $limitSeconds [list $index]]}
	}
	lappend rows {*}[lindex $found 0]
	lappend scripts {*}[lindex $found 1]
    }
    return [list $rows $scripts]
}

proc ::sdx::packages::Confined {seconds indices} {
    variable limitBytes

    return [::starlit::confined $seconds $limitBytes [list ::sdx::packages::Rows $indices]]
}

# ::sdx::packages::Always --
#
#	The row of an index that must always be sourced.

proc ::sdx::packages::Always {folder} {
    return [list [list {} {} $folder {}]]
}

# ::sdx::packages::Rows --
#
#	Evaluates indices.

proc ::sdx::packages::Rows {indices} {
    set rows {}
    set scripts {}
    set interp [Evaluator]
    try {
	foreach index $indices {
	    set folder [lindex $index 0]
	    if {[llength $index] == 1 || [catch {IndexRows $interp {*}$index} found]} {
		lappend rows {*}[Always $folder]
		if {[catch {interp eval $interp ::sdx::Result}]} {
		    # What it has left behind is in the way of the next.
		    interp delete $interp
		    set interp [Evaluator]
		}
		continue
	    }
	    foreach registered $found {
		lassign $registered package version script
		lappend rows [list $package $version $folder {}]
		lappend scripts [list $package $version $folder] $script
	    }
	}
    } finally {
	interp delete $interp
    }
    return [list $rows $scripts]
}

# ::sdx::packages::IndexRows --
#
#	What one index registers: a list of {name version script}. That it must always be sourced is an error.

proc ::sdx::packages::IndexRows {interp folder text} {
    variable limitSeconds

    interp limit $interp time -seconds [expr {[clock seconds] + $limitSeconds}]
    try {
	interp eval $interp [list Evaluate /kit/$folder $text]
    } finally {
	interp limit $interp time -seconds {}
    }
    set registered [interp eval $interp ::sdx::Result]
    if {[llength $registered] == 0} {
	error "nothing registered"
    }
    foreach one $registered {
	if {[llength $one] != 3} {
	    error "not as it was registered"
	}
	package vcompare [lindex $one 1] 0
    }
    return $registered
}

# ::sdx::packages::ReadScript --
#
#	The text of a file as [source] reads it. A link may lead to what has no end, or never begins.

proc ::sdx::packages::ReadScript {path} {
    variable indexBytesMax

    if {![file isfile $path] || [file size $path] > $indexBytesMax} {
	error "not an index"
    }
    set channel [open $path]
    try {
	fconfigure $channel -eofchar \x1a
	return [read $channel]
    } finally {
	close $channel
    }
}

# ::sdx::packages::Evaluator --
#
#	Creates the interpreter of rule 2. In it, Evaluate runs an index; ::sdx::Result then gives the list of
#	{name version script} registered, or an empty one when the index has set a global variable, and forgets it all.

proc ::sdx::packages::Evaluator {} {
    variable pureCommands

    set interp [interp create -safe]
    interp eval $interp [list set pureCommands $pureCommands]
    # Those that only take paths apart: a safe interpreter has no [file].
    foreach subcommand {dirname extension join rootname split tail} {
	interp alias $interp ::sdx::file::$subcommand {} ::file $subcommand
    }
    interp eval $interp {
	namespace eval ::sdx {
	    variable log {}
	    foreach command {global info package} {
		rename ::$command ::sdx::$command
	    }
	    proc Result {} {
		set result $::sdx::log
		set ::sdx::log {}
		set globals [::sdx::info globals]
		if {$globals ne ""} {
		    unset -nocomplain -- {*}[lmap name $globals {string cat :: $name}]
		    return
		}
		return $result
	    }
	}
	namespace eval ::sdx::file {
	    namespace export *
	    namespace ensemble create -command ::file
	}
	# The namespace and the variables that an index sees in tclPkgUnknown.
	proc Evaluate {dir script} {
	    ::sdx::global auto_path env
	    eval $script
	}
	proc info {subcommand} {
	    if {$subcommand ni {patchlevel tclversion}} {
		error "not recorded: info $subcommand"
	    }
	    ::sdx::info $subcommand
	}
	proc package {subcommand args} {
	    if {$subcommand eq "ifneeded" && [llength $args] == 3} {
		::sdx::package vcompare [lindex $args 1] 0
		lappend ::sdx::log $args
	    } elseif {$subcommand in {vcompare vsatisfies}
		    || ($subcommand in {present require} && [lindex $args 0] eq "Tcl")
		    || ($subcommand eq "provide" && $args eq "Tcl")} {
		::sdx::package $subcommand {*}$args
	    } else {
		error "not recorded: package $subcommand"
	    }
	}
	foreach command [::sdx::info commands] {
	    if {$command ni $pureCommands && $command ni {file info package proc rename Evaluate}} {
		rename $command {}
	    }
	}
	rename proc {}
	rename rename {}
	::sdx::Result
    }
    return $interp
}

# ::sdx::packages::ModuleRows --
#
#	The rows of one module file, for every folder above it.

proc ::sdx::packages::ModuleRows {name} {
    variable modulePattern

    set parts [split $name /]
    set rows {}
    for {set n 0} {$n < [llength $parts]} {incr n} {
	if {[regexp -- $modulePattern [join [lrange $parts $n end] ::] - package version]
		&& ![catch {package vcompare $version 0}]} {
	    lappend rows [list $package $version [join [lrange $parts 0 $n-1] /] $name]
	}
    }
    return $rows
}

# ::sdx::packages::Link --
#
#	A name in a tree as links.tcl looks at it; a folder that is only implied is there, too.
#
# Arguments:
#	targets -	Dict: the tree's links and their targets.
#	names -		All names in the tree, sorted.

proc ::sdx::packages::Link {targets names name} {
    if {[dict exists $targets $name]} {
	return [list [dict get $targets $name]]
    }
    if {![IsThere $name $names]} {
	error "no such name"
    }
    return {}
}

# ::sdx::packages::IsThere --
#
#	Whether a tree has a name, or names below it.

proc ::sdx::packages::IsThere {name names} {
    if {[lsearch -sorted -exact $names $name] >= 0} {
	return 1
    }
    # Names that imply a folder are not all listed: one of 4000 letters may imply 2000.
    set next [lindex $names [expr {[lsearch -sorted -bisect $names $name/] + 1}]]
    return [string equal -length [expr {[string length $name] + 1}] $name/ $next]
}

# ::sdx::packages::BehindLinks --
#
#	The indices and modules of a tree, also those that are seen through symbolic links to folders, under their names
#	seen that way. A cycle is followed until it comes back to a folder that a link on the way has led to.
#
# Results:
#	Entries. "endless" where the links make too many ways.

proc ::sdx::packages::BehindLinks {entries links} {
    variable waysMax

    ::sdx::Load links
    set paths {}
    foreach entry $entries {
	dict set paths [lindex $entry 0] $entry
    }
    set all [lsort [dict keys $paths]]
    set targets {}
    foreach link $links {
	# A target that begins with a tilde comes with ./ in front.
	dict set targets $link [regsub {^\./~} [file readlink [lindex [dict get $paths $link] 2]] ~]
    }
    # What is looked for, and what leads on.
    set names [lsort [concat [dict keys $targets] [dict keys $paths pkgIndex.tcl] [dict keys $paths */pkgIndex.tcl] \
	    [dict keys $paths *.tm]]]
    set found {}
    set ways 0
    set queue [list [list "" "" {}]]
    for {set i 0} {$i < [llength $queue]} {incr i} {
	lassign [lindex $queue $i] seen folder passed
	lappend passed $folder
	set prefix [expr {$folder eq "" ? "" : "$folder/"}]
	set length [string length $prefix]
	set at [lsearch -sorted -bisect $names $prefix]
	while {[incr at] < [llength $names] && [string equal -length $length [set name [lindex $names $at]] $prefix]} {
	    set where $seen[string range $name $length end]
	    if {[incr ways] > $waysMax} {
		return endless
	    }
	    if {![dict exists $targets $name]} {
		lappend found [lreplace [dict get $paths $name] 0 0 $where]
		continue
	    }
	    # Nothing outside of the tree is looked at: there it is another file on each machine, and none in a kit.
	    lassign [::sdx::links::Resolve $name 1 [list ::sdx::packages::Link $targets $all]] target fault
	    if {$fault ne "" || $target in $passed} {
		continue
	    }
	    if {![dict exists $paths $target] || [lindex [dict get $paths $target] 1] eq "directory"
		    || [file isdirectory [lindex [dict get $paths $target] 2]]} {
		lappend queue [list $where/ $target $passed]
	    } elseif {$name eq "pkgIndex.tcl" || [string match */pkgIndex.tcl $name] || [string match *.tm $name]} {
		lappend found [lreplace [dict get $paths $target] 0 0 $where]
	    }
	}
    }
    return $found
}
