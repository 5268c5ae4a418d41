# SPDX-License-Identifier: MIT
#
# files.tcl: open, source and file in a safe script.
#
# The subcommands of [file]:
#
#     on names alone    dirname extension join nativename normalize pathtype rootname separator split tail
#     with read or list exists isdirectory isfile lstat stat type size mtime atime readable writable executable
#     with write        copy delete mkdir rename
#     closed            attributes link owned readlink system tempfile volumes, and setting times
#
# A file is copied, and a tree deleted, in steps that look at the time limit.

namespace eval ::safekit::safe {
    # What [open] is given, as words of its list form.
    variable accessModes {
	r {RDONLY} r+ {RDWR} w {WRONLY CREAT TRUNC} w+ {RDWR CREAT TRUNC} a {WRONLY CREAT APPEND} a+ {RDWR CREAT APPEND}
    }
    # Subcommands of [file]: least and most arguments, usage, and the procedure that serves it.
    variable fileCommands {
	atime       {1 1 "name" FileTime}
	copy        {1 -1 "?-force? ?--? source ?source ...? target" FileCopy}
	delete      {0 -1 "?-force? ?--? ?pathname ...?" FileDelete}
	executable  {1 1 "name" FileMay}
	exists      {1 1 "name" FileIs}
	isdirectory {1 1 "name" FileIs}
	isfile      {1 1 "name" FileIs}
	lstat       {2 2 "name varName" FileStat}
	mkdir       {0 -1 "?name ...?" FileMkdir}
	mtime       {1 1 "name" FileTime}
	nativename  {1 1 "name" FileName}
	normalize   {1 1 "name" FileNormalize}
	readable    {1 1 "name" FileMay}
	rename      {2 -1 "?-force? ?--? source ?source ...? target" FileRename}
	size        {1 1 "name" FileTime}
	stat        {2 2 "name varName" FileStat}
	type        {1 1 "name" FileTime}
	writable    {1 1 "name" FileMay}
    }
    variable closedFileCommands {attributes link owned readlink system tempfile volumes}
}

# ::safekit::safe::AliasFile --
#
#	Gives a safe interpreter its subcommands of [file]; those on names alone are the Safe Base's.

proc ::safekit::safe::AliasFile {child} {
    variable fileCommands
    variable closedFileCommands

    foreach name [dict keys $fileCommands] {
	::interp alias $child ::tcl::file::$name {} ::safekit::safe::CallFile $child $name
    }
    foreach name $closedFileCommands {
	::interp alias $child ::tcl::file::$name {} ::safekit::safe::Closed "file $name"
    }
}

proc ::safekit::safe::CallFile {child name args} {
    variable fileCommands

    lassign [dict get $fileCommands $name] least most usage procedure
    set count [llength $args]
    if {$count == 2 && $name in {atime mtime}} {
	tailcall Closed "file $name" {*}$args
    }
    if {$count < $least || ($most >= 0 && $count > $most)} {
	return -code error -errorcode {TCL WRONGARGS} "wrong # args: should be \"file $name $usage\""
    }
    Serve $child [list $procedure $child $name {*}$args]
}

#
# open and source.
#

proc ::safekit::safe::DoOpen {child path {access r} {permissions 0o666}} {
    if {[string match |* $path]} {
	Deny open "couldn't open \"$path\"" "pipelines are not opened"
    }
    lassign [OpenMode $access] flags binary
    if {![string is integer -strict $permissions]} {
	Refuse {TCL VALUE NUMBER} "expected integer but got \"$permissions\""
    }
    # No setuid, setgid or sticky bit.
    set permissions [expr {$permissions & 0o777}]
    set rights [dict get {RDONLY read WRONLY write RDWR {read write}} [lindex $flags 0]]
    if {$rights eq "read" && "CREAT" in $flags} {
	lappend rights write
    }
    lassign [Demand $child $path "couldn't open" $rights] grant name shown
    set channel [Posix "couldn't open \"$shown\"" {OpenBeneath $grant $name $flags $permissions}]
    if {$binary} {
	fconfigure $channel -translation binary
    }
    if {"APPEND" in $flags} {
	seek $channel 0 end
    }
    ::interp transfer {} $channel $child
    return $channel
}

# ::safekit::safe::OpenMode --
#
# Results:
#	A list: words for open(2), of which the first tells reading from writing; whether the channel is binary.

