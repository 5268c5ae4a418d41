# SPDX-License-Identifier: MIT
#
# closure.tcl: which packages a tree asks for, where they come from, and which are missing. It begins with main.tcl and
# follows what that requires and sources; nothing is run but the pkgIndex.tcl files, as of packages.tcl.
#
# Rules:
# 1. A package is met by the tree, by the runtime, or by a script of the tree that provides it and that is reached.
# 2. It is missing when none has it in a version that was asked for. Where an index could not be evaluated and speaks of
#    it, or it is asked for where that is not seen to run, it is not said to be missing.
# 3. What is told of packages that nobody requires is an advice: a name may be made up while the program runs.

::sdx::Load members
::sdx::Load packages
::sdx::Load scan

namespace eval ::sdx::closure {
    # A larger script is not read.
    variable bytesMax 4194304

    variable entries	;# dict: member name -> entry as starlit::archive create takes it
    variable byLast	;# dict: last part of a name -> names
    variable byFolder	;# dict: folder -> the scripts in it, not below it, but for indices
    variable providers	;# dict: package -> list of {version folder module}
    variable inRuntime	;# dict: package -> versions
    variable vague	;# dict: folder -> text of its index, which could not be evaluated
    variable looked	;# dict: folder -> 1 for those indices that have been scanned
    variable scanned	;# dict: script -> what scan.tcl finds in it
    variable certain	;# dict: script -> whether it is seen to run, and not guessed
    variable queue	;# scripts to be scanned: {name sure}
    variable provided	;# dict: package -> version, by scripts that were reached
    variable used	;# dict: {package version folder module} -> 1
}

# ::sdx::closure::Report --
#
#	Looks.
#
# Arguments:
#	members -	Entries as starlit::archive create takes them.
#	rows -		The package index of the tree, just made by packages.tcl.
#	runtime -	The packages in the runtime's archive, as starlit::archive packages gives them.
#	all -		Whether scripts are scanned too that main.tcl is not seen to reach.
#
# Results:
#	A dict:
#	    scripts	how many scripts were reached
#	    packages	list of {name version from}: what is required, and its folder or module, "runtime" or "script"
#	    missing	list of {name requirements script line what}; `what` is why: "" or the versions that there are
#	    optional	the same of what may be missing
#	    elsewhere	the same, in scripts that were not reached
#	    unknown	list of {script line text}: what is required under a name that is not known
#	    unused	list of {name version from} in the tree
#	    load	list of {script line text}: shared libraries that are loaded
#	    faults	list of {script line text}: scripts that are none
#	    search	whether anything that was reached calls starkit::startup or changes the search path

proc ::sdx::closure::Report {members rows runtime {all 0}} {
    variable entries {}
    variable byLast {}
    variable byFolder {}
    variable providers {}
    variable inRuntime [Runtime $runtime]
    variable vague {}
    variable looked {}
    variable scanned {}
    variable certain {}
    variable queue {}
    variable provided {}
    variable used {}

    foreach entry $members {
	set name [lindex $entry 0]
	dict set entries $name $entry
	dict lappend byLast [::sdx::members::Tail $name] $name
	if {[string match *.tcl $name] && ![string match *pkgIndex.tcl $name]} {
	    dict lappend byFolder [string range $name 0 [string last / $name]-1] $name
	}
    }
    foreach row $rows {
	lassign $row name version folder module
	if {$row eq $::sdx::packages::unrecorded} {
	    continue
	}
	if {$name eq ""} {
	    set index [expr {$folder eq "" ? "pkgIndex.tcl" : "$folder/pkgIndex.tcl"}]
	    dict set vague $folder [Text $index]
	} else {
	    dict lappend providers $name [list $version $folder $module]
	}
    }
    set found {}
    Reach main.tcl 1
    Follow found
    set reached [dict size $scanned]
    set search 0
    dict for {script records} $scanned {
	foreach record $records {
	    set search [expr {$search || [lindex $record 0] in {paths startup}}]
	}
    }
    set unused [Unused]
    set report [Judge $found]
    if {$all} {
	set found {}
	dict for {name entry} $entries {
	    if {[file extension $name] in {.tcl .tm} && [lindex $entry 1] ne "directory"} {
		Reach $name 0
	    }
	}
	Follow found
	set elsewhere [Judge $found]
	dict set report elsewhere [concat [dict get $elsewhere missing] [dict get $elsewhere optional]]
	foreach key {unknown faults load} {
	    dict set report $key [concat [dict get $report $key] [dict get $elsewhere $key]]
	}
    } else {
	dict set report elsewhere {}
    }
    return [dict merge [dict create scripts $reached] $report [dict create unused $unused search $search]]
}

# ::sdx::closure::Runtime --
#
#	The versions of a runtime's packages: of those that are linked in, which each interpreter that it creates has, and of
#	those in its archive.

proc ::sdx::closure::Runtime {rows} {
    set packages {}
    set interp [interp create]
    try {
	foreach name [interp eval $interp {package names}] {
	    dict lappend packages $name {*}[interp eval $interp [list package versions $name]] \
		{*}[interp eval $interp [list package provide $name]]
	}
    } finally {
	interp delete $interp
    }
    foreach row $rows {
	lassign $row name version
	dict lappend packages $name $version
    }
    return $packages
}

