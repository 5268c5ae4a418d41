# SPDX-License-Identifier: MIT
#
# vfs.tcl: the part of package vfs 1.4.2 (tclvfs) that asks about mounts and ends them, over the runtime's own mount
# table. The commands that make mounts are vfs::sqlar::Mount and vfs::sqlar::Unmount, which are built in.
#
# What it does not do: filesystems written in Tcl ([vfs::filesystem mount]) and the other drivers of tclvfs.

package provide vfs 1.4.2

namespace eval ::vfs {
    namespace export attributes states unmount
}

namespace eval ::vfs::filesystem {
    namespace ensemble create -command ::vfs::filesystem -map {
	fullynormalize ::vfs::filesystem::Fullynormalize
	info           ::vfs::filesystem::Info
	unmount        ::vfs::unmount
    }
}

# ::vfs::filesystem info --
#
#	Without a path: the list of all mount points. With a mount point: its handler and its archive, as a list.

proc ::vfs::filesystem::Info {args} {
    if {[llength $args] > 1} {
	return -code error -errorcode {TCL WRONGARGS} "wrong # args: should be \"vfs::filesystem info ?path?\""
    }
    if {[llength $args] == 0} {
	return [lmap mount [::starlit::mounts] {lindex $mount 0}]
    }
    return [list ::vfs::sqlar::handler [lindex [::vfs::MountAt [lindex $args 0]] 1]]
}

# ::vfs::filesystem fullynormalize --
#
#	The absolute path without symbolic links, the last component's included.

proc ::vfs::filesystem::Fullynormalize {path} {
    return [file dirname [file normalize [file join $path __dummy__]]]
}

# ::vfs::unmount --
#
#	Ends the mount at the path.

proc ::vfs::unmount {mountpoint} {
    ::vfs::sqlar::Unmount $mountpoint
}

# ::vfs::attributes --
#
#	The attributes of a mount: all as a list of options and values, or one. -state is one of [vfs::states]. It can be
#	set only to what it is: starkit::remount changes it.

proc ::vfs::attributes {mountpoint args} {
    set state [lindex [MountAt $mountpoint] 2]
    if {[llength $args] == 0} {
	return [list -state $state]
    }
    lassign $args option value
    if {$option ne "-state" || [llength $args] > 2} {
	return -code error -errorcode [list TCL LOOKUP INDEX option $option] "bad option \"$option\": must be -state"
    }
    if {[llength $args] == 2 && $value ne $state} {
	return -code error -errorcode {POSIX EROFS {read-only file system}} \
	    "couldn't set -state of \"$mountpoint\" to $value: it is mounted $state (hint: unmount it and mount it anew)"
    }
    return $state
}

# ::vfs::states --
#
#	The states that the -state of a mount can name, as in tclvfs.

proc ::vfs::states {} {
    return {readwrite translucent readonly}
}

# ::vfs::MountAt --
#
#	The mount at exactly this path: {mountpoint archive state}.

proc ::vfs::MountAt {path} {
    set wanted [filesystem fullynormalize $path]
    foreach mount [::starlit::mounts] {
	if {[lindex $mount 0] eq $wanted} {
	    return $mount
	}
    }
    return -code error -errorcode {POSIX ENOENT {no such file or directory}} "no such mount \"$path\""
}
