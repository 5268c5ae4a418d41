# SPDX-License-Identifier: MIT
#
# treetime.tcl: sdx treetime, directories as old as the newest of what is in them.

::sdx::Load entries
::sdx::Load json
::sdx::Load lsk
::sdx::Load sides

namespace eval ::sdx::treetime {
    variable operands {{DIRECTORY some}}
    variable options {
	{{-n -dry-run} {} {} {change nothing, print what would be changed}}
	{{-verbose} {} {} {print the name of each directory that is changed}}
	{{-quiet} {} {} {print nothing when all goes well}}
	{{-json} {} {} {print the result as JSON}}
    }
    variable description {
	Sets the time of each DIRECTORY, and of each directory in it, to the newest time of what is in it, all the way down.
	Copying a tree gives its directories the time of the copy; after this, two copies of the same files have the same
	times, and wrap to the same bytes. Links are not followed; the time of an empty directory stays.
    }
    variable result {a list of dicts: directory, before, after (seconds); of those that were changed.}
}

proc ::sdx::treetime::Run {values} {
    return [concat {*}[lmap directory [dict get $values DIRECTORY] {Tree $directory [dict get $values -n]}]]
}

proc ::sdx::treetime::Show {values result} {
    if {[dict get $values -json]} {
	puts [::sdx::json::Array [lmap change $result {
	    dict with change {}
	    ::sdx::json::Object [list directory [::sdx::json::Text $directory] before $before after $after]
	}]]
	return
    }
    if {[dict get $values -verbose] || [dict get $values -n]} {
	foreach change $result {
	    dict with change {}
	    puts "[::sdx::lsk::Printable $directory]: [::sdx::lsk::Time $after]"
	}
    }
    if {![dict get $values -quiet]} {
	puts "[llength $result] directories[expr {[dict get $values -n] ? " (not done)" : " changed"}]"
    }
}

# ::sdx::treetime::Tree --
#
#	Sets the times in a tree, those within directories first.

proc ::sdx::treetime::Tree {root dryrun} {
    set plain [::sdx::entries::Plain $root]
    if {![file isdirectory $plain]} {
	return -code error -errorcode {POSIX ENOTDIR {not a directory}} "couldn't set times in \"$root\": no such directory"
    }
    set members [lindex [::sdx::sides::Read $root 0 "set the time of"] 0]
    dict set members "" [list directory 0 [file mtime $plain]]
    set newest {}
    set changes {}
    foreach name [lreverse [lsort [dict keys $members]]] {
	lassign [dict get $members $name] type - mtime
	if {$type eq "directory" && [dict exists $newest $name]} {
	    set after [dict get $newest $name]
	    if {$after != $mtime} {
		lappend changes [dict create directory [expr {$name eq "" ? $root : "$root/$name"}] before $mtime after $after]
		if {!$dryrun} {
		    file mtime $plain[expr {$name eq "" ? "" : "/$name"}] $after
		}
	    }
	    set mtime $after
	}
	set parent [string range $name 0 [string last / $name]-1]
	if {$name ne "" && (![dict exists $newest $parent] || [dict get $newest $parent] < $mtime)} {
	    dict set newest $parent $mtime
	}
    }
    return $changes
}
