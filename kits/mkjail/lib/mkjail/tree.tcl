# SPDX-License-Identifier: MIT
#
# tree.tcl: the root on the disk: made, compared, renewed, removed.
#
# Rules:
# 1. A program may have lived in the root, so nothing in it is believed: no link in it is followed, each directory
#    above a path is looked at before anything is done below it, and only regular files are read.
# 2. What is not in the manifest is never changed and never removed.
# 3. A file appears under its name whole, with its mode and owner. Until then it is .mkjail-new in the root, which a
#    run that was killed may leave, and the next one takes away.
# 4. The manifest is on the disk before the first file is, and covers at every moment all that has been made, so that
#    --remove and --update take over from a run that was killed.

namespace eval ::mkjail::tree {
    # Array: directories below the root that are known to be such.
    variable sound
    array set sound {}
    variable temporaryName .mkjail-new
}

# ::mkjail::tree::Root --
#
#	Checks the name of a root.
#
# Results:
#	Its absolute path, in which only the last part may be missing.

proc ::mkjail::tree::Root {given} {
    if {$given eq ""} {
	::mkjail::Fail USAGE "bad root \"\": must be the name of a directory"
    }
    set root [file normalize $given]
    if {$root eq "/"} {
	::mkjail::Fail REFUSED "couldn't use \"$given\" as a root: it is the host's own"
    }
    set written [file join [pwd] [string trimright $given /]]
    set status [::mkjail::host::Lstat $written]
    if {$status ne "" && [dict get $status kind] eq "link"} {
	::mkjail::Fail REFUSED "couldn't use \"$given\" as a root: it is a symbolic link (hint: name what it leads to)"
    }
    if {$status ne "" && [dict get $status kind] ne "directory"} {
	::mkjail::Fail REFUSED "couldn't use \"$given\" as a root: it is not a directory"
    }
    if {![file isdirectory [file dirname $root]]} {
	::mkjail::Fail ABSENT "couldn't use \"$given\" as a root: there is no directory \"[file dirname $root]\""
    }
    return $root
}

# ::mkjail::tree::CheckAbove --
#
#	Refuses a root that somebody else could put another directory in the place of, while we write to it.

proc ::mkjail::tree::CheckAbove {root uid} {
    set trusted [list 0 $uid]
    # In a user namespace, files of those without a name in it belong to the overflow user: root among them.
    if {![catch {::mkjail::host::Lstat /proc/self/uid_map} status] && $status ne ""} {
	set channel [open /proc/self/uid_map]
	set map [read $channel]
	close $channel
	if {[lindex $map 2] < 4294967295} {
	    lappend trusted 65534
	}
    }
    set path $root
    while {$path ne "/"} {
	set path [file dirname $path]
	set status [::mkjail::host::Lstat $path]
	set mode [dict get $status mode]
	if {[dict get $status uid] ni $trusted} {
	    ::mkjail::Fail REFUSED "couldn't use \"$root\" as a root: \"$path\" belongs to user\
		    [dict get $status uid], who could put something else in its place"
	}
	if {($mode & 022) && !($mode & 01000)} {
	    ::mkjail::Fail REFUSED "couldn't use \"$root\" as a root: others may write to \"$path\", and could put something\
		    else in its place"
	}
    }
    set status [::mkjail::host::Lstat $root]
    if {$status ne "" && [dict get $status uid] != $uid} {
	::mkjail::Fail REFUSED "couldn't use \"$root\" as a root: it belongs to user [dict get $status uid]"
    }
}

# ::mkjail::tree::Identity --
#
#	Who runs us: {uid gid}. Tcl cannot tell.

proc ::mkjail::tree::Identity {} {
    return [list [exec id -u] [exec id -g]]
}

# ::mkjail::tree::Own --
#
#	Gives each entry of a plan the owner it will have.

proc ::mkjail::tree::Own {entries identity} {
    lassign $identity uid gid
    set owned {}
    dict for {path entry} $entries {
	set owner $identity
	if {$uid == 0} {
	    set owner [expr {[dict exists $entry owner] ? [dict get $entry owner] : {0 0}}]
	}
	lassign $owner entryUid entryGid
	dict set owned $path [dict merge $entry [dict create uid $entryUid gid $entryGid]]
    }
    return $owned
}

# ::mkjail::tree::At --
#
#	The host's path of a path in the root, after a look at the directories above it.

