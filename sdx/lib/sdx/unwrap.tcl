# SPDX-License-Identifier: MIT
#
# unwrap.tcl: sdx unwrap, a directory tree from a kit, a starpack or a plain archive.

::sdx::Load entries
::sdx::Load json
::sdx::Load lsk
::sdx::Load members
::sdx::Load merge
::sdx::Load progress
::sdx::Load sides

namespace eval ::sdx::unwrap {
    variable operands {{KIT required} {DIRECTORY optional}}
    variable options [concat {
	{{-member -only} GLOB many {only what this pattern matches, a directory with all that is in it, as for -exclude.
	    May be given several times}}
	} $::sdx::entries::options {
	{{-force} {} {} {also into a DIRECTORY that exists: members replace files and links of their names, and what else is
	    there stays}}
	{{-runtime} {} {} {of a starpack or a runtime, also the members that belong to the runtime}}
	{{-verbose} {} {} {print the name of each member}}
	{{-quiet} {} {} {print nothing when all goes well}}
	{{-json} {} {} {print the result as JSON}}
    }]
    variable description {
	Takes a kit, a starpack, a plain archive, a Metakit kit or a zip file apart into DIRECTORY, which must not exist;
	default is the name of KIT without its extension, with .vfs, in the current directory. Permissions, times and
	symbolic links are as they were wrapped, but for set-user-ID, set-group-ID and sticky bits: what comes out of a kit
	has none. Nothing is ever written outside of DIRECTORY, and on failure it is taken away again.
    }
    variable examples {
	{sdx unwrap app.kit out -member main.tcl -member lib} {main.tcl and all of lib, to out}
	{sdx unwrap app.kit . -force -member 'doc/*.md'} {some files, to doc in the current directory}
    }
    variable result {a dict: directory, members (how many), names (with -verbose, -member or -exclude).}
}

proc ::sdx::unwrap::Run {values} {
    set kit [dict get $values KIT]
    if {[dict exists $values DIRECTORY]} {
	set directory [dict get $values DIRECTORY]
    } else {
	set directory [file rootname [::sdx::members::Tail $kit]].vfs
    }
    # [file exists] is false for a dangling link.
    set exists [expr {![catch {file lstat [::sdx::entries::Plain $directory] status}]}]
    if {$exists && ![dict get $values -force]} {
	return -code error -errorcode {POSIX EEXIST {file already exists}} \
	    "couldn't unwrap into \"$directory\": it already exists (hint: name another directory, or use -force)"
    }
    if {$exists && $status(type) ne "directory" && ![file isdirectory [::sdx::entries::Plain $directory]]} {
	return -code error -errorcode {POSIX ENOTDIR {not a directory}} \
	    "couldn't unwrap into \"$directory\": it is no directory"
    }
    if {!$exists && ![dict get $values -verbose]
	    && [llength [dict get $values -member]] + [llength [dict get $values -exclude]] == 0} {
	# All of it, which need not be listed first.
	return [dict create directory $directory members [Extract $kit $directory $values] names {}]
    }
    set members [Chosen $kit [::sdx::members::List $kit [dict get $values -runtime]] $values]
    # What is implied by what is in it is no member.
    set stored [dict filter $members script {name member} {expr {[lindex $member 1] ne ""}}]
    if {$exists} {
	::sdx::merge::Staged $directory stage $members {} {
	    Extract $kit $stage $values -names [dict keys $stored]
	    string cat ""
	}
    } else {
	Extract $kit $directory $values -names [dict keys $stored]
    }
    return [dict create directory $directory members [dict size $stored] names [dict keys $stored]]
}

proc ::sdx::unwrap::Show {values result} {
    dict with result {}
    if {[dict get $values -json]} {
	puts [::sdx::json::Object [list directory [::sdx::json::Text $directory] members $members]]
	return
    }
    if {[dict get $values -verbose]} {
	foreach name $names {
	    puts [::sdx::lsk::Printable $name]
	}
    }
    if {![dict get $values -quiet]} {
	puts "[::sdx::lsk::Printable $directory]: $members members"
    }
}

proc ::sdx::unwrap::Extract {kit directory values args} {
    try {
	return [::starlit::archive extract $kit [::sdx::entries::Plain $directory] {*}$args \
		-runtime [dict get $values -runtime] \
		{*}[::sdx::progress::Options "unwrapping [::sdx::members::Tail $kit]"]]
    } finally {
	::sdx::progress::End
    }
}

# ::sdx::unwrap::Chosen --
#
#	The members that the options choose, with the directories that they are in.

proc ::sdx::unwrap::Chosen {kit members values} {
    set members [lindex [::sdx::sides::Without $members [::sdx::entries::Choice $values]] 0]
    set patterns [dict get $values -member]
    if {[llength $patterns] == 0} {
	return $members
    }
    set expressions [lmap pattern $patterns {::sdx::glob::Expression $pattern}]
    set matched {}
    set chosen {}
    set whole {}
    dict for {name member} $members {
	set take [dict exists $whole [string range $name 0 [string last / $name]-1]]
	foreach pattern $patterns expression $expressions {
	    if {[regexp -- $expression $name]} {
		set take 1
		dict set matched $pattern 1
	    }
	}
	if {$take} {
	    dict set chosen $name $member
	    if {[lindex $member 0] eq "directory"} {
		dict set whole $name 1
	    }
	}
    }
    foreach pattern $patterns {
	if {![dict exists $matched $pattern]} {
	    return -code error -errorcode [list SDX NOMATCH $pattern] \
		"couldn't unwrap from \"$kit\": no member matches \"$pattern\""
	}
    }
    foreach name [dict keys $chosen] {
	while {[set slash [string last / $name]] >= 0} {
	    set name [string range $name 0 $slash-1]
	    if {[dict exists $chosen $name]} {
		break
	    }
	    dict set chosen $name [dict get $members $name]
	}
    }
    return $chosen
}