proc ::safekit::safe::OpenMode {access} {
    variable accessModes

    set letters [string map {b ""} $access]
    if {[dict exists $accessModes $letters] && [regexp {^[rwa]b?\+?$|^[rwa]\+b$} $access]} {
	return [list [dict get $accessModes $letters] [string match *b* $access]]
    }
    if {[string is list $access]} {
	set direction {}
	set others {}
	set binary 0
	foreach word $access {
	    switch -- $word {
		RDONLY - WRONLY - RDWR {lappend direction $word}
		APPEND - CREAT - EXCL - TRUNC {lappend others $word}
		BINARY {set binary 1}
		NOCTTY - NONBLOCK {}
		default {set direction wrong}
	    }
	}
	if {[llength $direction] == 1 && $direction ne "wrong"} {
	    if {"TRUNC" in $others && $direction eq "RDONLY"} {
		# To truncate is to write, whatever the kernel makes of it.
		lappend others CREAT
	    }
	    return [list [concat $direction $others] $binary]
	}
    }
    Refuse {TCL LOOKUP INDEX access} "illegal access mode \"$access\""
}

proc ::safekit::safe::DoSource {child args} {
    set encoding ""
    if {[llength $args] == 3} {
	if {[lindex $args 0] ne "-encoding"} {
	    Refuse {TCL LOOKUP INDEX option} "bad option \"[lindex $args 0]\": must be -encoding"
	}
	set encoding [CheckEncoding [lindex $args 1]]
    } elseif {[llength $args] == 2} {
	Refuse {TCL WRONGARGS} "wrong # args: should be \"source ?-encoding name? fileName\""
    }
    lassign [Demand $child [lindex $args end] "couldn't read file" read] grant name shown
    set what "couldn't read file \"$shown\""
    if {[catch {StatBeneath $grant $name} - options] && [lindex [dict get $options -errorcode] 1] eq "ENOENT"} {
	# The code by which the Safe Base has it, so that the search for packages goes on.
	Refuse {POSIX EACCES {no such file or directory}} "$what: no such file or directory"
    }
    set channel [Posix $what {OpenBeneath $grant $name RDONLY 0}]
    return [EvalFile $child $shown [ReadScript $channel $encoding]]
}

proc ::safekit::safe::ReadScript {channel encoding} {
    try {
	fconfigure $channel -encoding [expr {$encoding eq "" ? [encoding system] : $encoding}] -translation auto \
	    -eofchar "\x1a {}"
	return [read $channel]
    } finally {
	close $channel
    }
}

# ::safekit::safe::EvalFile --
#
#	Evaluates a script in the interpreter, at the level of the command that is running there, as [source] does.
#
# Arguments:
#	name -		The script's own name for the file.

proc ::safekit::safe::EvalFile {child name contents} {
    set old [::interp eval $child {::info script}]
    ::interp eval $child [list ::info script $name]
    # Caught there and not here: only there the line is known. Who has replaced [catch] deceives himself alone.
    set caught [list ::catch $contents ::safekit::result ::safekit::options]
    if {[catch {
	set code [::interp eval $child $caught]
	set result [::interp eval $child {::set ::safekit::result}]
	set options [::interp eval $child {::set ::safekit::options}]
	set level [dict get $options -level]
	if {$code == 2 && $level <= 1} {
	    # [return] ends a file.
	    set code [dict get $options -code]
	}
	if {![string is integer -strict $code]} {
	    error "not a code"
	}
    } message]} {
	# A limit was exceeded, or the interpreter is no more.
	Refuse {SAFEKIT STOPPED} $message
    }
    catch {::interp eval $child [list ::info script $old]}
    switch -- $code {
	0 {
	    return $result
	}
	1 {
	    foreach {key default} {-errorcode NONE -errorinfo {} -errorline 0} {
		set given($key) [expr {[dict exists $options $key] ? [dict get $options $key] : $default}]
	    }
	    return -code error -errorcode [list SAFEKIT-SCRIPT [dict create -code 1 -errorcode $given(-errorcode) \
		-errorinfo "$given(-errorinfo)\n    (file \"$name\" line $given(-errorline))" -errorstack {}]] $result
	}
	default {
	    return -code error -errorcode [list SAFEKIT-SCRIPT [dict create -code $code]] $result
	}
    }
}

#
# file: questions.
#

# The status of a file, or nothing where there is none; a denial where the script may not ask.

