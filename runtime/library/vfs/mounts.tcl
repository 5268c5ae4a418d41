# SPDX-License-Identifier: MIT
#
# mounts.tcl: ends mounts and asks about them, and stands for the runtime's own drivers where scripts want a handler.

namespace eval ::vfs {
    # The command that ends a mount, by mount point. Scripts read it, for all that [vfs::filesystem info] lists: what
    # is not theirs is made up then.
    variable _unmountCmd
    array set _unmountCmd {}
    trace add variable _unmountCmd read ::vfs::MakeUnmountCommand
}

# ::vfs::RegisterMount --
#
#	For a driver's Mount: the words of the command that vfs::unmount calls, with the mount point behind.

proc ::vfs::RegisterMount {mountpoint command} {
    variable _unmountCmd

    set _unmountCmd([file normalize $mountpoint]) $command
}

# ::vfs::MakeUnmountCommand --
#
#	Mounts of the runtime's own drivers need no goodbye, and a program that ends all mounts at its exit, as the
#	templates of tclvfs make it do, still runs from one of them.

proc ::vfs::MakeUnmountCommand {array index operation} {
    variable _unmountCmd

    if {$index ne "" && ![::info exists _unmountCmd($index)]
	    && [lsearch -exact -index 0 [::starlit::mounts] $index] >= 0} {
	set _unmountCmd($index) ::vfs::LeaveMounted
    }
}

proc ::vfs::LeaveMounted {mountpoint} {}

# ::vfs::unmount --
#
#	Ends the mount at the path, by what its driver has registered, or just so.

proc ::vfs::unmount {mountpoint} {
    variable _unmountCmd

    set point [file normalize $mountpoint]
    if {[::info exists _unmountCmd($point)] && $_unmountCmd($point) ne "::vfs::LeaveMounted"} {
	uplevel #0 $_unmountCmd($point) [list $point]
	unset -nocomplain _unmountCmd($point)
    } else {
	filesystem unmount $mountpoint
    }
    return
}

# ::vfs::states --
#
#	The states that the -state of a mount can name.

proc ::vfs::states {} {
    return {readwrite translucent readonly}
}

# ::vfs::attributes --
#
#	The attributes of a mount: all as a list of options and values, or one, or new values. A handler NAME::handler
#	has NAME::attributes, which lists the names of attributes, and for each a command NAME::ATTRIBUTE ?value?, all
#	with the handler's own arguments.

proc ::vfs::attributes {mountpoint args} {
    set handler [lassign [filesystem info $mountpoint] command]
    if {![regsub {::handler$} $command {} driver] || [namespace which -command ${driver}::attributes] eq ""} {
	return -code error "No known attributes"
    }
    # An archive may be mounted twice, and in two states.
    set point [filesystem fullynormalize $mountpoint]
    if {[lsearch -exact -index 0 [::starlit::mounts] $point] >= 0} {
	set handler [list $point]
    }
    set names [${driver}::attributes {*}$handler]
    set answer {}
    if {[llength $args] == 0} {
	foreach name $names {
	    lappend answer -$name [${driver}::$name {*}$handler]
	}
	return $answer
    }
    for {set i 0} {$i < [llength $args]} {incr i 2} {
	set option [lindex $args $i]
	set name [string range $option 1 end]
	if {![string match -* $option] || $name ni $names} {
	    return -code error -errorcode [list TCL LOOKUP INDEX option $option] \
		"bad option \"$option\": must be -[join $names {, -}]"
	}
	# The last may have no value, and is asked for.
	set values [lrange $args $i+1 $i+1]
	set answer [${driver}::$name {*}$handler {*}$values]
	if {[llength $values] > 0} {
	    set answer [lindex $values 0]
	}
    }
    return $answer
}

# ::vfs::attributeCantConfigure --
#
#	What an attribute that cannot be set answers with its value, and the arguments behind the handler's own.

proc ::vfs::attributeCantConfigure {attribute value arguments} {
    switch -- [llength $arguments] {
	0 {return $value}
	1 {return -code error "Can't set $attribute"}
    }
    return -code error "Wrong num args"
}