# ::sdx::closure::Vague --
#
#	Takes what it can from the indices that could not be evaluated and that speak of a package.

proc ::sdx::closure::Vague {name} {
    variable providers
    variable vague
    variable looked

    dict for {folder text} $vague {
	if {[dict exists $looked $folder] || [string first $name $text] < 0} {
	    continue
	}
	dict set looked $folder 1
	foreach record [::sdx::scan::Script $text] {
	    lassign $record kind - - package version
	    if {$kind eq "ifneeded" && ![catch {package vcompare $version 0}]} {
		dict lappend providers $package [list $version $folder {}]
	    }
	}
    }
}

# ::sdx::closure::Text --
#
#	The text of a member, as [source] reads it; empty where that is too large, or no file, or seen behind a link: it is
#	there by its own name too.

proc ::sdx::closure::Text {name} {
    variable entries
    variable bytesMax

    if {![dict exists $entries $name]} {
	return ""
    }
    lassign [dict get $entries $name] - type content
    if {$type eq "bytes"} {
	if {[string length $content] > $bytesMax} {
	    return ""
	}
	return [lindex [split [encoding convertfrom utf-8 $content] \x1a] 0]
    }
    if {$type ne "file" || [catch {file size $content} size] || $size > $bytesMax || ![file isfile $content]} {
	return ""
    }
    if {[catch {open $content} channel]} {
	# Whoever writes the archive tells.
	return ""
    }
    try {
	fconfigure $channel -encoding utf-8 -eofchar \x1a
	return [read $channel]
    } finally {
	close $channel
    }
}

# ::sdx::closure::Reach --
#
#	Notes that a script runs.
#
# Arguments:
#	sure -	Whether that is seen, and not guessed.

proc ::sdx::closure::Reach {name sure} {
    variable entries
    variable certain
    variable queue

    if {[dict exists $entries $name] && (![dict exists $certain $name] || (![dict get $certain $name] && $sure))} {
	dict set certain $name $sure
	lappend queue [list $name $sure]
    }
}

# ::sdx::closure::Follow --
#
#	Scans what is reached, and what that reaches.
#
# Arguments:
#	foundName -	Variable: gets a list of {script sure record}.

proc ::sdx::closure::Follow {foundName} {
    variable scanned
    variable queue
    variable provided
    upvar 1 $foundName found

    while {[llength $queue]} {
	set queue [lassign $queue next]
	lassign $next script sure
	if {![dict exists $scanned $script]} {
	    dict set scanned $script [::sdx::scan::Script [Text $script]]
	}
	foreach record [dict get $scanned $script] {
	    lassign $record kind line optional name version
	    lappend found [list $script [expr {$sure && !$optional}] $record]
	    switch -- $kind {
		require {
		    Use $name $version $sure
		}
		source {
		    Source $script $name $sure
		}
		provide - ifneeded {
		    dict lappend provided $name $version
		}
	    }
	}
    }
}

# ::sdx::closure::Best --
#
#	The best of the versions that fulfil requirements; empty where there is none.

proc ::sdx::closure::Best {versions requirements} {
    set best ""
    foreach version $versions {
	if {([llength $requirements] == 0 || (![catch {package vsatisfies $version {*}$requirements} good] && $good))
		&& ($best eq "" || [package vcompare $version $best] > 0)} {
	    set best $version
	}
    }
    return $best
}

# ::sdx::closure::Use --
#
#	Finds a package that is required, and reaches its scripts.

proc ::sdx::closure::Use {name requirements sure} {
    variable providers
    variable inRuntime
    variable used

    if {![dict exists $providers $name] && ![dict exists $inRuntime $name]} {
	Vague $name
    }
    if {![dict exists $providers $name]} {
	return
    }
    set rows [dict get $providers $name]
    set best [Best [lmap row $rows {lindex $row 0}] $requirements]
    if {$best eq "" || ([dict exists $inRuntime $name]
	    && [set other [Best [dict get $inRuntime $name] $requirements]] ne "" && [package vcompare $other $best] > 0)} {
	return
    }
    foreach row $rows {
	lassign $row version folder module
	if {$version ne $best || [dict exists $used [list $name {*}$row]]} {
	    continue
	}
	dict set used [list $name {*}$row] 1
	foreach script [Scripts $name $version $folder $module] {
	    Reach $script $sure
	}
    }
}

# ::sdx::closure::Scripts --
#
#	The scripts of a package: those that its index names, else all in its folder.

