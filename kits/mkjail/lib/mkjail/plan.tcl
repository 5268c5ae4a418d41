# SPDX-License-Identifier: MIT
#
# plan.tcl: what has to be in a root, and why, before anything is made.
#
# A plan is a dict: path, from the root's "/", -> entry; an entry is a dict:
#	kind	directory, file, link or character
#	mode	permissions; of a link none
#	owner	{uid gid}, or nothing: whoever makes the root, and root for root
#	size sha256	of a file
#	real	where a copied file lies on the host; text: the bytes of a written one
#	mtime_s	of a copied file
#	target	of a link
#	number	{major minor} of a device
#	open	1: a directory whose content is the program's, not ours
#	why	list of reasons
#
# Rules:
# 1. A path in the plan is canonical in the plan: each directory above it is a directory there. The host's links on
#    the way to a file become links of the plan, and relative ones, so that they stay in the root whoever looks at
#    them.
# 2. Of the mode of a copied file only 0755 remains: set-user-id and the like are taken away, which is said, and
#    nobody but the owner may write.
# 3. The same host and settings give the same plan.

namespace eval ::mkjail::plan {
    variable maxInterpreters 4
    variable maxReasons 8
    # Where a program is looked for that is named without a slash.
    variable programPath {/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin}
    # Directories of every root; mount points most of them.
    variable skeleton {/dev /etc /proc /run /sys /usr /var}
    variable mergedNames {/bin /sbin /lib /lib64}
    variable devices {null {1 3} zero {1 5} full {1 7} random {1 8} urandom {1 9}}
    # Libraries that themselves hold the functions that rules ask for.
    variable libcPattern {^(lib(c|pthread|dl|resolv|anl|rt|util|m|mvec|nss_[a-z]+)\.so\.|ld-)}

    # The plan in the making, a dict as above, and what is known so far.
    variable entries
    variable facts
    variable defaults
    variable settings
    # Array: canonical path -> what elf::Read says.
    variable elfs
    # Array: canonical path of each ELF file whose libraries are in the plan -> 2 if none is missing for sure.
    variable closed
    # Dict: name -> path of the libraries for ld.so.cache, and what says the machine's kind.
    variable cached
    variable cacheElf
}

# ::mkjail::plan::Make --
#
#	Makes the plan.
#
# Results:
#	A dict: entries, defaults (of the settings that rules know better).

proc ::mkjail::plan::Make {given} {
    variable entries {}
    variable facts [dict create needs {} symbols {} programs {} oldlibc 0 libdir ""]
    variable defaults {}
    variable settings $given
    variable elfs
    variable closed
    variable cached {}
    variable cacheElf ""
    variable skeleton
    variable mergedNames

    array unset elfs
    array unset closed
    ::mkjail::host::Use [dict get $settings from] [dict get $settings sysroot]

    Put / {kind directory mode 0755} "the root"
    foreach path $skeleton {
	Folder $path "a usual directory"
    }
    Put /tmp {kind directory mode 01777 open 1} "temporary files"
    foreach path $mergedNames {
	set status [::mkjail::host::Look $path]
	if {$status ne "" && [dict get $status kind] eq "link"} {
	    Path $path "as on the host"
	}
    }
    foreach spec [dict get $settings file] {
	AddFile $spec
    }
    foreach program [dict get $settings programs] {
	Program $program "a program"
    }
    foreach name [dict get $settings library] {
	Library $name "by --library"
    }
    foreach path [dict get $settings directory] {
	Folder $path "by --directory"
    }
    foreach zone [dict get $settings timezone] {
	Path /usr/share/zoneinfo/$zone "by --timezone"
    }
    Rules
    Writable
    Devices
    Cache
    return [dict create entries [Finish] defaults $defaults]
}

# ::mkjail::plan::Put --
#
#	Puts an entry into the plan, and the directories above it. What is there already stays, with one more reason.

