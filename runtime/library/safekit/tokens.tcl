# SPDX-License-Identifier: MIT
#
# tokens.tcl: names of files in a safe script, and what they stand for.
#
#     $p(:3:)            a granted directory, by the number that the Safe Base has given it
#     $p(:3:)/a/b.txt    a file below it
#     b.txt              in the working directory, where that lies in a granted one
#
# A grant is a dict:
#
#     root      the directory's real path
#     kind      host: reached by its descriptor, with starlit::beneath; archive: by its path, as an archive is no one
#               else's to change under our hands
#     number    of the directory that is held open, for kind host
#     rights    of: read write list exec
#     only      where a single file was granted, its name in the directory
#
# Rules:
# 1. Names are taken apart as text, before anything is looked at: `.` and empty parts go, `..` takes the part before
# it    away, and leads nowhere above the token. As no link is followed, the text is the truth.
# 2. Paths are put together with a slash, never with [file join], to which a part that begins with `~` is a home.

# ::safekit::safe::GrantAll --
#
#	Gives an interpreter its first grants: its libraries, the kit, and those of the policy.

proc ::safekit::safe::GrantAll {child mount policy} {
    variable grants
    variable kits

    set grants($child) {}
    set libraries [lindex [::safe::interpConfigure $child -accessPath] 1]
    foreach dir $libraries {
	# The module path has folders that are not there.
	if {[file isdirectory $dir]} {
	    Grant $child $dir {read list}
	}
    }
    set autoPath [::interp eval $child {::lrange $::auto_path 0 1}]
    set kits($child) .
    if {[file isdirectory $mount]} {
	set kits($child) [Grant $child $mount {read list}]
    }
    set told {}
    foreach grant [dict get $policy grants] {
	lassign $grant path rights
	lappend told [Grant $child $path $rights] $rights
    }
    ::interp eval $child [list ::set ::auto_path $autoPath]
    ::interp eval $child [list ::namespace eval ::safekit [list ::variable grants $told]]
}

# ::safekit::safe::Grant --
#
#	Grants rights on a directory, or a file; a second grant adds to the first.
#
# Results:
#	The name of the directory, or file, for the script.

proc ::safekit::safe::Grant {child path rights} {
    variable grants

    set real [RealPath $path]
    set only ""
    if {[file isfile $real]} {
	# A name of its own, that is the folder's all the same.
	set token [::safe::interpAddToAccessPath $child $real/..]
	set only [file tail $real]
	set real [file dirname $real]
    } elseif {![file isdirectory $real]} {
	return -code error -errorcode {SAFEKIT GRANT} "couldn't grant \"$path\": no such directory or file"
    } else {
	set token [::safe::interpAddToAccessPath $child $real]
    }
    if {[dict exists $grants($child) $token]} {
	set rights [lsort -unique [concat $rights [dict get $grants($child) $token rights]]]
	dict set grants($child) $token rights $rights
	return [NameOf $token $only]
    }
    set grant [dict create root $real kind archive rights $rights only $only]
    if {[lindex [file system $real] 0] eq "native"} {
	dict set grant kind host
	dict set grant number [::starlit::beneath hold $real]
    }
    dict set grants($child) $token $grant
    return [NameOf $token $only]
}

proc ::safekit::safe::ForgetGrants {child} {
    variable grants

    if {[info exists grants($child)]} {
	dict for {token grant} $grants($child) {
	    if {[dict exists $grant number]} {
		::starlit::beneath release [dict get $grant number]
	    }
	}
	unset grants($child)
    }
}

# The absolute path without links, the last component's included.

proc ::safekit::safe::RealPath {path} {
    return [file dirname [file normalize [file join [pwd] $path __dummy__]]]
}

proc ::safekit::safe::NameOf {token name} {
    return [expr {$name eq "" ? $token : "$token/$name"}]
}

# ::safekit::safe::TokenOf --
#
#	The script's name for a real path, or nothing where no grant holds it; the grant nearest to it is taken, and of
#	equals the latest.

proc ::safekit::safe::TokenOf {child path} {
    variable grants

    set real [RealPath $path]
    set best ""
    set bestLength -1
    dict for {token grant} $grants($child) {
	set root [string trimright [dict get $grant root] /]
	set length [string length $root]
	set only [dict get $grant only]
	if {$length < $bestLength || ($real ne $root && ![string match [EscapePattern $root/]* $real])} {
	    continue
	}
	set name [string range $real $length+1 end]
	if {$only eq "" || $only eq $name} {
	    set best [NameOf $token $name]
	    set bestLength $length
	}
    }
    return $best
}

proc ::safekit::safe::EscapePattern {text} {
    return [string map {\\ \\\\ * \\* ? \\? [ \\[ ] \\]} $text]
}

# ::safekit::safe::ArgumentOf --
#
#	A word of the command line for the script: the path of a granted file becomes its name, all else stays.

proc ::safekit::safe::ArgumentOf {child word} {
    if {[string match {[./]*} $word] && [regexp {^\.{0,2}/} $word]} {
	set name [TokenOf $child $word]
	if {$name ne ""} {
	    return $name
	}
    }
    return $word
}