proc ::safekit::safe::StatusOf {child path what} {
    lassign [Resolve $child $path $what] grant name shown
    if {"read" ni [dict get $grant rights] && "list" ni [dict get $grant rights]} {
	Demand $child $path $what read
    }
    if {[catch {StatBeneath $grant $name} status options]} {
	return [list {} $grant $shown [lindex [dict get $options -errorcode] 1]]
    }
    return [list $status $grant $shown ""]
}

# As Tcl has it, a question about what must not be known is answered with no.

proc ::safekit::safe::FileIs {child question path} {
    if {[catch {StatusOf $child $path "couldn't look at"} answer] || [lindex $answer 0] eq ""} {
	return 0
    }
    set type [dict get [lindex $answer 0] type]
    return [expr {$question eq "exists" || $type eq [dict get {isfile file isdirectory directory} $question]}]
}

proc ::safekit::safe::FileMay {child question path} {
    if {[catch {StatusOf $child $path "couldn't look at"} answer] || [lindex $answer 0] eq ""} {
	return 0
    }
    lassign $answer status grant
    lassign [dict get {readable {read 0o444} writable {write 0o222} executable {exec 0o111}} $question] right bits
    return [expr {$right in [dict get $grant rights] && ([dict get $status mode] & $bits) != 0}]
}

proc ::safekit::safe::MustStatus {child path} {
    lassign [StatusOf $child $path "could not read"] status grant shown error
    if {$status eq ""} {
	Refuse [list POSIX $error] "could not read \"$shown\": no such file or directory"
    }
    return $status
}

proc ::safekit::safe::FileTime {child key path} {
    return [dict get [MustStatus $child $path] $key]
}

# Who owns a file, and where on the disk it is, stay the host's.

proc ::safekit::safe::FileStat {child command path variable} {
    set status [MustStatus $child $path]
    foreach key {dev ino uid gid} {
	dict set status $key 0
    }
    dict set status nlink 1
    ::interp eval $child [list ::array set $variable $status]
    return
}

proc ::safekit::safe::FileName {child command path} {
    return $path
}

proc ::safekit::safe::FileNormalize {child command path} {
    # Where nothing is granted a name stands for nothing, so it is as normal as any.
    if {[catch {Resolve $child $path "couldn't normalize"} resolved]} {
	return $path
    }
    return [lindex $resolved 2]
}

#
# file: changes.
#

proc ::safekit::safe::FileMkdir {child command args} {
    foreach path $args {
	set what "can't create directory"
	lassign [Demand $child $path $what write] grant name shown
	set made ""
	foreach part [split $name /] {
	    append made [expr {$made eq "" ? "" : "/"}] $part
	    if {[catch {StatBeneath $grant $made} status]} {
		Posix "$what \"$shown\"" {MkdirBeneath $grant $made}
	    } elseif {[dict get $status type] ne "directory"} {
		Refuse {POSIX EEXIST {file already exists}} "$what \"$shown\": file already exists"
	    }
	}
    }
}

# Takes -force and -- away. Results: whether -force was there, and the names.

proc ::safekit::safe::ForceOption {words} {
    set force 0
    while {[string match -* [lindex $words 0]]} {
	set words [lassign $words word]
	switch -- $word {
	    -force {set force 1}
	    -- {break}
	    default {Refuse {TCL LOOKUP INDEX option} "bad option \"$word\": must be -force or --"}
	}
    }
    return [list $force $words]
}

proc ::safekit::safe::FileDelete {child command args} {
    lassign [ForceOption $args] force paths
    foreach path $paths {
	lassign [Demand $child $path "error deleting" write] grant name shown
	if {$name eq ""} {
	    Deny path "error deleting \"$shown\"" "it was granted itself"
	}
	if {[catch {StatBeneath $grant $name} status options]} {
	    if {[lindex [dict get $options -errorcode] 1] ni {ENOENT ENOTDIR}} {
		Posix "error deleting \"$shown\"" {StatBeneath $grant $name}
	    }
	    continue
	}
	if {$force && [dict get $status type] eq "directory"} {
	    DeleteTree $child $grant $name $shown
	} else {
	    Posix "error deleting \"$shown\"" {DeleteBeneath $grant $name}
	}
    }
}

proc ::safekit::safe::DeleteTree {child grant name shown} {
    foreach {part type} [Posix "error deleting \"$shown\"" {ListBeneath $grant $name}] {
	CheckTime $child
	if {$type eq "directory"} {
	    DeleteTree $child $grant $name/$part $shown/$part
	} else {
	    Posix "error deleting \"$shown/$part\"" {DeleteBeneath $grant $name/$part}
	}
    }
    Posix "error deleting \"$shown\"" {DeleteBeneath $grant $name}
}