proc ::mkjail::tree::At {root path} {
    variable sound

    if {$path eq "/"} {
	return $root
    }
    set above ""
    foreach part [lrange [split $path /] 1 end-1] {
	append above /$part
	if {![info exists sound($root$above)]} {
	    set status [::mkjail::host::Lstat $root$above]
	    if {$status eq "" || [dict get $status kind] ne "directory"} {
		::mkjail::Fail CHANGED "couldn't reach \"$path\" in the root: \"$above\" is not a directory"
	    }
	    set sound($root$above) 1
	}
    }
    return $root$path
}

# ::mkjail::tree::Differences --
#
#	How what is in the root differs from an entry: a list of {what is should}, empty when it does not.

proc ::mkjail::tree::Differences {root path entry} {
    try {
	set real [At $root $path]
    } trap {MKJAIL CHANGED} {} {
	return {{missing "" ""}}
    }
    set status [::mkjail::host::Lstat $real]
    if {$status eq ""} {
	return {{missing "" ""}}
    }
    set kind [dict get $entry kind]
    if {[dict get $status kind] ne $kind} {
	return [list [list kind [dict get $status kind] $kind]]
    }
    set differences {}
    foreach key {uid gid} {
	if {[dict get $status $key] != [dict get $entry $key]} {
	    lappend differences [list owner "[dict get $status uid]:[dict get $status gid]" \
		    "[dict get $entry uid]:[dict get $entry gid]"]
	    break
	}
    }
    if {$kind ne "link" && [dict get $status mode] != [dict get $entry mode]} {
	lappend differences [list mode [format %04o [dict get $status mode]] [format %04o [dict get $entry mode]]]
    }
    switch -- $kind {
	link {
	    set target [file readlink $real]
	    if {$target ne [dict get $entry target]} {
		lappend differences [list target $target [dict get $entry target]]
	    }
	}
	file {
	    if {[dict get $status size] != [dict get $entry size]} {
		lappend differences [list size [dict get $status size] [dict get $entry size]]
	    } else {
		try {
		    set sum [::mkjail::host::Sha256 $real]
		} trap {POSIX EACCES} {} {
		    set sum unreadable
		}
		if {$sum ne [dict get $entry sha256]} {
		    lappend differences [list sha256 $sum [dict get $entry sha256]]
		}
	    }
	}
	character {
	    set number [DeviceNumber $real]
	    if {$number ne [dict get $entry number]} {
		lappend differences [list device [join $number ,] [join [dict get $entry number] ,]]
	    }
	}
    }
    return $differences
}

# Major and minor number, which Tcl cannot tell.
proc ::mkjail::tree::DeviceNumber {real} {
    scan [exec stat -c "%t %T" $real] "%x %x" major minor
    return [list $major $minor]
}

# ::mkjail::tree::Check --
#
#	Compares a root with its manifest.
#
# Results:
#	A list of {path what is should}, sorted by path; what is one of missing, added, kind, owner, mode, size, sha256,
#	target, device, mounted (something is mounted there, and was not compared).

proc ::mkjail::tree::Check {root made} {
    variable sound

    array unset sound
    set entries [dict get $made entries]
    set drift {}
    set mounts {}
    set top [::mkjail::host::Lstat $root]
    if {$top eq ""} {
	return {{/ missing "" ""}}
    }
    foreach path [lsort [dict keys $entries]] {
	if {[Below $path $mounts]} {
	    continue
	}
	set entry [dict get $entries $path]
	if {[dict get $entry kind] eq "directory" && $path ne "/"
		&& ![catch {::mkjail::host::Lstat [At $root $path]} status] && $status ne ""
		&& [dict get $status kind] eq "directory" && [dict get $status device] != [dict get $top device]} {
	    lappend mounts $path
	    lappend drift [list $path mounted "" ""]
	    continue
	}
	foreach difference [Differences $root $path $entry] {
	    lappend drift [list $path {*}$difference]
	}
    }
    foreach path [Added $root $entries $mounts] {
	lappend drift [list $path added "" ""]
    }
    return [lsort -index 0 $drift]
}

proc ::mkjail::tree::Below {path folders} {
    foreach folder $folders {
	if {[string equal -length [string length $folder/] $folder/ $path]} {
	    return 1
	}
    }
    return 0
}

# ::mkjail::tree::Added --
#
#	What is in the root and not in the manifest; of an added directory only itself. The content of directories that are
#	the program's to write in is not looked at.

