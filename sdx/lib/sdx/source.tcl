# SPDX-License-Identifier: MIT
#
# source.tcl: what is converted: a directory, an archive of whatever format, or a tar file, found out by its content.
#
# It is a dict:
#	format		directory, tar, tar.gz, or as starlit::archive info tells it
#	path		as it was given
#	archive		the archive that the contents lie in; empty for a directory
#	members		a dict by name, each a list {type mode mtime size target origin}: what it will be, and the name that
#			its content has in the archive or directory; no more than nine bits of the mode
#	asStored	whether the archive's members are just these

::sdx::Load entries
::sdx::Load losses
::sdx::Load members
::sdx::Load output
::sdx::Load spool
::sdx::Load tar_reader

namespace eval ::sdx::source {
    variable temporaries {}
    variable pieceBytes 262144
}

# ::sdx::source::Use --
#
#	Evaluates a script with what is to be converted.
#
# Arguments:
#	path -		What it is.
#	output -	What is made of it: temporary files are beside that.
#	options -	A dict: runtime (whether members that belong to a runtime count), encoding (of names in tar files),
#			skip (of spool.tcl), top (whether the directory that all is in is left out), clamp (the latest time;
#			may be missing).
#	sourceName -	The script's variable that gets the dict.

proc ::sdx::source::Use {path output options sourceName script} {
    variable temporaries
    upvar 1 $sourceName source

    try {
	set source [Open $path $output $options]
	uplevel 1 $script
    } on error {message options} {
	# No names that nobody knows.
	foreach temporary $temporaries {
	    set message [string map [list $temporary.mounted $path $temporary $output] $message]
	}
	return -options $options $message
    } finally {
	file delete -- {*}$temporaries
	set temporaries {}
    }
}

proc ::sdx::source::Open {path output options} {
    if {[file isdirectory $path]} {
	set source [Directory $path]
    } else {
	if {[file exists $path] && ![file isfile $path]} {
	    return -code error -errorcode [list SDX TYPE $path] "couldn't read \"$path\": it is not a regular file"
	}
	set format [::sdx::tar_reader::Format $path]
	if {$format ne ""} {
	    set source [Tar $path $format $output $options]
	} else {
	    set source [Archive $path [dict get $options runtime]]
	}
    }
    if {[dict get $options top]} {
	dict set source members [WithoutTop $path [dict get $source members]]
	dict set source asStored 0
    }
    dict set source members [Plainest [dict get $source members] $options]
    return $source
}

