# SPDX-License-Identifier: MIT
#
# vfs.tcl: package vfs 1.4.2 (tclvfs), as kits and their file systems call it: vfs(3tcl). Mounts of the runtime's own
# drivers (sqlar, mk4, zip) answer like those of scripts.
#
#	mounts.tcl	vfs::unmount, attributes, states, and the handlers of the runtime's own mounts
#	automount.tcl	vfs::auto, urlMount and their kin: mounts by extension and URL
#	handlers.tcl	helpers for handlers: globbing, modes, attributes
#	posix.tcl	vfs::posix(NAME), vfs::posixError
#	channels.tcl	vfs::memchan, zstream, zip, crc
#
# Where it differs from tclvfs:
# 1. vfs::posix has this system's numbers, not those of BSD.
# 2. Errors of close commands fail the [close], and errors of handlers keep the errno that they name; see
#    vfs/driver/handler_channel.h and handler_call.h.
# 3. glob asks handlers for what `-types {r w x}` says, and treats hidden names as on the host; see handler_glob.h.
# 4. A file opened r+ is written where it is written, not at its end.

package provide vfs 1.4.2
package provide vfslib 1.4

namespace eval ::vfs {
    namespace export attributes states unmount

    # What is below this level is told by vfs::log.
    variable debug 0
    if {[info exists ::env(VFS_DEBUG)] && [string is integer -strict $::env(VFS_DEBUG)]} {
	set debug $::env(VFS_DEBUG)
    }
}

namespace eval ::vfs::filesystem {
    namespace ensemble create -command ::vfs::filesystem -map {
	fullynormalize ::vfs::filesystem::Fullynormalize
	info           ::vfs::filesystem::Info
	internalerror  {::starlit::handlers internalerror}
	mount          {::starlit::handlers mount}
	posixerror     {::starlit::handlers posixerror}
	unmount        ::vfs::filesystem::Unmount
    }
}

# ::vfs::filesystem info --
#
#	Without a path: the list of all mount points. With a mount point: the words of its command.

proc ::vfs::filesystem::Info {args} {
    if {[llength $args] > 1} {
	return -code error -errorcode {TCL WRONGARGS} "wrong # args: should be \"vfs::filesystem info ?path?\""
    }
    set found [::starlit::handlers info {*}$args]
    if {[llength $args] == 0} {
	return [concat $found [lmap mount [::starlit::mounts] {lindex $mount 0}]]
    }
    if {[llength $found] == 1} {
	return [lindex $found 0]
    }
    lassign [::vfs::BuiltIn [lindex $args 0]] - archive - driver
    return [list ::vfs::${driver}::handler $archive]
}

# ::vfs::filesystem unmount --
#
#	Ends the mount at the path, and nothing else: vfs::unmount tells its driver, too.

proc ::vfs::filesystem::Unmount {path} {
    if {![::starlit::handlers unmount $path]} {
	::vfs::sqlar::Unmount [lindex [::vfs::BuiltIn $path] 0]
    }
}

# ::vfs::filesystem fullynormalize --
#
#	The absolute path without symbolic links, the last component's included.

proc ::vfs::filesystem::Fullynormalize {path} {
    return [file dirname [file normalize [file join $path __dummy__]]]
}

# ::vfs::log --
#
#	Tells what a file system does, on stderr, to who has set vfs::debug, or VFS_DEBUG in the environment.

proc ::vfs::log {message {level 0}} {
    variable debug

    if {$level < $debug} {
	puts stderr $message
    }
}

foreach ::vfs::part {mounts automount handlers posix channels} {
    source [file join [file dirname [info script]] $::vfs::part.tcl]
}
unset ::vfs::part