# ::safekit::safe::Resolve --
#
#	What a name in the script stands for.
#
# Arguments:
#	child -	The interpreter.
#	path -	The script's name.
#	what -	The start of the message of a denial: `couldn't open`.
#	option -	What would have granted it.
#
# Results:
#	A list: the grant, the name below it, and the name as the script knows it, in its shortest form.

proc ::safekit::safe::Resolve {child path what {option "--safe-read or --safe-write"}} {
    variable grants

    if {![regexp {^(\$p\(:\d+:\))(?:/(.*))?$} $path -> token rest]} {
	set working ""
	if {[string index $path 0] ne "/"} {
	    set working [TokenOf $child [pwd]]
	}
	if {$working eq ""} {
	    Deny path "$what \"$path\"" "not in a granted directory" $option
	}
	regexp {^(\$p\(:\d+:\))(?:/(.*))?$} $working/$path -> token rest
    }
    if {![dict exists $grants($child) $token]} {
	Deny path "$what \"$path\"" "not a token that was given"
    }
    set grant [dict get $grants($child) $token]
    set parts {}
    foreach part [split $rest /] {
	switch -- $part {
	    "" - . {}
	    .. {
		if {![llength $parts]} {
		    Deny path "$what \"$path\"" "it leads out of its directory"
		}
		set parts [lrange $parts 0 end-1]
	    }
	    default {
		lappend parts $part
	    }
	}
    }
    set name [join $parts /]
    set only [dict get $grant only]
    if {$only ne "" && $name ne $only} {
	Deny path "$what \"$path\"" "not the file that was granted" $option
    }
    return [list $grant $name [NameOf $token $name]]
}

# ::safekit::safe::Demand --
#
#	Resolve, and a denial unless the grant has all these rights.

proc ::safekit::safe::Demand {child path what rights} {
    set option {}
    foreach {right name} {exec --safe-exec write --safe-write} {
	if {$right in $rights} {
	    set option [list $name]
	}
    }
    set resolved [Resolve $child $path $what {*}$option]
    lassign $resolved grant name shown
    foreach right $rights {
	if {$right ni [dict get $grant rights]} {
	    set option [dict get {read --safe-read list --safe-read write --safe-write exec --safe-exec} $right]
	    Deny $right "$what \"$shown\"" "no right to $right there" $option
	}
    }
    return $resolved
}

# ::safekit::safe::ArchivePath --
#
#	The real path of a name in an archive; an error where a part of it is a link.

proc ::safekit::safe::ArchivePath {grant name {last 1}} {
    set path [string trimright [dict get $grant root] /]
    set parts [split $name /]
    foreach part $parts {
	append path / $part
	if {!$last && [incr count] == [llength $parts]} {
	    break
	}
	if {[catch {file type $path} type]} {
	    # Not there: whatever is done will say so. What does not exist is not a link either.
	    continue
	}
	if {$type eq "link"} {
	    return -code error -errorcode {POSIX ELOOP {too many levels of symbolic links}} link
	}
    }
    return $path
}

#
# The operations, for both kinds. They throw errors of the system, which are not for the script: see Posix.
#

proc ::safekit::safe::OpenBeneath {grant name flags permissions} {
    if {[dict get $grant kind] eq "host"} {
	return [::starlit::beneath open [dict get $grant number] $name $flags $permissions]
    }
    set path [ArchivePath $grant $name]
    if {[file isdirectory $path]} {
	return -code error -errorcode {POSIX EISDIR {illegal operation on a directory}} directory
    }
    return [open $path $flags $permissions]
}

proc ::safekit::safe::StatBeneath {grant name} {
    if {[dict get $grant kind] eq "host"} {
	return [::starlit::beneath stat [dict get $grant number] $name]
    }
    file lstat [ArchivePath $grant $name 0] status
    set answer {}
    foreach key {type mode size atime mtime ctime} {
	dict set answer $key $status($key)
    }
    return $answer
}

# Names and types, in turn.

proc ::safekit::safe::ListBeneath {grant name} {
    if {[dict get $grant kind] eq "host"} {
	return [::starlit::beneath list [dict get $grant number] $name]
    }
    set path [ArchivePath $grant $name]
    set answer {}
    foreach child [glob -nocomplain -tails -directory $path -- * .*] {
	if {$child ni {. ..}} {
	    lappend answer $child [file type $path/$child]
	}
    }
    return $answer
}

proc ::safekit::safe::MkdirBeneath {grant name} {
    if {[dict get $grant kind] eq "host"} {
	::starlit::beneath mkdir [dict get $grant number] $name
    } else {
	file mkdir [ArchivePath $grant $name]
    }
}

# A link itself, a file, or an empty directory.

proc ::safekit::safe::DeleteBeneath {grant name} {
    if {[dict get $grant kind] eq "host"} {
	::starlit::beneath delete [dict get $grant number] $name
    } else {
	file delete [ArchivePath $grant $name 0]
    }
}

proc ::safekit::safe::RenameBeneath {grant name newGrant newName} {
    set kind [dict get $grant kind]
    if {$kind ne [dict get $newGrant kind]} {
	return -code error -errorcode {POSIX EXDEV {cross-domain link}} kinds
    }
    if {$kind eq "host"} {
	::starlit::beneath rename [dict get $grant number] $name [dict get $newGrant number] $newName
    } else {
	file rename -force -- [ArchivePath $grant $name 0] [ArchivePath $newGrant $newName 0]
    }
}