proc ::sdx::source::Directory {path} {
    try {
	set entries [lindex [::sdx::entries::Walk $path] 0]
    } trap SDX {message options} {
	return -options $options [regsub {^couldn't wrap} $message "couldn't convert"]
    }
    set members {}
    foreach entry $entries {
	lassign $entry name - file
	file lstat $file status
	set target ""
	if {$status(type) eq "link"} {
	    set target [file readlink $file]
	}
	dict set members $name [list $status(type) $status(mode) $status(mtime) $status(size) $target $name]
    }
    return [dict create format directory path $path archive "" members $members asStored 0]
}

proc ::sdx::source::Archive {path runtime} {
    set format [dict get [::starlit::archive info $path] format]
    set members {}
    foreach member [::starlit::archive list $path -runtime $runtime] {
	lassign $member name type mode mtime size - target
	dict set members $name [list $type $mode $mtime $size $target $name]
    }
    if {$format eq "metakit"} {
	::sdx::losses::Add mode "a Metakit kit has no permissions: files get 0644, directories 0755"
	set members [WithFolderTimes $members]
    }
    return [dict create format $format path $path archive $path members $members \
	    asStored [expr {$format ne "metakit"}]]
}

# ::sdx::source::WithFolderTimes --
#
#	Members with the time of the newest file in each directory, 0 where there is none: in Metakit they have none, and
#	the kit's own would be another one for each copy.

proc ::sdx::source::WithFolderTimes {members} {
    set times {}
    dict for {name member} $members {
	lassign $member type - mtime
	if {$type eq "directory"} continue
	while {[set end [string last / $name]] > 0} {
	    set name [string range $name 0 $end-1]
	    if {[dict exists $times $name] && [dict get $times $name] >= $mtime} break
	    dict set times $name $mtime
	}
    }
    dict for {name member} $members {
	if {[lindex $member 0] eq "directory"} {
	    set time [expr {[dict exists $times $name] ? [dict get $times $name] : 0}]
	    dict set members $name [lreplace $member 2 2 $time]
	}
    }
    return $members
}

proc ::sdx::source::Tar {path format output options} {
    set archive [Temporary $output]
    set members [::sdx::spool::Tar $path $archive [dict get $options encoding] [dict get $options skip]]
    return [dict create format $format path $path archive $archive members $members asStored 0]
}

# ::sdx::source::Temporary --
#
#	A name for a temporary file that is deleted when Use ends.

proc ::sdx::source::Temporary {output} {
    variable temporaries

    lappend temporaries [::sdx::output::Beside $output]
    return [lindex $temporaries end]
}

# ::sdx::source::WithoutTop --
#
#	Members without the directory that all of them are in.

proc ::sdx::source::WithoutTop {path members} {
    set tops [lsort -unique [lmap name [dict keys $members] {lindex [split $name /] 0}]]
    set top [lindex $tops 0]
    if {[llength $tops] != 1 || ([dict exists $members $top] && [lindex [dict get $members $top] 0] ne "directory")} {
	return -code error -errorcode [list SDX TOP $path] "couldn't convert \"$path\": there is no directory that all of it\
	    is in (hint: -notop is for that)"
    }
    set inner {}
    dict for {name member} $members {
	if {$name ne $top} {
	    dict set inner [string range $name [string length $top/] end] $member
	}
    }
    return $inner
}

# ::sdx::source::Plainest --
#
#	Members without what is never kept, in order.

proc ::sdx::source::Plainest {members options} {
    set plain {}
    foreach name [lsort [dict keys $members]] {
	lassign [dict get $members $name] type mode mtime size target origin
	if {$type ne "link" && $mode & 0o7000} {
	    ::sdx::losses::Add setid "set-user-ID, set-group-ID and sticky bits" $name
	}
	if {[dict exists $options clamp]} {
	    set mtime [expr {min($mtime, [dict get $options clamp])}]
	}
	dict set plain $name [list $type [expr {$mode & 0o777}] $mtime $size $target $origin]
    }
    return $plain
}

# ::sdx::source::Entries --
#
#	The members as starlit::archive create takes them.

proc ::sdx::source::Entries {source} {
    set archive [dict get $source archive]
    set root [dict get $source path]
    set entries {}
    dict for {name member} [dict get $source members] {
	lassign $member type mode mtime - target origin
	switch -- $type {
	    directory {
		lappend entries [list $name directory $mode $mtime]
	    }
	    link {
		lappend entries [list $name link $target $mode $mtime]
	    }
	    default {
		lappend entries [expr {$archive eq "" ? [list $name file $root/$origin $mode $mtime]
		    : [list $name member $archive $origin $mode $mtime]}]
	    }
	}
    }
    return $entries
}

# ::sdx::source::Stored --
#
#	An archive whose members are just those of the source.

proc ::sdx::source::Stored {source output} {
    if {[dict get $source asStored]} {
	return [dict get $source archive]
    }
    set archive [Temporary $output]
    ::starlit::archive create $archive [Entries $source] -level 1 -mode 0600
    return $archive
}

# ::sdx::source::Opened --
#
#	Evaluates a script while contents can be read.
#
# Arguments:
#	rootName -	The script's variable that gets the directory that the members' origins are in.

proc ::sdx::source::Opened {source rootName script} {
    upvar 1 $rootName root

    if {[dict get $source archive] eq ""} {
	set root [dict get $source path]
	uplevel 1 $script
	return
    }
    uplevel 1 [list ::sdx::members::Mounted [dict get $source archive] $rootName $script]
}

# ::sdx::source::Seen --
#
#	Evaluates a script while members can be read, links lead where they will lead, and nothing else is there.
#
# Arguments:
#	entriesName -	The script's variable that gets the members: a list of {name file PATH}.

proc ::sdx::source::Seen {source output entriesName script} {
    upvar 1 $entriesName entries

    set place 5
    # An executable shows its runtime's members too, and the archive made of a tar file has neither names nor links.
    if {[dict get $source format] in {starpack runtime}
	    || ([dict get $source format] in {tar tar.gz} && [llength [::sdx::members::Links [dict get $source members]]])} {
	set archive [Temporary $output]
	::starlit::archive create $archive [Entries $source] -level 1 -mode 0600
	dict set source archive $archive
	set place ""
    }
    Opened $source root {
	set entries {}
	dict for {name member} [dict get $source members] {
	    lappend entries [list $name file $root/[expr {$place eq "" ? $name : [lindex $member $place]}]]
	}
	uplevel 1 $script
    }
}

# ::sdx::source::Pieces --
#
#	Evaluates a script for each piece of a file's content.
#
# Arguments:
#	root -		What Opened has given.
#	origin -	The file's name in it.
#	size -		What it must have.
#	pieceName -	The script's variable that gets the piece.

proc ::sdx::source::Pieces {source root origin size pieceName script} {
    variable pieceBytes
    upvar 1 $pieceName piece

    try {
	set in [open $root/$origin rb]
    } on error {message} {
	FailRead $source $origin $message
    }
    try {
	set done 0
	while {1} {
	    try {
		set piece [read $in $pieceBytes]
	    } on error {message} {
		FailRead $source $origin $message
	    }
	    incr done [string length $piece]
	    if {$done > $size || ($piece eq "" && $done != $size)} {
		FailRead $source $origin "its size is not what it was when it was listed"
	    }
	    if {$piece eq ""} {
		break
	    }
	    uplevel 1 $script
	}
    } finally {
	close $in
    }
}

# ::sdx::source::FailRead --
#
#	Tells why a content cannot be read. Of an archive's Tcl knows only the system's words for it.

proc ::sdx::source::FailRead {source origin message} {
    set archive [dict get $source archive]
    if {$archive ne ""} {
	catch {::starlit::archive create [Temporary $archive] [list [list x member $archive $origin 0 0]]} cause
	if {[string match "couldn't read*" $cause]} {
	    return -code error -level 2 -errorcode [list SDX READ $origin] $cause
	}
    }
    return -code error -level 2 -errorcode [list SDX READ $origin] \
	"couldn't read \"$origin\" of \"[dict get $source path]\": [regsub {.*": } $message ""]"
}
