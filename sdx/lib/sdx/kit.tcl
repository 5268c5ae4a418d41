# SPDX-License-Identifier: MIT
#
# kit.tcl: what wrap and qwrap have in common: the options, the header, writing the output and telling of it.
#
# Rules:
# 1. The same input gives the same bytes: nothing of the time, the machine or the paths goes in. SOURCE_DATE_EPOCH, when
#    set, is the latest time that a member can have (https://reproducible-builds.org/specs/source-date-epoch/).
# 2. The output appears whole or not at all (starlit::archive create sees to that).

::sdx::Load entries
::sdx::Load json
::sdx::Load lsk
::sdx::Load members
::sdx::Load output

namespace eval ::sdx::kit {
    # Rows of options.tcl.
    variable options {
	{{-runtime} FILE {} {make a starpack: take the program and the Tcl library from this runtime or starpack. "self" is
	    the executable that runs sdx.}}
	{{-interp} PROGRAM {} {what the kit's first line starts, found by PATH; default tclkit}}
	{{-writable -writeable} {} {} {leave -readonly out of the kit's header}}
	{{-nocomp -nocompress} {} {} {store, don't compress; the same as -level 0}}
	{{-level} N {integer 0 12} {how hard to compress, 0 (not) to 12 (best, slow); default 6}}
	{{-pagesize} BYTES {integer 512 65536} {page size of the archive, a power of 2; default by size of content}}
	{{-strict} {} {} {make a package that is required and missing an error, not a warning}}
	{{-nocheck} {} {} {don't look whether packages are missing}}
	{{-verbose} {} {} {print the name of each member}}
	{{-quiet} {} {} {print nothing when all goes well, and no warnings}}
	{{-json} {} {} {print the result as JSON}}
    }
}

# ::sdx::kit::Header --
#
#	The script in front of a kit's archive: for the shell its first command, for Tcl the rest, up to ^Z.

proc ::sdx::kit::Header {program writable} {
    if {[string match *\n* $program] || [string trim $program] eq ""} {
	return -code error -errorcode {SDX USAGE} "bad argument \"$program\" of option \"-interp\": must be one line"
    }
    set mode [expr {$writable ? "" : " -readonly"}]
    return [encoding convertto utf-8 "#!/bin/sh\n# \\\nexec $program \"\$0\" \${1+\"\$@\"}\npackage require\
	    starkit\nstarkit::header sqlar$mode\n\x1a"]
}

# ::sdx::kit::Epoch --
#
#	SOURCE_DATE_EPOCH, or the default when it is not set.

proc ::sdx::kit::Epoch {default} {
    if {![info exists ::env(SOURCE_DATE_EPOCH)] || $::env(SOURCE_DATE_EPOCH) eq ""} {
	return $default
    }
    if {![regexp {^[0-9]{1,18}$} $::env(SOURCE_DATE_EPOCH)]} {
	return -code error -errorcode {SDX EPOCH} \
	    "bad SOURCE_DATE_EPOCH \"$::env(SOURCE_DATE_EPOCH)\": must be a number of seconds"
    }
    # Not octal, whatever zeros it begins with.
    return [scan $::env(SOURCE_DATE_EPOCH) %lld]
}

# ::sdx::kit::Write --
#
#	Writes a kit or a starpack.
#
# Arguments:
#	output -	Its path.
#	entries -	Members as starlit::archive create takes them.
#	links -		Names of those that are links.
#	values -	The options.
#	stored -	Names of those that are not to be compressed.
#	script -	The path of a script outside of the tree that becomes a member: it is not written over.
#
# Results:
#	A dict: file, members (how many), bytes (of the file), content (bytes of the members), names (of the members),
#	missing and unused (packages, as of closure.tcl), warnings (texts).

proc ::sdx::kit::Write {output entries links values {stored {}} {script ""}} {
    ::sdx::Load packages
    ::sdx::Load progress

    ::sdx::options::Exclude $values -nocomp -level
    ::sdx::options::Exclude $values -nocheck -strict
    ::sdx::options::Exclude $values -runtime -interp
    set path [::sdx::entries::Plain $output]
    if {[file isdirectory $path]} {
	return -code error -errorcode {POSIX EISDIR {is a directory}} "couldn't write \"$output\": it is a directory"
    }
    if {$script ne "" && [::sdx::output::Is $path $script]} {
	return -code error -errorcode {SDX SAME} "couldn't write \"$output\": it is the script that is to be wrapped\
	    (hint: name an output elsewhere)"
    }
    set rows [::sdx::packages::Record $entries $links]
    set options [list -packages $rows]
    set runtime [info nameofexecutable]
    if {[dict exists $values -runtime]} {
	if {[dict get $values -runtime] ne "self"} {
	    set runtime [dict get $values -runtime]
	}
	lappend options -runtime $runtime
    } else {
	set program tclkit
	if {[dict exists $values -interp]} {
	    set program [dict get $values -interp]
	}
	lappend options -script [Header $program [dict get $values -writable]]
    }
    if {[dict get $values -nocomp]} {
	lappend options -level 0
    } elseif {[dict exists $values -level]} {
	lappend options -level [dict get $values -level]
    }
    if {[dict exists $values -pagesize]} {
	lappend options -pagesize [dict get $values -pagesize]
    }
    lappend options -writable [dict get $values -writable] -store $stored
    set epoch [Epoch none]
    if {$epoch ne "none"} {
	lappend options -clamp $epoch
    }
    set checked [dict create missing {} unused {} warnings {}]
    # Nobody would see it.
    set unseen [expr {$::sdx::talks && [dict get $values -quiet]
	    && !([dict get $values -strict] || [dict get $values -json])}]
    if {![dict get $values -nocheck] && !$unseen} {
	try {
	    set own [::starlit::archive packages $runtime]
	} on ok {} {
	    set checked [Check $output $entries $rows $own $values]
	} on error {message failure} {
	    # In a jail, or where it may only be run, our own executable cannot be looked into.
	    if {[dict exists $values -runtime] || [dict get $values -strict]} {
		return -options $failure $message
	    }
	    dict set checked warnings [list "packages were not checked: $message"]
	}
    }
    try {
	set written [::starlit::archive create $path $entries {*}$options \
		{*}[::sdx::progress::Options "wrapping [::sdx::members::Tail $output]"]]
    } finally {
	::sdx::progress::End
    }
    return [dict create file $output members [llength $entries] bytes [dict get $written bytes] \
	    content [dict get $written content] names [lmap entry $entries {lindex $entry 0}] {*}$checked]
}

# ::sdx::kit::Check --
#
#	Looks for packages that are missing.
#
# Arguments:
#	rows -		The packages of the tree.
#	runtime -	Those of the runtime.

proc ::sdx::kit::Check {output entries rows runtime values} {
    ::sdx::Load closure

    set report [::sdx::closure::Report $entries $rows $runtime]
    set missing [dict get $report missing]
    if {[llength $missing]} {
	::sdx::Load depends
    }
    if {[llength $missing] && [dict get $values -strict]} {
	return -code error -errorcode {SDX MISSING} "couldn't wrap \"$output\": missing packages:\
	    [join [lmap one $missing {::sdx::depends::Missing {*}$one}] {; }]"
    }
    set warnings [lmap one $missing {string cat "missing package: " [::sdx::depends::Missing {*}$one]}]
    # A starpack's own lib is searched without it.
    if {![dict get $report search] && ![dict exists $values -runtime]} {
	foreach package [dict get $report packages] {
	    if {[lindex $package 2] ni {runtime script}} {
		lappend warnings "main.tcl requires [lindex $package 0], but calls no starkit::startup,\
		    without which packages in lib are not found"
		break
	    }
	}
    }
    return [dict create missing $missing unused [dict get $report unused] warnings $warnings]
}

# ::sdx::kit::Show --
#
#	Tells what was made.

proc ::sdx::kit::Show {values result} {
    dict with result {}
    if {![dict get $values -quiet]} {
	foreach warning $warnings {
	    puts stderr "sdx: warning: [::sdx::lsk::Printable $warning]"
	}
    }
    if {[dict get $values -json]} {
	::sdx::Load depends
	puts [::sdx::json::Object [list file [::sdx::json::Text $file] members $members bytes $bytes content $content \
		missing [::sdx::depends::Objects $missing {name requirements script line versions}] \
		unused [::sdx::depends::Objects $unused {name version from}]]]
	return
    }
    if {[dict get $values -verbose]} {
	foreach name $names {
	    puts [::sdx::lsk::Printable $name]
	}
    }
    if {![dict get $values -quiet]} {
	if {[dict get $values -verbose] && [llength $unused]} {
	    puts "[llength $unused] packages that main.tcl is not seen to require (sdx depends lists them)"
	}
	puts "[::sdx::lsk::Printable $file]: $members members, $bytes bytes"
    }
}