proc ::mkjail::tree::Added {root entries skipped} {
    set added {}
    set pending [list /]
    while {[llength $pending]} {
	set pending [lassign $pending folder]
	set status [::mkjail::host::Lstat $root[expr {$folder eq "/" ? "" : $folder}]]
	if {$status eq "" || [dict get $status kind] ne "directory" || $folder in $skipped} {
	    continue
	}
	foreach name [::mkjail::host::Names $root$folder] {
	    set path [expr {$folder eq "/" ? "/$name" : "$folder/$name"}]
	    if {![dict exists $entries $path]} {
		lappend added $path
	    } elseif {[dict get $entries $path kind] eq "directory" && ![dict exists $entries $path open]} {
		lappend pending $path
	    }
	}
    }
    return $added
}

# ::mkjail::tree::Build --
#
#	Makes a new root. When that fails, what was made is taken away again.
#
# Results:
#	The manifest as it was written.

proc ::mkjail::tree::Build {root manifest settings plan} {
    set identity [Identity]
    CheckAbove $root [lindex $identity 0]
    set status [::mkjail::host::Lstat $root]
    if {$status ne "" && [llength [::mkjail::host::Names $root]]} {
	::mkjail::Fail REFUSED "couldn't make \"$root\": it is there and not empty (hint: --update renews what mkjail has\
		made)"
    }
    if {[::mkjail::host::Lstat $manifest] ne ""} {
	::mkjail::Fail REFUSED "couldn't make \"$root\": its manifest \"$manifest\" is there (hint: --remove first)"
    }
    set made [dict create maderoot [expr {$status eq ""}] settings $settings defaults [dict get $plan defaults] \
	    entries [Own [dict get $plan entries] $identity]]
    ::mkjail::manifest::Write $manifest $made
    try {
	if {$status eq ""} {
	    file mkdir $root
	}
	set made [MakeAll $root $made [dict keys [dict get $made entries]]]
	::mkjail::manifest::Write $manifest $made
    } on error {message options} {
	catch {Remove $root $manifest $made 1}
	return -options $options $message
    }
    return $made
}

# Takes away what a run that was killed has left.
proc ::mkjail::tree::Tidy {root} {
    variable temporaryName

    set status [::mkjail::host::Lstat $root/$temporaryName]
    if {$status ne "" && [dict get $status kind] eq "file"} {
	file delete $root/$temporaryName
    }
}

# ::mkjail::tree::MakeAll --
#
#	Makes some paths of a manifest.
#
# Results:
#	The manifest, without what could not be made and may be missing.

proc ::mkjail::tree::MakeAll {root made paths} {
    variable sound

    array unset sound
    Tidy $root
    set kinds {}
    foreach path [lsort $paths] {
	dict lappend kinds [dict get $made entries $path kind] $path
    }
    set kinds [dict merge {directory {} file {} link {} character {}} $kinds]
    set mtime_s [Mtime $made]
    foreach path [concat [dict get $kinds directory] [dict get $kinds file]] {
	set made [MakeOne $root $made $path $mtime_s]
    }
    set made [MakeLinks $root $made [dict get $kinds link]]
    set refused {}
    foreach path [dict get $kinds character] {
	try {
	    set made [MakeOne $root $made $path $mtime_s]
	} trap CHILDSTATUS {message} {
	    lappend refused [file tail $path]
	    dict unset made entries $path
	}
    }
    if {[llength $refused]} {
	::mkjail::Note "without devices ([join $refused {, }]): making them was not permitted (hint: safekit --dev,\
		systemd and OCI bring their own)"
    }
    # What a directory gets changes its time.
    foreach path [lsort -decreasing [dict get $kinds directory]] {
	catch {file mtime $root[expr {$path eq "/" ? "" : $path}] $mtime_s}
    }
    return $made
}

# The time of what is written and not copied: SOURCE_DATE_EPOCH, else that of the newest file that is copied.
proc ::mkjail::tree::Mtime {made} {
    if {[info exists ::env(SOURCE_DATE_EPOCH)] && [string is wideinteger -strict $::env(SOURCE_DATE_EPOCH)]} {
	return $::env(SOURCE_DATE_EPOCH)
    }
    set newest 0
    dict for {path entry} [dict get $made entries] {
	if {[dict exists $entry mtime_s]} {
	    set newest [expr {max($newest, [dict get $entry mtime_s])}]
	}
    }
    return $newest
}

