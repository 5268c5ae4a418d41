# SPDX-License-Identifier: MIT
#
# members.tcl: what looking into an archive takes, whatever its format: a kit, a starpack, a plain archive, a Metakit
# kit or a zip file.
#
# Rules:
# 1. Names and targets are untrusted. A link is followed within the archive only and never by the system, for which
#    /etc/passwd would be a file of the host.
# 2. Depth is bounded by the length of a name alone, so nothing here calls itself.
#
# Members are a dict by name; each is a list {type mode mtime size stored target}. A directory that is no member but
# implied by what is below it has an empty mode and mtime.

::sdx::Load json
::sdx::Load links

namespace eval ::sdx::members {
    # What a format is called.
    variable formats {
	kit kit starpack starpack runtime runtime plain {plain archive} metakit {Metakit kit} zip {zip file}
    }
    variable mounts 0
    variable pieceBytes 262144
}

# ::sdx::members::List --
#
#	The members of an archive, in the order of their names.
#
# Arguments:
#	runtime -	Whether those count that belong to a runtime.

proc ::sdx::members::List {kit {runtime 0}} {
    set members {}
    set folders {}
    foreach member [lsort -index 0 [::starlit::archive list $kit -runtime $runtime]] {
	set name [lindex $member 0]
	dict set members $name [lrange $member 1 end]
	dict set folders [string range $name 0 [string last / $name]-1] {}
    }
    set implied {}
    foreach name [dict keys $folders] {
	while {$name ne "" && ![dict exists $members $name] && ![dict exists $implied $name]} {
	    dict set implied $name {directory {} {} 0 0 {}}
	    set name [string range $name 0 [string last / $name]-1]
	}
    }
    if {[dict size $implied]} {
	set members [lsort -stride 2 -index 0 [dict merge $members $implied]]
    }
    return $members
}

# ::sdx::members::Links --
#
#	The names of the members that are links.

proc ::sdx::members::Links {members} {
    set links {}
    dict for {name member} $members {
	if {[lindex $member 0] eq "link"} {
	    lappend links $name
	}
    }
    return $links
}

# ::sdx::members::NeedOwn --
#
#	Refuses to change what can only be read.
#
# Arguments:
#	verb -	What cannot be done with it, for the message.
#
# Results:
#	What starlit::archive info says of it.

proc ::sdx::members::NeedOwn {kit verb} {
    variable formats

    set info [::starlit::archive info $kit]
    set format [dict get $info format]
    if {$format in {metakit zip}} {
	return -code error -level 2 -errorcode {POSIX EROFS {read-only file system}} "couldn't $verb \"$kit\":\
	    a [dict get $formats $format] is read-only (hint: sdx convert makes a kit of it)"
    }
    return $info
}

# ::sdx::members::Resolve --
#
#	Finds a member by a path that may lead over links.
#
# Arguments:
#	members -	Of that archive.
#	follow -	Whether a link at the end of the path is followed too.
#
# Results:
#	Its name; empty for the root.

proc ::sdx::members::Resolve {kit members path follow} {
    lassign [::sdx::links::Resolve $path $follow [list ::sdx::members::Link $members]] name fault target
    switch -- $fault {
	above {
	    Fail $kit $path "it leads out of the archive"
	}
	gone {
	    Fail $kit $path "no such member"
	}
	dangling {
	    Fail $kit $path "a link to what is not there"
	}
	many {
	    Fail $kit $path "too many links"
	}
	out {
	    Fail $kit $path "a link that leads out of the archive, to \"$target\""
	}
    }
    return $name
}

# A member as links.tcl looks at it.
proc ::sdx::members::Link {members name} {
    lassign [dict get $members $name] type - - - - target
    return [expr {$type eq "link" ? [list $target] : {}}]
}

# ::sdx::members::File --
#
#	Resolve for what must be a file.

proc ::sdx::members::File {kit members path} {
    set name [Resolve $kit $members $path 1]
    if {$name eq "" || [lindex [dict get $members $name] 0] ne "file"} {
	Fail $kit $path "it is a directory"
    }
    return $name
}