proc ::safekit::safe::FileCopy {child command args} {
    Transfer $child copy copying $args
}

proc ::safekit::safe::FileRename {child command args} {
    Transfer $child rename renaming $args
}

# ::safekit::safe::Transfer --
#
#	What [file copy] and [file rename] have in common: sources, and a target that is a name or a directory.

proc ::safekit::safe::Transfer {child command verb words} {
    lassign [ForceOption $words] force paths
    if {[llength $paths] < 2} {
	Refuse {TCL WRONGARGS} "wrong # args: should be \"file $command ?-option value ...? source ?source ...? target\""
    }
    set target [lindex $paths end]
    lassign [Demand $child $target "error $verb to" write] toGrant toName toShown
    set intoDirectory [IsType $toGrant $toName directory]
    if {[llength $paths] > 2 && !$intoDirectory} {
	Refuse {POSIX ENOTDIR {not a directory}} "error $verb: target \"$toShown\" is not a directory"
    }
    foreach path [lrange $paths 0 end-1] {
	set rights [expr {$command eq "copy" ? "read" : {read write}}]
	lassign [Demand $child $path "error $verb" $rights] grant name shown
	if {$name eq ""} {
	    Deny path "error $verb \"$shown\"" "it was granted itself"
	}
	set newName $toName
	set newShown $toShown
	if {$intoDirectory} {
	    set tail [lindex [split $name /] end]
	    set newName [string trimleft $toName/$tail /]
	    set newShown $toShown/$tail
	}
	set what "error $verb \"$shown\" to \"$newShown\""
	set status [Posix "error $verb \"$shown\"" {StatBeneath $grant $name}]
	if {![catch {StatBeneath $toGrant $newName} newStatus]} {
	    if {!$force} {
		Refuse {POSIX EEXIST {file already exists}} "$what: file already exists"
	    }
	    if {[dict get $newStatus type] ne [dict get $status type]} {
		Refuse {POSIX EISDIR {illegal operation on a directory}} "$what: one is a directory, the other is not"
	    }
	}
	if {[dict get $grant root] eq [dict get $toGrant root] && [string match [EscapePattern $name]/* $newName]} {
	    Refuse {POSIX EINVAL {invalid argument}} "$what: trying to $command a directory into itself"
	}
	if {$command eq "rename"} {
	    if {![catch {RenameBeneath $grant $name $toGrant $newName} - options]} {
		continue
	    }
	    if {[lindex [dict get $options -errorcode] 1] ne "EXDEV"} {
		Posix $what {return -options $options -}
	    }
	}
	CopyTree $child $grant $name $toGrant $newName $status $what
	if {$command eq "rename"} {
	    if {[dict get $status type] eq "directory"} {
		DeleteTree $child $grant $name $shown
	    } else {
		Posix $what {DeleteBeneath $grant $name}
	    }
	}
    }
}

proc ::safekit::safe::IsType {grant name type} {
    return [expr {![catch {StatBeneath $grant $name} status] && [dict get $status type] eq $type}]
}

proc ::safekit::safe::CopyTree {child grant name newGrant newName status what} {
    switch -- [dict get $status type] {
	file {
	    CopyFile $child $grant $name $newGrant $newName [dict get $status mode] $what
	}
	directory {
	    if {![IsType $newGrant $newName directory]} {
		Posix $what {MkdirBeneath $newGrant $newName}
	    }
	    foreach {part -} [Posix $what {ListBeneath $grant $name}] {
		set partStatus [Posix $what {StatBeneath $grant $name/$part}]
		CopyTree $child $grant $name/$part $newGrant $newName/$part $partStatus $what
	    }
	}
	link {
	    Deny link $what "links are not followed"
	}
	default {
	    Refuse {POSIX EACCES {permission denied}} "$what: not a regular file"
	}
    }
}

proc ::safekit::safe::CopyFile {child grant name newGrant newName mode what} {
    set from [Posix $what {OpenBeneath $grant $name RDONLY 0}]
    try {
	set to [Posix $what {OpenBeneath $newGrant $newName {WRONLY CREAT TRUNC} [expr {$mode & 0o777}]}]
	try {
	    fconfigure $from -translation binary
	    fconfigure $to -translation binary
	    while {![eof $from]} {
		CheckTime $child
		Posix $what {fcopy $from $to -size 1048576}
	    }
	} finally {
	    Posix $what {close $to}
	}
    } finally {
	close $from
    }
}