proc ::mkjail::tree::MakeOne {root made path mtime_s} {
    set entry [dict get $made entries $path]
    set real [At $root $path]
    switch -- [dict get $entry kind] {
	directory {
	    set status [::mkjail::host::Lstat $real]
	    if {$status eq ""} {
		file mkdir $real
	    } elseif {[dict get $status kind] ne "directory"} {
		::mkjail::Fail CHANGED "couldn't make directory \"$path\" in the root: a [dict get $status kind] is there"
	    }
	    try {
		Attributes $real $entry
	    } trap POSIX {message} {
		if {![dict exists $entry open]} {
		    error $message
		}
		# The service user may have no number in this user namespace.
		set status [::mkjail::host::Lstat $real]
		dict set made entries $path uid [dict get $status uid]
		dict set made entries $path gid [dict get $status gid]
		file attributes $real -permissions [format 0%o [dict get $entry mode]]
		::mkjail::Note "\"[string range $path 1 end]\" stays yours: it could not be given to user [dict get $entry uid]"
	    }
	}
	file {
	    MakeFile $root $real $entry $mtime_s
	}
	character {
	    set status [::mkjail::host::Lstat $real]
	    if {$status ne ""} {
		file delete $real
	    }
	    exec mknod -m [format %o [dict get $entry mode]] $real c {*}[dict get $entry number] 2>@1
	}
    }
    return $made
}

proc ::mkjail::tree::Attributes {real entry} {
    set status [::mkjail::host::Lstat $real]
    if {[dict get $status uid] != [dict get $entry uid]} {
	file attributes $real -owner [dict get $entry uid]
    }
    if {[dict get $status gid] != [dict get $entry gid]} {
	file attributes $real -group [dict get $entry gid]
    }
    # Last: a change of owner takes bits away.
    file attributes $real -permissions [format 0%o [dict get $entry mode]]
}

proc ::mkjail::tree::MakeFile {root real entry mtime_s} {
    variable temporaryName

    set temporary $root/$temporaryName
    set output [open $temporary {WRONLY CREAT EXCL} 0600]
    try {
	fconfigure $output -translation binary
	if {[dict exists $entry text]} {
	    puts -nonewline $output [dict get $entry text]
	} else {
	    set input [::mkjail::host::Open [dict get $entry real]]
	    try {
		fcopy $input $output
	    } finally {
		close $input
	    }
	    set mtime_s [dict get $entry mtime_s]
	}
	close $output
	if {[::mkjail::host::Sha256 $temporary] ne [dict get $entry sha256]} {
	    ::mkjail::Fail CHANGED "couldn't copy \"[dict get $entry real]\": it has changed meanwhile"
	}
	Attributes $temporary $entry
	file mtime $temporary $mtime_s
	# Rename would follow a link to a directory, or go into one.
	set status [::mkjail::host::Lstat $real]
	if {$status ne "" && [dict get $status kind] ne "file"} {
	    file delete $real
	}
	file rename -force $temporary $real
    } on error {message options} {
	catch {close $output}
	file delete $temporary
	return -options $options $message
    }
}

# ::mkjail::tree::MakeLinks --
#
#	Makes links. Tcl makes none that leads nowhere, so those that others lead to come first; what still leads nowhere is
#	left out.

proc ::mkjail::tree::MakeLinks {root made paths} {
    while {[llength $paths]} {
	set later {}
	foreach path $paths {
	    set real [At $root $path]
	    set status [::mkjail::host::Lstat $real]
	    if {$status ne ""} {
		file delete $real
	    }
	    try {
		file link -symbolic $real [dict get $made entries $path target]
	    } trap {POSIX ENOENT} {} {
		lappend later $path
	    }
	}
	if {[llength $later] == [llength $paths]} {
	    foreach path $later {
		::mkjail::Note "left out: link \"[string range $path 1 end]\" leads nowhere"
		dict unset made entries $path
	    }
	    break
	}
	set paths $later
    }
    return $made
}

# ::mkjail::tree::Changes --
#
#	What a renewal would do.
#
# Arguments:
#	old -	The manifest.
#	new -	A dict like it, with the entries of a new plan.
#
# Results:
#	A dict: make, renew, remove, conflict (lists of paths; a conflict is what was changed in the root since).

proc ::mkjail::tree::Changes {root old new} {
    variable sound

    array unset sound
    set changes {make {} renew {} remove {} conflict {}}
    set before [dict get $old entries]
    set after [dict get $new entries]
    foreach path [lsort -unique [concat [dict keys $before] [dict keys $after]]] {
	if {[dict exists $after $path]} {
	    set differences [Differences $root $path [dict get $after $path]]
	    set what [expr {[lindex $differences 0 0] eq "missing" ? "make" : "renew"}]
	} else {
	    set differences [Differences $root $path [dict get $before $path]]
	    if {[lindex $differences 0 0] eq "missing"} {
		continue
	    }
	    dict lappend changes [expr {[llength $differences] ? "conflict" : "remove"}] $path
	    continue
	}
	if {[llength $differences] == 0} {
	    continue
	}
	# A change that is not the host's: what is there is not what was made.
	if {$what eq "renew" && (![dict exists $before $path]
		|| [llength [Differences $root $path [dict get $before $path]]])} {
	    set what conflict
	}
	dict lappend changes $what $path
    }
    return $changes
}

