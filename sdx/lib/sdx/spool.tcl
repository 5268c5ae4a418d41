# SPDX-License-Identifier: MIT
#
# spool.tcl: the contents of a tar file, which can only be read from its beginning to its end, put into a temporary
# archive, where they can be read in any order.
#
# Rules:
# 1. Names are made normal: "./a//b/" is a/b. What leads out, or lies below what is no directory, is an error.
# 2. Where a name comes again the later member counts, as for tar itself; that is noted, unless both are directories.
# 3. A hard link becomes a copy: two members have the same content in the archive.
# 4. In the archive contents have numbers for names. Under their own they would need their directories, and thousands
#    of these in one another take Tcl minutes.

::sdx::Load losses
::sdx::Load tar_reader

namespace eval ::sdx::spool {
    variable path		;# of the tar file, for messages
    variable point		;# where the archive is mounted
    variable skips		;# whether special files are left out
    variable members		;# by name: {type mode mtime size target origin}
    variable folders		;# by name: directories that are there or implied
    variable contents		;# how many are in the archive
    variable nameLetters	;# in all names of members
    variable folderLetters	;# in all names of directories that are implied

    # A name of 4000 letters can imply 2000 directories, whose names take a thousand times as much as it does. So many
    # letters of such names there may be: this, and for each letter of a member's name so many.
    variable folderLettersMin 16777216
    variable folderLettersPer 16
}

# ::sdx::spool::Tar --
#
#	Reads a tar file.
#
# Arguments:
#	archive -	The temporary archive, which is made.
#	encoding -	Of names in the tar file.
#	skip -		Whether what can be no member of an archive is left out; else it is an error.
#
# Results:
#	The members: a dict by name, each a list {type mode mtime size target origin}; origin is the name of a file's
#	content in the archive.

proc ::sdx::spool::Tar {file archive encoding skip} {
    variable path $file
    variable point $archive.mounted
    variable skips $skip
    variable members {}
    variable folders {}
    variable contents 0
    variable nameLetters 0
    variable folderLetters 0

    ::starlit::archive create $archive {} -mode 0600
    ::vfs::sqlar::Mount $archive $point
    try {
	::vfs::sqlar::transaction $point {
	    ::sdx::tar_reader::Each $file $encoding ::sdx::spool::Put
	}
    } trap POSIX {message options} {
	# Of a full disk Tcl tells no more than that.
	if {![string match "couldn't *" $message]} {
	    set message "couldn't write \"$archive\": $message"
	}
	return -options $options $message
    } finally {
	::vfs::sqlar::Unmount $point
    }
    return $members
}

# ::sdx::spool::Put --
#
#	Takes a member of the tar file.

proc ::sdx::spool::Put {member} {
    variable point
    variable skips
    variable members
    variable contents

    dict with member {}
    set origin ""
    set name [Clean $name]
    if {$name eq ""} {
	if {$type ne "directory"} {
	    Fail "a member in it has no name"
	}
	return
    }
    if {$type eq "special"} {
	if {!$skips} {
	    Fail "\"$name\" is a device or a FIFO (hint: -skip leaves such out)"
	}
	::sdx::losses::Add special "devices and FIFOs" $name
	return
    }
    Place $name $type
    switch -- $type {
	file {
	    set origin [incr contents]
	    set out [open $point/$origin wb]
	    try {
		::sdx::tar_reader::Copy $out
	    } finally {
		close $out
	    }
	}
	hardlink {
	    set source [Clean $target]
	    if {$source eq $name || ![dict exists $members $source]
		    || [lindex [dict get $members $source] 0] eq "directory"} {
		Fail "\"$name\" is a hard link to \"$source\", which is no file in front of it"
	    }
	    ::sdx::losses::Add hardlink "hard links became copies" $name
	    lassign [dict get $members $source] type mode mtime size target origin
	}
	link {
	    if {$target eq "" || [string length $target] > 4095 || [string first \0 $target] >= 0} {
		Fail "the target of the link \"$name\" is no path"
	    }
	}
    }
    if {$type ne "link"} {
	set target ""
    }
    dict set members $name [list $type $mode $mtime $size $target $origin]
}

# ::sdx::spool::Clean --
#
#	A name in its normal form; empty for the directory that all is in.

proc ::sdx::spool::Clean {name} {
    # Python's tarfile calls the directory that all is in "/".
    if {[string match /* $name] && [string trim $name /] ne ""} {
	Fail "the member name \"$name\" is absolute"
    }
    set parts [lsearch -all -inline -not -regexp [split $name /] {^\.?$}]
    foreach part $parts {
	if {$part eq ".."} {
	    Fail "the member name \"$name\" leads out of it"
	}
	if {[string length [encoding convertto utf-8 $part]] > 255} {
	    Fail "the member name \"$name\" has a part longer than 255 bytes"
	}
    }
    if {[string first \0 $name] >= 0 || [string length [encoding convertto utf-8 $name]] > 4095} {
	Fail "the member name \"$name\" is none"
    }
    return [join $parts /]
}

# ::sdx::spool::Place --
#
#	Makes room for a member, and the directories that it lies in.

proc ::sdx::spool::Place {name type} {
    variable members
    variable folders
    variable nameLetters
    variable folderLetters
    variable folderLettersMin
    variable folderLettersPer

    incr nameLetters [string length $name]
    set isFolder [expr {$type eq "directory"}]
    if {[dict exists $members $name] && [lindex [dict get $members $name] 0] ne "directory"} {
	if {$isFolder} {
	    Fail "\"$name\" is in it as a directory and as none"
	}
	::sdx::losses::Add duplicate "earlier members of the same name" $name
	dict unset members $name
	return
    }
    if {!$isFolder && [dict exists $folders $name]} {
	Fail "\"$name\" is in it as a directory and as none"
    }
    set above [expr {$isFolder ? "$name/" : $name}]
    while {[set end [string last / $above]] > 0} {
	set above [string range $above 0 $end-1]
	if {[dict exists $folders $above]} {
	    break
	}
	if {[dict exists $members $above]} {
	    Fail "\"$name\" lies below \"$above\", which is no directory"
	}
	dict set folders $above {}
	incr folderLetters $end
    }
    if {$folderLetters > $folderLettersMin + $folderLettersPer * $nameLetters} {
	Fail "its names imply too many directories"
    }
}

proc ::sdx::spool::Fail {cause} {
    variable path

    return -code error -level 2 -errorcode [list SDX TAR $path] "couldn't read \"$path\": $cause"
}