proc ::mkjail::plan::Put {path entry why} {
    variable entries
    variable maxReasons

    if {[dict exists $entries $path]} {
	set old [dict get $entries $path]
	if {[dict get $old kind] ne [dict get $entry kind]} {
	    ::mkjail::Fail REFUSED "couldn't plan \"$path\": it is to be a [dict get $old kind]\
		    ([lindex [dict get $old why] 0]) and a [dict get $entry kind] ($why)"
	}
	set reasons [dict get $old why]
	if {$why ni $reasons && [llength $reasons] < $maxReasons && [dict get $old kind] eq "file"} {
	    dict lappend old why $why
	    dict set entries $path $old
	}
	return
    }
    if {$path ne "/"} {
	set above [string range $path 0 [string last / $path]-1]
	Put [expr {$above eq "" ? "/" : $above}] {kind directory mode 0755} "holds [string range $path 1 end]"
    }
    dict set entry why [list $why]
    dict set entries $path $entry
}

# ::mkjail::plan::Folder --
#
#	Plans a directory, wherever links of the host or the plan lead. Returns its path.

proc ::mkjail::plan::Folder {path why} {
    set canonical [Place $path $why]
    Put $canonical {kind directory mode 0755} $why
    return $canonical
}

# ::mkjail::plan::Place --
#
#	The canonical path in the plan of a path that need not be on the host: links of the host in the directories above
#	it become links of the plan.