# ::mkjail::tree::Update --
#
#	Renews a root from a new plan.
#
# Arguments:
#	force -	Whether to overwrite what was changed in the root since.
#	dry -	Whether to tell only.
#
# Results:
#	The changes, as by Changes.

proc ::mkjail::tree::Update {root manifest old settings plan force dry} {
    variable sound

    set identity [Identity]
    CheckAbove $root [lindex $identity 0]
    set new [dict create maderoot [dict get $old maderoot] settings $settings defaults [dict get $plan defaults] \
	    entries [Own [dict get $plan entries] $identity]]
    set withDevices [dict exists $old entries /dev/null]
    if {!$withDevices && [lindex $identity 0] != 0} {
	# They could not be made then and cannot be now.
	dict for {path entry} [dict get $new entries] {
	    if {[dict get $entry kind] eq "character"} {
		dict unset new entries $path
	    }
	}
    }
    set changes [Changes $root $old $new]
    if {$dry} {
	return $changes
    }
    set conflicts [dict get $changes conflict]
    if {[llength $conflicts] && !$force} {
	set shown [join [lrange $conflicts 0 9] ", "][expr {[llength $conflicts] > 10 ? ", ..." : ""}]
	::mkjail::Fail CHANGED "couldn't renew \"$root\": changed since it was made: $shown (hint: --force overwrites them)"
    }
    set both $new
    dict set both entries [dict merge [dict get $old entries] [dict get $new entries]]
    ::mkjail::manifest::Write $manifest $both
    set make [dict get $changes make]
    foreach path [lsort -decreasing [concat [dict get $changes remove] [dict get $changes renew] $conflicts]] {
	set wanted [dict exists $new entries $path]
	set kind [expr {$wanted ? [dict get $new entries $path kind] : ""}]
	if {$wanted} {
	    lappend make $path
	}
	if {!$wanted || [dict get [dict merge {kind ""} [::mkjail::host::Lstat [At $root $path]]] kind] ne $kind} {
	    try {
		file delete [At $root $path]
	    } trap {POSIX EEXIST} {} {
		::mkjail::Note "left: \"[string range $path 1 end]\" holds what mkjail has not made"
	    }
	}
    }
    array unset sound
    if {[::mkjail::host::Lstat $root] eq ""} {
	file mkdir $root
    }
    ::mkjail::manifest::Write $manifest [MakeAll $root $new $make]
    return $changes
}

# ::mkjail::tree::Remove --
#
#	Takes away what was made.
#
# Arguments:
#	force -	Whether also what was changed since.
#
# Results:
#	A dict: removed (a number), changed (what was left because it was changed), foreign (what is not ours).

proc ::mkjail::tree::Remove {root manifest made force} {
    variable sound

    array unset sound
    Tidy $root
    set entries [dict get $made entries]
    set removed 0
    set changed {}
    set foreign [expr {[::mkjail::host::Lstat $root] eq "" ? {} : [Added $root $entries {}]}]
    foreach path [lsort -decreasing [dict keys $entries]] {
	set entry [dict get $entries $path]
	set differences [Differences $root $path $entry]
	if {[lindex $differences 0 0] eq "missing"} {
	    continue
	}
	if {[dict get $entry kind] eq "directory" && [lindex $differences 0 0] ne "kind"} {
	    if {$path eq "/" && ![dict get $made maderoot]} {
		continue
	    }
	    try {
		file delete [At $root $path]
		incr removed
	    } trap {POSIX EEXIST} {} {
		if {[dict exists $entry open]} {
		    lappend foreign $path
		}
	    } trap {POSIX EBUSY} {} {
		lappend changed $path
	    }
	    continue
	}
	if {[llength $differences] && !$force} {
	    lappend changed $path
	    continue
	}
	try {
	    file delete [At $root $path]
	    incr removed
	} trap {POSIX EEXIST} {} {
	    # A directory, with something in it, where a file was.
	    lappend changed $path
	}
    }
    if {[llength $changed] == 0} {
	file delete $manifest
    }
    return [dict create removed $removed changed [lsort $changed] foreign [lsort $foreign]]
}