# ::sdx::members::Folder --
#
#	Resolve for what must be a directory.

proc ::sdx::members::Folder {kit members path} {
    set name [Resolve $kit $members $path 1]
    if {$name ne "" && [lindex [dict get $members $name] 0] ne "directory"} {
	Fail $kit $path "not a directory"
    }
    return $name
}

proc ::sdx::members::Fail {kit path cause} {
    return -code error -level 2 -errorcode [list SDX MEMBER $path] "couldn't read \"$path\" of \"$kit\": $cause"
}

# ::sdx::members::Children --
#
#	What is in each directory.
#
# Results:
#	A dict from the name of a directory, empty for the root, to the names of its members, in order.

proc ::sdx::members::Children {members} {
    set children [dict create "" {}]
    dict for {name member} $members {
	if {[lindex $member 0] eq "directory" && ![dict exists $children $name]} {
	    dict set children $name {}
	}
	dict lappend children [string range $name 0 [string last / $name]-1] $name
    }
    return $children
}

# ::sdx::members::Tail --
#
#	The last part of a name. [file tail] would put ./ before a tilde.

proc ::sdx::members::Tail {name} {
    return [string range $name [string last / $name]+1 end]
}

# ::sdx::members::Mounted --
#
#	Evaluates a script while an archive is mounted, read-only.
#
# Arguments:
#	pointName -	The script's variable that gets the mount point.

proc ::sdx::members::Mounted {kit pointName script} {
    variable mounts
    upvar 1 $pointName point

    set format [dict get [::starlit::archive info $kit] format]
    # A tilde in front of a path is a letter, as everywhere but in Tcl.
    set kit [regsub ^~ $kit ./~]
    set point [file join [file dirname [file normalize $kit]] .sdx-[pid]-[incr mounts]]
    switch -- $format {
	metakit {
	    ::vfs::mk4::Mount $kit $point
	}
	zip {
	    ::vfs::zip::Mount $kit $point
	}
	default {
	    ::vfs::sqlar::Mount $kit $point -readonly
	}
    }
    set mounted $point
    try {
	uplevel 1 $script
    } finally {
	::vfs::sqlar::Unmount $mounted
    }
}

# ::sdx::members::Dict --
#
#	A member for scripts; lsk.tcl tells the keys.

proc ::sdx::members::Dict {name member} {
    lassign $member type mode mtime size stored target
    return [dict create name $name type $type mode $mode mtime $mtime size $size stored $stored target $target]
}

# ::sdx::members::Json --
#
#	A member, as Dict makes it, as a JSON object.

proc ::sdx::members::Json {member} {
    dict with member {}
    set pairs [list name [::sdx::json::Text $name] type \"$type\" mode [ModeJson $mode] \
	    mtime [expr {$mtime eq "" ? "null" : $mtime}] size $size stored $stored]
    if {$type eq "link"} {
	lappend pairs target [::sdx::json::Text $target]
    }
    return [::sdx::json::Object $pairs]
}

proc ::sdx::members::ModeJson {mode} {
    return [expr {$mode eq "" ? "null" : "\"[Octal $mode]\""}]
}

proc ::sdx::members::Octal {mode} {
    return [format %04o $mode]
}

# ::sdx::members::Each --
#
#	Evaluates a script for each word. An error is told, and it goes on with the next word.
#
# Arguments:
#	wordName -	The script's variable that gets the word.
#
# Results:
#	Whether there was an error.

proc ::sdx::members::Each {wordName words script} {
    upvar 1 $wordName word

    set failed 0
    foreach word $words {
	try {
	    uplevel 1 $script
	} on error {message options} {
	    if {[string match {error writing "stdout":*} $message]} {
		# What comes next could not be written either.
		return -options $options $message
	    }
	    flush stdout
	    ::sdx::Complain $message
	    set failed 1
	}
    }
    return $failed
}
