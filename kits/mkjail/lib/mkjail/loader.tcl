# SPDX-License-Identifier: MIT
#
# loader.tcl: where the dynamic linker would find the libraries of a program: the search of ld.so(8), done on paper.
#
# For a name without a slash, in this order, the first file of the program's own class and machine:
#	1. DT_RPATH of the object that needs it and of those that brought it in, unless the object has a DT_RUNPATH
#	2. --library-path (in the place of LD_LIBRARY_PATH)
#	3. DT_RUNPATH of the object
#	4. the directories of /etc/ld.so.conf, in the place of the host's ld.so.cache (musl: of /etc/ld-musl-ARCH.path)
#	5. the directories that are built into the dynamic linker, read from its file
# What 4 or --library-path find, and what $ORIGIN finds, needs a cache in the root (ldcache.tcl): there is no
# /etc/ld.so.conf, and without /proc the linker does not know where a program lies.
#
# glibc's variants for newer processors (glibc-hwcaps) are left out: the plain library is always there.

namespace eval ::mkjail::loader {
    variable maxObjects 4096
    variable maxPlaces 1024
    variable maxConfDepth 8
    variable DF_1_NODEFLIB 0x800
    # Array: kind of machine -> {directories of 5, directories of 4} of the last program, for libraries on their own.
    variable searched

    # Per class and e_machine: what $LIB and $PLATFORM stand for on Debian, and the name of its directory.
    variable machines {
	{64 62}  {lib/x86_64-linux-gnu x86_64 x86_64-linux-gnu}
	{32 62}  {lib/x86_64-linux-gnux32 x86_64 x86_64-linux-gnux32}
	{32 3}   {lib/i386-linux-gnu i686 i386-linux-gnu}
	{64 183} {lib/aarch64-linux-gnu aarch64 aarch64-linux-gnu}
	{32 40}  {lib/arm-linux-gnueabihf v7l arm-linux-gnueabihf}
	{64 243} {lib/riscv64-linux-gnu "" riscv64-linux-gnu}
	{64 21}  {lib/powerpc64le-linux-gnu power8 powerpc64le-linux-gnu}
	{64 22}  {lib/s390x-linux-gnu z10 s390x-linux-gnu}
    }
}

# ::mkjail::loader::Closure --
#
#	All libraries that a program or library brings in.
#
# Arguments:
#	path -		Its canonical path.
#	elf -		What elf::Read says of it.
#	extra -		Directories of --library-path.
#	read -		Command prefix: canonical path -> elf::Read's answer.
#	missing -	Command prefix that is told {name needer} of a library that is not there.
#
# Results:
#	A list of dicts: name, path (as found, links not followed), by (the path of what needs it), cached (whether the
#	linker finds it in the root by a cache alone). The interpreter comes first, with its path as name.

