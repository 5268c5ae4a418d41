# SPDX-License-Identifier: MIT
#
# merge.tcl: putting files into a directory that is there already.
#
# Rules:
# 1. Nothing is written outside of the directory: no link in it is followed (starlit::beneath), whether a user made it or
#    a hostile archive that was unwrapped there before.
# 2. Files are made beside, in a new directory .sdx-PID below the target that nobody else may enter, and moved to their
#    places one by one, each in one step. What stands in the way is found before the first is moved.
# 3. A file or a link replaces either. Of a directory that is there the content stays.

::sdx::Load entries

namespace eval ::sdx::merge {}

# ::sdx::merge::Staged --
#
#	Evaluates a script that makes files in a new directory, moves them to their places, and clears up.
#
# Arguments:
#	directory -	Where they go.
#	stageName -	The script's variable that gets the path of a directory that is not there: the script has to
#			make it, if it makes any files.
#	members -	What there will be, as of members.tcl: of files and links all, of directories those whose
#			attributes are to be set.
#	deleted -	Names that are deleted first; a directory has to be empty by then.
#	script -	The script. Its result is where below the new directory the files are.

proc ::sdx::merge::Staged {directory stageName members deleted script} {
    upvar 1 $stageName stage

    set directory [::sdx::entries::Plain $directory]
    set root [::starlit::beneath hold $directory]
    set scratch ""
    try {
	Check $root $directory $members $deleted
	set scratch [Scratch $root $directory]
	set stage $directory/$scratch/new
	set inner [uplevel 1 $script]
	if {[file isdirectory $stage]} {
	    Open $stage
	}
	Move $root $directory $scratch/new[expr {$inner eq "" ? "" : "/$inner"}] $members $deleted
    } on error {message options} {
	# No names that nobody knows.
	return -options $options [string map [list $directory/$scratch/new $directory] $message]
    } finally {
	::starlit::beneath release $root
	if {$scratch ne ""} {
	    file delete -force $directory/$scratch
	}
    }
}

# ::sdx::merge::Scratch --
#
#	Makes a directory that was not there, and that nobody else may enter: what has its name may be a trap, or somebody's.
#
# Arguments:
#	root -		The directory it is made in, held by starlit::beneath.
#	directory -	Its path.
#
# Results:
#	Its name.

proc ::sdx::merge::Scratch {root directory} {
    for {set i 0} {1} {incr i} {
	set name .sdx-[pid]-$i
	try {
	    ::starlit::beneath mkdir $root $name
	    file attributes $directory/$name -permissions 0700
	    return $name
	} trap {POSIX EEXIST} {message options} {
	    if {$i == 1000} {
		return -options $options $message
	    }
	}
    }
}

# ::sdx::merge::TypeOf --
#
#	The type of what has a name below a directory; empty where there is nothing.

proc ::sdx::merge::TypeOf {root name} {
    try {
	return [dict get [::starlit::beneath stat $root $name] type]
    } trap {POSIX ENOENT} {} {
	return ""
    }
}

# ::sdx::merge::Check --
#
#	Looks for what stands in the way.

proc ::sdx::merge::Check {root directory members deleted} {
    set gone {}
    foreach name $deleted {
	dict set gone $name 1
    }
    dict for {name member} $members {
	# What is or lies in something that is deleted is in nobody's way.
	for {set above $name} {$above ne "" && ![dict exists $gone $above]} {} {
	    set above [string range $above 0 [string last / $above]-1]
	}
	if {$above ne ""} {
	    continue
	}
	set there [TypeOf $root $name]
	if {$there eq ""} {
	    continue
	}
	set isDirectory [expr {[lindex $member 0] eq "directory"}]
	if {$isDirectory != ($there eq "directory")} {
	    return -code error -errorcode {POSIX EEXIST {file already exists}} "couldn't write \"$directory/$name\":\
		a [expr {$isDirectory ? "directory" : "file"}] would replace a $there (hint: move that away)"
	}
    }
}

# ::sdx::merge::Open --
#
#	Makes directories writable for us, so that what is in them can be moved.

proc ::sdx::merge::Open {directory} {
    set pending [list $directory]
    while {[llength $pending]} {
	set folder [lindex $pending end]
	set pending [lreplace $pending end end]
	file attributes $folder -permissions 0700
	foreach child [glob -nocomplain -tails -directory $folder -types d -- * .*] {
	    set child $folder/[regsub {^\./~} $child ~]
	    if {[file tail $child] ni {. ..} && [file type $child] eq "directory"} {
		lappend pending $child
	    }
	}
    }
}

# ::sdx::merge::Move --
#
#	Deletes, makes directories, moves files, and sets the attributes of directories.

proc ::sdx::merge::Move {root directory stage members deleted} {
    foreach name [lreverse [lsort $deleted]] {
	::starlit::beneath delete $root $name
    }
    foreach name [lsort [dict keys $members]] {
	set isDirectory [expr {[lindex [dict get $members $name] 0] eq "directory"}]
	MakeDirectories $root [expr {$isDirectory ? $name : [string range $name 0 [string last / $name]-1]}]
	if {!$isDirectory} {
	    ::starlit::beneath rename $root $stage/$name $root $name
	}
    }
    Attributes $directory [dict filter $members script {name member} {expr {[lindex $member 0] eq "directory"}}]
}

# ::sdx::merge::Attributes --
#
#	Sets permissions and times of files and directories that are there, those within directories first.

proc ::sdx::merge::Attributes {directory members} {
    set directory [::sdx::entries::Plain $directory]
    set root [::starlit::beneath hold $directory]
    try {
	foreach name [lreverse [lsort [dict keys $members]]] {
	    lassign [dict get $members $name] type mode mtime
	    if {$mode ne "" && [TypeOf $root $name] eq $type} {
		file attributes $directory/$name -permissions [format 0%o [expr {$mode & 0o777}]]
		file mtime $directory/$name $mtime
	    }
	}
    } finally {
	::starlit::beneath release $root
    }
}

proc ::sdx::merge::MakeDirectories {root name} {
    if {$name eq "" || [TypeOf $root $name] ne ""} {
	return
    }
    MakeDirectories $root [string range $name 0 [string last / $name]-1]
    ::starlit::beneath mkdir $root $name
}