proc ::mkjail::plan::Place {path why} {
    variable entries

    if {![string match /* $path]} {
	::mkjail::Fail USAGE "bad path \"$path\": must begin with a slash"
    }
    set pending [split $path /]
    set here ""
    set count 0
    while {[llength $pending]} {
	set pending [lassign $pending part]
	if {$part in {"" .}} {
	    continue
	}
	if {$part eq ".."} {
	    ::mkjail::Fail USAGE "bad path \"$path\": must not have \"..\""
	}
	set next $here/$part
	set target ""
	if {[dict exists $entries $next]} {
	    if {[dict get $entries $next kind] eq "link"} {
		set target [dict get $entries $next target]
	    }
	} else {
	    set status [::mkjail::host::Look $next]
	    if {$status ne "" && [dict get $status kind] eq "link" && [llength $pending]} {
		set target [Link $next [file readlink [dict get $status real]] $why]
	    }
	}
	if {$target eq ""} {
	    set here $next
	    continue
	}
	if {[incr count] > 40} {
	    ::mkjail::Fail REFUSED "couldn't plan \"$path\": too many symbolic links"
	}
	set steps [split $target /]
	while {[lindex $steps 0] eq ".."} {
	    set here [string range $here 0 [string last / $here]-1]
	    set steps [lrange $steps 1 end]
	}
	set pending [concat $steps $pending]
    }
    return [expr {$here eq "" ? "/" : $here}]
}

# ::mkjail::plan::Link --
#
#	Plans a link. Returns its target there: relative, with "..", if any, only in front.

proc ::mkjail::plan::Link {path target why} {
    set folder [lrange [split $path /] 1 end-1]
    set goal [expr {[string match /* $target] ? {} : $folder}]
    foreach part [split $target /] {
	switch -- $part {
	    "" - . {}
	    .. {
		# The parent of where a link leads, if the host has one there.
		if {![catch {::mkjail::host::Walk /[join $goal /]} walked]} {
		    set goal [lrange [split [lindex $walked 0] /] 1 end]
		}
		set goal [lrange $goal 0 end-1]
	    }
	    default {
		lappend goal $part
	    }
	}
    }
    while {[llength $folder] && [llength $goal] > 1 && [lindex $folder 0] eq [lindex $goal 0]} {
	set folder [lrange $folder 1 end]
	set goal [lrange $goal 1 end]
    }
    set relative [join [concat [lrepeat [llength $folder] ..] $goal] /]
    if {$relative eq ""} {
	set relative .
    }
    Put $path [dict create kind link target $relative] $why
    return $relative
}

# ::mkjail::plan::Path --
#
#	Plans what the host has at a path: the links on the way, and the file, directory or tree at its end.
#
# Arguments:
#	whole -	Whether of a directory everything in it is meant,
#	except -	but for what is named like one of these patterns.
#
# Results:
#	Its canonical path.

proc ::mkjail::plan::Path {path why {whole 0} {except {}}} {
    lassign [::mkjail::host::Walk $path] canonical links
    foreach link $links {
	lassign $link from target
	Link $from $target "on the way to [string range $canonical 1 end]"
    }
    set status [::mkjail::host::Look $canonical]
    switch -- [dict get $status kind] {
	file {
	    File $canonical $status $why
	}
	directory {
	    Put $canonical [dict create kind directory mode [expr {[dict get $status mode] & 0755}]] $why
	    if {$whole} {
		foreach name [::mkjail::host::Children $canonical] {
		    if {![Matches $name $except]} {
			Child $canonical/$name $why $except
		    }
		}
	    }
	}
	default {
	    ::mkjail::Fail REFUSED "couldn't take \"$path\": neither a file nor a directory nor a link"
	}
    }
    return $canonical
}

proc ::mkjail::plan::Matches {name patterns} {
    foreach pattern $patterns {
	if {[string match $pattern $name]} {
	    return 1
	}
    }
    return 0
}

# ::mkjail::plan::Child --
#
#	Plans what is in a directory that is taken as a whole: what leads nowhere or is no file is left out.

proc ::mkjail::plan::Child {path why except} {
    set status [::mkjail::host::Look $path]
    set kind [expr {$status eq "" ? "" : [dict get $status kind]}]
    try {
	if {$kind eq ""} {
	    ::mkjail::Fail ABSENT "\"$path\" has gone, or its name is not UTF-8"
	}
	if {$kind ni {file directory link}} {
	    ::mkjail::Fail REFUSED "\"$path\" is neither a file nor a directory nor a link"
	}
	# What a link leads to is taken too, but of a directory not all that is in it: it may be the whole host.
	Path $path $why [expr {$kind eq "directory"}] $except
    } trap {MKJAIL ABSENT} {message} - trap {MKJAIL REFUSED} {message} {
	::mkjail::Note "left out: $message"
    }
}

# ::mkjail::plan::File --
#
#	Plans a copy of a file of the host, and the libraries it needs if it is an ELF file.

proc ::mkjail::plan::File {path status why} {
    variable entries

    if {[dict exists $entries $path]} {
	Put $path {kind file} $why
	return
    }
    set mode [dict get $status mode]
    if {$mode & 07000} {
	::mkjail::Note "\"$path\" loses its special permissions ([format %04o $mode])"
    }
    Put $path [dict create kind file mode [expr {$mode & 0755}] size [dict get $status size] \
	    real [dict get $status real] mtime_s [dict get $status mtime_s]] $why
    try {
	set elf [ReadElf $path [dict get $status real]]
    } trap {MKJAIL ELF} {message} {
	# Data, until something wants to run it.
	::mkjail::Note $message
	return
    }
    if {$elf ne ""} {
	Libraries $path $elf 0
    }
}

proc ::mkjail::plan::ReadElf {path {real ""}} {
    variable elfs

    if {![info exists elfs($path)]} {
	if {$real eq ""} {
	    set real [dict get [::mkjail::host::Look $path] real]
	}
	set elfs($path) [::mkjail::elf::Read $real [::mkjail::rules::Symbols]]
    }
    return $elfs($path)
}

# ::mkjail::plan::Libraries --
#
#	Plans what an ELF file needs.
#
# Arguments:
#	strict -	Whether a library that is not there is an error, or only worth a note.

proc ::mkjail::plan::Libraries {path elf strict} {
    variable closed
    variable facts
    variable settings
    variable libcPattern
    variable cached
    variable cacheElf

    if {[info exists closed($path)] && $closed($path) > $strict} {
	return
    }
    set closed($path) [expr {1 + $strict}]
    if {![regexp $libcPattern [file tail $path]]} {
	foreach symbol [dict get $elf symbols] {
	    Fact symbols $symbol
	}
	if {"dlopen" in [dict get $elf symbols]} {
	    Fact dlopen $path
	}
    }
    set libraries [::mkjail::loader::Closure $path $elf [dict get $settings library-path] \
	    ::mkjail::plan::ReadElf [list ::mkjail::plan::Missing $strict]]
    set found [lmap library $libraries {
	lassign [::mkjail::host::Walk [dict get $library path]] canonical
	set closed($canonical) [expr {1 + $strict}]
	set canonical
    }]
    foreach library $libraries canonical $found {
	lassign [lmap key {name by path} {dict get $library $key}] name by asFound
	set what [expr {$name eq [dict get $elf interpreter] ? "the dynamic linker of" : "$name, needed by"}]
	Path $asFound "$what [string range $by 1 end]"
	set its [ReadElf $canonical]
	if {![regexp $libcPattern [file tail $canonical]]} {
	    foreach symbol [dict get $its symbols] {
		Fact symbols $symbol
	    }
	}
	if {[dict get $library cached]} {
	    set cacheElf $elf
	    dict set cached $name $asFound
	}
	Fact needs $name
	if {$name eq "libc.so.6" && [dict get $facts libdir] eq ""} {
	    dict set facts libdir [string range $canonical 0 [string last / $canonical]-1]
	    if {![HoldsText $canonical GLIBC_2.34]} {
		dict set facts oldlibc 1
	    }
	}
    }
}

proc ::mkjail::plan::Missing {strict name needer} {
    set message "couldn't find library \"$name\", needed by \"$needer\""
    if {$strict} {
	::mkjail::Fail ABSENT "$message (hint: --library-path DIR)"
    }
    ::mkjail::Note $message
}

# Whether one of the first bytes of a file are these (GLIBC_2.34: since then, name services are in the C library).
proc ::mkjail::plan::HoldsText {path text} {
    return [expr {[string first $text\0 [::mkjail::host::Read $path 16777216]] >= 0}]
}

proc ::mkjail::plan::Fact {name value} {
    variable facts

    if {![dict exists $facts $name] || $value ni [dict get $facts $name]} {
	dict lappend facts $name $value
    }
}

# ::mkjail::plan::Library --
#
#	Plans a library by its name, as the first program would find it, or by its path.

proc ::mkjail::plan::Library {name why} {
    variable settings
    variable cached
    variable cacheElf

    if {[string match /* $name]} {
	Path $name $why
	return
    }
    foreach program [dict get $settings programs] {
	set path [FindProgram $program]
	set elf [ReadElf [lindex [::mkjail::host::Walk $path] 0]]
	if {$elf eq ""} {
	    continue
	}
	# As if it were needed by the program, and nothing else were.
	dict set elf needed [list $name]
	foreach key {filter audit auxiliary} {
	    dict set elf $key {}
	}
	foreach library [::mkjail::loader::Closure $path $elf [dict get $settings library-path] \
		::mkjail::plan::ReadElf [list ::mkjail::plan::Missing 1]] {
	    if {[dict get $library name] eq $name} {
		Fact needs $name
		if {[dict get $library cached]} {
		    set cacheElf $elf
		    dict set cached $name [dict get $library path]
		}
		Path [dict get $library path] $why
	    }
	}
	return
    }
    ::mkjail::Fail ABSENT "couldn't find library \"$name\": no program is an ELF file"
}

# ::mkjail::plan::FindProgram --
#
#	The path of a program as named on the command line.

proc ::mkjail::plan::FindProgram {name} {
    variable programPath

    if {[string match /* $name]} {
	return $name
    }
    if {[string first / $name] < 0} {
	foreach folder $programPath {
	    set found [::mkjail::host::Find $folder/$name]
	    if {$found ne "" && [dict get $found kind] eq "file"} {
		return $folder/$name
	    }
	}
	::mkjail::Fail ABSENT "couldn't find program \"$name\" in [join $programPath :]"
    }
    ::mkjail::Fail USAGE "bad program \"$name\": must be a path that begins with a slash, or a name without one"
}

# ::mkjail::plan::Program --
#
#	Plans a program, its interpreters and its libraries.

proc ::mkjail::plan::Program {name why {depth 0}} {
    variable maxInterpreters
    variable entries

    if {$depth > $maxInterpreters} {
	::mkjail::Fail REFUSED "couldn't follow the interpreters of a script: more than $maxInterpreters"
    }
    set path [FindProgram $name]
    set canonical ""
    # A program given by --file is in the plan, not on the host.
    set place [Place $path $why]
    if {[dict exists $entries $place real] && [dict get $entries $place kind] eq "file"} {
	set canonical $place
	set real [dict get $entries $place real]
	set mode [dict get $entries $place mode]
    } else {
	lassign [::mkjail::host::Walk $path] canonical
	set status [::mkjail::host::Look $canonical]
	if {[dict get $status kind] ne "file"} {
	    ::mkjail::Fail REFUSED "couldn't use \"$path\" as a program: not a file"
	}
	set real [dict get $status real]
	set mode [dict get $status mode]
    }
    if {!($mode & 0111)} {
	::mkjail::Fail REFUSED "couldn't use \"$path\" as a program: not executable"
    }
    Fact programs [file tail $path]
    Fact programs [file tail $canonical]
    set elf [ReadElf $canonical $real]
    if {$elf ne ""} {
	# Before its file is planned, so that what is missing is an error.
	Libraries $canonical $elf 1
    }
    if {$place ne $canonical || ![dict exists $entries $canonical]} {
	Path $path $why
    } else {
	Put $canonical {kind file} $why
    }
    if {$elf ne ""} {
	return
    }
    set channel [::mkjail::host::Open $real]
    try {
	# As much as the kernel reads (BINPRM_BUF_SIZE).
	set line [lindex [split [read $channel 256] \n] 0]
    } finally {
	close $channel
    }
    if {![regexp {^#![ \t]*(\S+)[ \t]*(.*?)[ \t\r]*$} $line - interpreter argument]} {
	::mkjail::Fail REFUSED "couldn't use \"$path\" as a program: neither an ELF file nor a #! script"
    }
    set reason "the interpreter of [string range $canonical 1 end]"
    Program [encoding convertfrom utf-8 $interpreter] $reason [expr {$depth + 1}]
    if {[file tail $interpreter] eq "env"} {
	set words [regexp -all -inline {\S+} [encoding convertfrom utf-8 $argument]]
	while {[llength $words] && ([string match -* [lindex $words 0]] || [string match *=* [lindex $words 0]])} {
	    set words [lrange $words 1 end]
	}
	if {[llength $words]} {
	    Program [lindex $words 0] $reason [expr {$depth + 1}]
	}
    }
}

# ::mkjail::plan::AddFile --
#
#	Plans what an option --file names: SRC, at the same path or at DEST; a directory with all that is in it.

proc ::mkjail::plan::AddFile {spec} {
    if {![regexp {^(.+):(/[^:]*)$} $spec - source destination]} {
	if {![string match /* $spec]} {
	    ::mkjail::Fail USAGE "bad file \"$spec\": must begin with a slash, or be SRC:DEST"
	}
	Path $spec "by --file" 1
	return
    }
    # The last link is followed here.
    set source [file dirname [file normalize $source/...]]
    set status [::mkjail::host::Lstat $source]
    if {$status eq ""} {
	::mkjail::Fail ABSENT "couldn't take \"$source\": no such file"
    }
    Copy $source $status [Place $destination "by --file"] "by --file $source"
}

proc ::mkjail::plan::Copy {source status path why} {
    switch -- [dict get [dict merge {kind ""} $status] kind] {
	"" {
	    ::mkjail::Note "left out: \"$source\" has gone, or its name is not UTF-8"
	}
	file {
	    File $path $status $why
	}
	directory {
	    Put $path [dict create kind directory mode [expr {[dict get $status mode] & 0755}]] $why
	    foreach name [::mkjail::host::Names $source] {
		Copy $source/$name [::mkjail::host::Lstat $source/$name] [string trimright $path /]/$name $why
	    }
	}
	link {
	    set target [file readlink $source]
	    if {[string match /* $target]} {
		::mkjail::Note "left out: \"$source\" is a link to \"$target\", which is another file in the root"
	    } else {
		Link $path $target $why
	    }
	}
	default {
	    ::mkjail::Note "left out: \"$source\" is neither a file nor a directory nor a link"
	}
    }
}

# ::mkjail::plan::Rules --
#
#	Applies the rules until none has anything to add: what one adds may need more.

proc ::mkjail::plan::Rules {} {
    variable facts
    variable settings

    set applied {}
    set told {}
    set more 1
    while {$more} {
	set more 0
	foreach rule $::mkjail::rules::table {
	    set name [dict get $rule name]
	    if {$name in $applied || $name in [dict get $settings without]} {
		continue
	    }
	    set reason [::mkjail::rules::Holds $rule $facts]
	    if {$name in [dict get $settings with]} {
		set reason "by --with"
	    } elseif {$reason eq ""} {
		continue
	    } elseif {[dict exists $rule off]} {
		if {$name ni $told} {
		    lappend told $name
		    ::mkjail::Note "left out: [dict get $rule why], perhaps needed $reason (hint: --with $name)"
		}
		continue
	    }
	    lappend applied $name
	    set more 1
	    Apply $rule "[dict get $rule why] (rule $name, $reason)"
	}
    }
    if {[dict exists $facts dlopen]} {
	::mkjail::Note "[join [lmap path [dict get $facts dlopen] {file tail $path}] {, }] may load libraries that no header\
		tells (hint: --library NAME, --file SRC)"
    }
}

proc ::mkjail::plan::Apply {rule why} {
    variable facts
    variable defaults
    variable entries

    set rule [dict merge {paths {} except {} library {} folder {} make {} set {}} $rule]
    foreach pattern [dict get $rule paths] {
	set pattern [string map [list %libdir% [dict get $facts libdir]] $pattern]
	foreach path [::mkjail::host::Glob $pattern] {
	    Path $path $why 1 [dict get $rule except]
	}
    }
    foreach name [dict get $rule library] {
	Library $name $why
    }
    foreach path [dict get $rule folder] {
	Folder $path $why
    }
    foreach {path procedure} [dict get $rule make] {
	set place [Place $path $why]
	if {![dict exists $entries $place]} {
	    set words [lassign $procedure name]
	    set text [::mkjail::etc::$name {*}$words $::mkjail::plan::settings]
	    Put $place [dict create kind file mode 0644 text [encoding convertto utf-8 $text]] $why
	}
    }
    foreach {setting values} [dict get $rule set] {
	dict lappend defaults $setting {*}$values
    }
}

# ::mkjail::plan::Setting --
#
#	The values of an option, or those that rules know where none are given.

proc ::mkjail::plan::Setting {settings defaults name} {
    set values [dict get $settings $name]
    if {[llength $values] == 0 && [dict exists $defaults $name]} {
	return [dict get $defaults $name]
    }
    return $values
}

# ::mkjail::plan::Writable --
#
#	Plans the directories in which the program may write.

proc ::mkjail::plan::Writable {} {
    variable settings
    variable defaults
    variable entries

    lassign [::mkjail::etc::User $settings] - uid gid
    foreach spec [Setting $settings $defaults writable] {
	lassign [::mkjail::units::Writable $spec] path
	set place [Place $path "by --writable"]
	dict for {other entry} $entries {
	    if {[string match [string map {\\ \\\\ * \\* ? \\? \[ \\\[} $place]/* $other] \
		    && [dict get $entry kind] ne "directory"} {
		::mkjail::Fail REFUSED "couldn't make \"$path\" writable: what is mounted there would hide \"$other\""
	    }
	}
	if {[dict exists $entries $place] && [dict get $entries $place kind] ne "directory"} {
	    ::mkjail::Fail REFUSED "couldn't make \"$path\" writable: it is a [dict get $entries $place kind]"
	}
	if {$place eq "/tmp"} {
	    continue
	}
	dict unset entries $place
	Put $place [dict create kind directory mode 0755 owner [list $uid $gid] open 1] "by --writable, or a rule"
    }
}

proc ::mkjail::plan::Devices {} {
    variable devices
    variable settings

    if {![dict get $settings no-devices]} {
	foreach {name number} $devices {
	    Put /dev/$name [dict create kind character mode 0666 number $number] "a device that harms nobody"
	}
    }
}

proc ::mkjail::plan::Cache {} {
    variable cached
    variable cacheElf

    if {[dict size $cached]} {
	Put /etc/ld.so.cache [dict create kind file mode 0644 text [::mkjail::ldcache::Make $cacheElf $cached]] \
		"libraries outside of the dynamic linker's own directories: [join [lsort [dict keys $cached]] {, }]"
    }
}

# ::mkjail::plan::Finish --
#
#	The entries, sorted, with sizes and sums.

proc ::mkjail::plan::Finish {} {
    variable entries

    set finished {}
    foreach path [lsort [dict keys $entries]] {
	set entry [dict get $entries $path]
	if {[dict get $entry kind] eq "file"} {
	    if {[dict exists $entry text]} {
		dict set entry size [string length [dict get $entry text]]
		dict set entry sha256 [::starlit::sha256 data [dict get $entry text]]
	    } else {
		dict set entry sha256 [::mkjail::host::Sha256 [dict get $entry real]]
	    }
	}
	dict set finished $path $entry
    }
    return $finished
}