proc ::mkjail::loader::Closure {path elf extra read missing} {
    variable maxPlaces
    variable maxObjects

    variable searched

    set found {}
    set loaded {}
    set kind [list [dict get $elf class] [dict get $elf machine] [dict get $elf order]]
    set interpreter [dict get $elf interpreter]
    if {$interpreter ne ""} {
	set file [::mkjail::host::Find $interpreter]
	set its [expr {$file eq "" ? "" : [{*}$read [dict get $file path]]}]
	if {![string match /* $interpreter] || $its eq "" || ![Same $elf $its]} {
	    ::mkjail::Fail ABSENT "couldn't find the dynamic linker \"$interpreter\" of \"$path\""
	}
	lappend found [dict create name $interpreter path $interpreter by $path cached 0]
	foreach soname [dict get $its soname] {
	    dict set loaded $soname $interpreter
	}
	set system [Defaults $elf [dict get $file real]]
	set conf [ConfiguredDirectories $interpreter]
	set searched($kind) [list $system $conf]
    } elseif {[info exists searched($kind)]} {
	lassign $searched($kind) system conf
    } else {
	set system [Defaults $elf ""]
	set conf [ConfiguredDirectories ""]
    }

    # The objects whose needs are still to be found: {path elf directory-of-$ORIGIN rpaths-of-those-above}.
    set queue [list [list $path $elf [Folder $path] {}]]
    while {[llength $queue]} {
	set queue [lassign $queue object]
	lassign $object needer its origin above
	set own [Expand [dict get $its rpath] $origin $its]
	set runpath [Expand [dict get $its runpath] $origin $its]
	set rpaths [expr {[llength [dict get $its runpath]] ? $above : [concat $own $above]}]
	set places {}
	if {[llength [dict get $its runpath]] == 0} {
	    lappend places {*}$rpaths
	}
	foreach directory $extra {
	    lappend places [list $directory 1]
	}
	lappend places {*}$runpath
	set plain [expr {!([dict get $its flags1] & $::mkjail::loader::DF_1_NODEFLIB)}]
	foreach directory $conf {
	    if {$plain || $directory ni $system} {
		lappend places [list $directory [expr {$directory ni $system}]]
	    }
	}
	if {$plain} {
	    foreach directory $system {
		lappend places [list $directory 0]
	    }
	}
	if {[llength $places] > $maxPlaces} {
	    ::mkjail::Fail ELF "couldn't find what \"$needer\" needs: more than $maxPlaces directories to search"
	}
	set names [concat [dict get $its needed] [dict get $its filter] [dict get $its audit]]
	foreach name [concat $names [dict get $its auxiliary]] {
	    if {[dict exists $loaded $name]} {
		continue
	    }
	    if {[dict size $loaded] >= $maxObjects} {
		::mkjail::Fail ELF "couldn't follow what \"$path\" needs: more than $maxObjects libraries"
	    }
	    set place [Search $name $places $its $read]
	    if {$place eq ""} {
		dict set loaded $name ""
		# An auxiliary filter may be absent (DT_AUXILIARY).
		if {$name in $names} {
		    {*}$missing $name $needer
		}
		continue
	    }
	    lassign $place as cached canonical itsElf
	    dict set loaded $name $as
	    foreach soname [dict get $itsElf soname] {
		dict set loaded $soname $as
	    }
	    lappend found [dict create name $name path $as by $needer cached $cached]
	    lappend queue [list $canonical $itsElf [Folder $as] $rpaths]
	}
    }
    return $found
}

# ::mkjail::loader::Search --
#
#	Looks for one library.
#
# Results:
#	{path-as-found cached canonical-path elf}, or nothing.

proc ::mkjail::loader::Search {name places wanted read} {
    if {[string first / $name] >= 0} {
	if {![string match /* $name]} {
	    return ""
	}
	set places {{"" 0}}
	set name [string range $name 1 end]
    }
    if {$name in {"" . ..}} {
	return ""
    }
    foreach place $places {
	lassign $place directory cached
	set path $directory/$name
	set file [::mkjail::host::Find $path]
	if {$file eq "" || [dict get $file kind] ne "file"} {
	    continue
	}
	set elf [{*}$read [dict get $file path]]
	if {$elf eq ""} {
	    ::mkjail::Fail ELF "couldn't use \"$path\" as a library: not an ELF file"
	}
	if {[Same $wanted $elf]} {
	    return [list $path $cached [dict get $file path] $elf]
	}
    }
    return ""
}

proc ::mkjail::loader::Same {one other} {
    foreach key {class order machine} {
	if {[dict get $one $key] ne [dict get $other $key]} {
	    return 0
	}
    }
    return 1
}

# ::mkjail::loader::Expand --
#
#	The directories of DT_RPATH or DT_RUNPATH, each as {directory cached}. Relative ones, which depend on where the
#	program is started, are left out.

proc ::mkjail::loader::Expand {lists origin elf} {
    variable machines

    set key [list [dict get $elf class] [dict get $elf machine]]
    set lib [expr {[dict get $elf class] == 64 ? "lib64" : "lib"}]
    set platform ""
    if {[dict exists $machines $key]} {
	lassign [dict get $machines $key] lib platform
    }
    set map {}
    foreach {token value} [list ORIGIN $origin LIB $lib PLATFORM $platform] {
	lappend map \${$token} $value \$$token $value
    }
    set directories {}
    foreach list $lists {
	foreach directory [split $list :] {
	    set path [string map $map $directory]
	    if {[string match /* $path]} {
		set path [string trimright $path /]
		lappend directories [list $path [string match *ORIGIN* $directory]]
	    }
	}
    }
    return $directories
}

# ::mkjail::loader::Defaults --
#
#	The directories built into a dynamic linker: glibc's keeps them as strings that follow one another, each ending
#	in a slash. Where they are not found, Debian's for that machine.

proc ::mkjail::loader::Defaults {elf real} {
    variable machines

    if {$real ne ""} {
	if {[string match ld-musl-* [file tail $real]]} {
	    return {/lib /usr/local/lib /usr/lib}
	}
	set channel [::mkjail::host::Open $real]
	try {
	    set bytes [read $channel 8388608]
	} finally {
	    close $channel
	}
	if {[regexp {(?:/(?:usr/)?lib[-_/.0-9A-Za-z]*/\0){2,8}} $bytes strings]} {
	    return [lmap directory [split [string trimright $strings \0] \0] {string trimright $directory /}]
	}
    }
    set directories {}
    set key [list [dict get $elf class] [dict get $elf machine]]
    if {[dict exists $machines $key]} {
	set triple [lindex [dict get $machines $key] 2]
	lappend directories /lib/$triple /usr/lib/$triple
    }
    if {[dict get $elf class] == 64} {
	lappend directories /lib64 /usr/lib64
    }
    return [concat $directories {/lib /usr/lib}]
}

# ::mkjail::loader::ConfiguredDirectories --
#
#	The directories that the host has configured for this dynamic linker.

proc ::mkjail::loader::ConfiguredDirectories {interpreter} {
    if {[regexp {ld-(musl-[^/]+)\.so} $interpreter - name]} {
	set text [encoding convertfrom utf-8 [::mkjail::host::Read /etc/ld-$name.path 65536]]
	return [lmap directory [split [string map {\n :} $text] :] {
	    set directory [string trimright [string trim $directory] /]
	    if {![string match /* $directory]} {
		continue
	    }
	    set directory
	}]
    }
    set passed {}
    return [Configuration /etc/ld.so.conf passed 0]
}

proc ::mkjail::loader::Configuration {path passedName depth} {
    upvar 1 $passedName passed
    variable maxConfDepth

    if {$path in $passed || $depth > $maxConfDepth} {
	return {}
    }
    lappend passed $path
    set directories {}
    foreach line [split [encoding convertfrom utf-8 [::mkjail::host::Read $path 65536]] \n] {
	set line [string trim [regsub {#.*} $line ""]]
	if {[regexp {^include\s+(.*)$} $line - patterns]} {
	    foreach pattern [regexp -all -inline {\S+} $patterns] {
		if {![string match /* $pattern]} {
		    set pattern [Folder $path]/$pattern
		}
		foreach file [::mkjail::host::Glob $pattern] {
		    lappend directories {*}[Configuration $file passed [expr {$depth + 1}]]
		}
	    }
	} elseif {[string match /* $line]} {
	    # "DIRECTORY=TYPE" was the form of long ago.
	    lappend directories [string trimright [regsub {=.*} $line ""] /]
	}
    }
    return $directories
}

proc ::mkjail::loader::Folder {path} {
    return [string range $path 0 [string last / $path]-1]
}