proc ::sdx::closure::Scripts {name version folder module} {
    variable entries

    if {$module ne ""} {
	return [list $module]
    }
    set key [list $name $version $folder]
    set scripts {}
    if {[dict exists $::sdx::packages::scripts $key]} {
	foreach path [regexp -all -inline {/kit/[^][\s{}"]+} [dict get $::sdx::packages::scripts $key]] {
	    set script [Normal [string range $path 5 end]]
	    if {[dict exists $entries $script] && ![catch {Text $script} text] && $text ne ""} {
		lappend scripts $script
	    }
	}
    }
    if {[llength $scripts]} {
	return $scripts
    }
    return [InFolder $folder]
}

# ::sdx::closure::InFolder --
#
#	The scripts in a folder, not below it.

proc ::sdx::closure::InFolder {folder} {
    variable byFolder

    return [expr {[dict exists $byFolder $folder] ? [dict get $byFolder $folder] : {}}]
}

# ::sdx::closure::Normal --
#
#	A name without "." and "..".

proc ::sdx::closure::Normal {name} {
    set done {}
    foreach part [split $name /] {
	switch -- $part {
	    "" - . {
	    }
	    .. {
		set done [lrange $done 0 end-1]
	    }
	    default {
		lappend done $part
	    }
	}
    }
    return [join $done /]
}

# ::sdx::closure::Source --
#
#	Reaches what a script sources: seen from its own folder, or from the root, or whatever ends so. Where nothing is
#	known of it, it may be anything in the folder.

proc ::sdx::closure::Source {script tails sure} {
    variable entries
    variable byLast

    set folder [string range $script 0 [string last / $script]-1]
    if {[llength $tails] == 0} {
	foreach other [InFolder $folder] {
	    Reach $other 0
	}
	return
    }
    foreach tail $tails {
	set tail [Normal $tail]
	set near [Normal $folder/$tail]
	if {[dict exists $entries $near]} {
	    Reach $near $sure
	} elseif {[dict exists $entries $tail]} {
	    Reach $tail $sure
	} elseif {[dict exists $byLast [::sdx::members::Tail $tail]]} {
	    set length [string length /$tail]
	    foreach name [dict get $byLast [::sdx::members::Tail $tail]] {
		if {[string range $name end-[expr {$length - 1}] end] eq "/$tail"} {
		    Reach $name $sure
		}
	    }
	}
    }
}

# ::sdx::closure::Unused --
#
#	The packages in the tree that nothing that was reached requires.

proc ::sdx::closure::Unused {} {
    variable providers
    variable used

    set unused {}
    dict for {name rows} $providers {
	foreach row $rows {
	    lassign $row version folder module
	    if {![dict exists $used [list $name {*}$row]]} {
		lappend unused [list $name $version [expr {$module eq "" ? $folder : $module}]]
	    }
	}
    }
    return [lsort -unique $unused]
}

# ::sdx::closure::Judge --
#
#	Tells what of what was found is missing.

proc ::sdx::closure::Judge {found} {
    variable providers
    variable inRuntime
    variable provided

    set report [dict create packages {} missing {} optional {} unknown {} load {} faults {}]
    set seen {}
    foreach one $found {
	lassign $one script sure record
	lassign $record kind line - name requirements
	if {$kind in {unknown load}} {
	    dict lappend report $kind [list $script $line $name]
	}
	if {$kind eq "fault"} {
	    dict lappend report faults [list $script $line $name]
	}
	if {$kind ne "require"} {
	    continue
	}
	set inTree [expr {[dict exists $providers $name] ? [lmap row [dict get $providers $name] {lindex $row 0}] : {}}]
	set versions $inTree
	if {[dict exists $inRuntime $name]} {
	    lappend versions {*}[dict get $inRuntime $name]
	}
	set best [Best $versions $requirements]
	if {$best ne ""} {
	    set from runtime
	    if {$best in $inTree} {
		set row [lsearch -inline -exact -index 0 [dict get $providers $name] $best]
		set from [expr {[lindex $row 2] eq "" ? [lindex $row 1] : [lindex $row 2]}]
	    }
	    dict lappend report packages [list $name $best $from]
	} elseif {[dict exists $provided $name]
		&& ("" in [dict get $provided $name] || [Best [dict get $provided $name] $requirements] ne "")} {
	    dict lappend report packages [list $name [lindex [dict get $provided $name] 0] script]
	} elseif {![Mentioned $name]} {
	    set key [expr {$sure ? "missing" : "optional"}]
	    if {![dict exists $seen [list $key $name $requirements $script]]} {
		dict set seen [list $key $name $requirements $script] 1
		dict lappend report $key [list $name $requirements $script $line [lsort -unique $versions]]
	    }
	}
    }
    dict set report packages [lsort -unique [dict get $report packages]]
    # What is asked for in one place for sure, and in the same script perhaps, is missing.
    dict set report optional [lmap one [dict get $report optional] {
	if {[dict exists $seen [list missing {*}[lrange $one 0 2]]]} {
	    continue
	}
	set one
    }]
    foreach key {unknown load faults} {
	dict set report $key [lsort -unique [dict get $report $key]]
    }
    return $report
}

# ::sdx::closure::Mentioned --
#
#	Whether an index that could not be evaluated speaks of a package.

proc ::sdx::closure::Mentioned {name} {
    variable vague

    foreach text [dict values $vague] {
	if {[string first $name $text] >= 0} {
	    return 1
	}
    }
    return 0
}