# ::vfs::BuiltIn --
#
#	The mount of one of the runtime's own drivers at exactly this path: {mountpoint archive state driver}.

proc ::vfs::BuiltIn {path} {
    set at [lsearch -exact -index 0 [::starlit::mounts] [filesystem fullynormalize $path]]
    if {$at < 0} {
	return -code error -errorcode {POSIX ENOENT {no such file or directory}} "no such mount \"$path\""
    }
    return [lindex [::starlit::mounts] $at]
}

# ::vfs::BuiltInState --
#
#	The -state of such a mount, by its mount point or, where scripts know no other, its archive. It can be set
#	only to what it is: starkit::remount changes it.

proc ::vfs::BuiltInState {place args} {
    set mount [lsearch -exact -inline -index 0 [::starlit::mounts] $place]
    if {$mount eq ""} {
	set mount [lsearch -exact -inline -index 1 [::starlit::mounts] $place]
    }
    set state [lindex $mount 2]
    if {[llength $args] > 0 && [lindex $args 0] ne $state} {
	return -code error -errorcode {POSIX EROFS {read-only file system}} \
	    "couldn't set -state of \"[lindex $mount 0]\" to [lindex $args 0]: it is mounted $state (hint: unmount it and\
	    mount it anew)"
    }
    return $state
}

# ::vfs::BuiltInHandler --
#
#	The handler that [vfs::filesystem info] names for such a mount, for file systems that ask other handlers. It
#	does what the commands of Tcl do at the path.

proc ::vfs::BuiltInHandler {archive command root relative actualpath args} {
    set path [expr {$relative eq "" ? $root : "$root/$relative"}]
    switch -- $command {
	access {
	    set mode [lindex $args 0]
	    set test [dict create 4 readable 2 writable 1 executable]
	    if {![file exists $path]} {
		filesystem posixerror [posixError ENOENT]
	    }
	    set refusal [expr {[BuiltInState $archive] eq "readonly" ? "EROFS" : "EACCES"}]
	    dict for {bit name} $test {
		if {($mode & $bit) && ![file $name $path]} {
		    filesystem posixerror [posixError [expr {$bit == 2 ? $refusal : "EACCES"}]]
		}
	    }
	}
	createdirectory {
	    file mkdir $path
	}
	deletefile {
	    file delete $path
	}
	fileattributes {
	    set names [dict keys [file attributes $path]]
	    if {[llength $args] == 0} {
		return $names
	    }
	    return [file attributes $path [lindex $names [lindex $args 0]] {*}[lrange $args 1 end]]
	}
	matchindirectory {
	    lassign $args pattern types
	    if {$pattern eq ""} {
		return [matchCorrectTypes $types [list $path]]
	    }
	    set names [concat [glob -nocomplain -directory $path -tails $pattern] \
		[glob -nocomplain -directory $path -tails -types hidden $pattern]]
	    set names [lsearch -all -inline -not -regexp [lsort -unique $names] {^[.][.]?$}]
	    return [lmap name [matchCorrectTypes $types $names $path] {file join $actualpath $name}]
	}
	open {
	    lassign $args mode permissions
	    return [list [open $path [expr {$mode eq "" ? "r" : $mode}] $permissions]]
	}
	removedirectory {
	    file delete {*}[expr {[lindex $args 0] ? "-force" : ""}] $path
	}
	stat {
	    file stat $path status
	    return [array get status]
	}
	utime {
	    file atime $path [lindex $args 0]
	    file mtime $path [lindex $args 1]
	}
    }
    return
}

foreach ::vfs::driver {sqlar mk4 zip} {
    namespace eval ::vfs::$::vfs::driver {
	proc handler {args} {tailcall ::vfs::BuiltInHandler {*}$args}
	proc attributes {archive} {return state}
	proc state {args} {tailcall ::vfs::BuiltInState {*}$args}
    }
}
unset ::vfs::driver
