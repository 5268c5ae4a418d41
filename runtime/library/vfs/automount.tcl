# SPDX-License-Identifier: MIT
#
# automount.tcl: mounts by the extension of a file's name and by the type of a URL.
#
#	vfs::auto /some/where/old.zip/doc/index.txt	mounts what is a file on the way, by its extension
#	vfs::urlMount ftp://host/dir ?arg ...?		mounts what a URL names

namespace eval ::vfs {
    # {command package}, by extension and by type.
    variable extMounts
    variable urlMounts
    array set extMounts {}
    array set urlMounts {}

    # The URLs that urlMount has mounted.
    variable mounted
    array set mounted {}
}

# ::vfs::autoMountExtension, ::vfs::autoMountUrl --
#
#	Say which Mount command, in which package, is for files with an extension (in lower case, with its dot), and
#	for URLs of a type.

proc ::vfs::autoMountExtension {extension command {package ""}} {
    variable extMounts

    set extMounts($extension) [list $command $package]
}

proc ::vfs::autoMountUrl {type command {package ""}} {
    variable urlMounts

    set urlMounts($type) [list $command $package]
}

# ::vfs::auto --
#
#	Mounts at its own path what is a file on the way to a name, as often as it takes. Arguments of the Mount
#	commands may follow.

proc ::vfs::auto {filename args} {
    variable extMounts

    set parts {}
    foreach part [file split $filename] {
	lappend parts $part
	set path [file normalize [file join {*}$parts]]
	if {[file isdirectory $path]} {
	    continue
	}
	if {![file isfile $path]} {
	    return
	}
	set extension [string tolower [file extension $part]]
	if {![info exists extMounts($extension)]} {
	    continue
	}
	lassign $extMounts($extension) command package
	if {$package ne ""} {
	    package require $package
	}
	{*}$command $path $path {*}$args
    }
}

# ::vfs::urlMount --
#
#	Mounts what a URL names, by the Mount command for its type.

proc ::vfs::urlMount {url args} {
    variable mounted
    variable urlMounts

    if {![regexp {^([a-zA-Z]+)://} $url - type]} {
	return -code error "Couldn't parse url $url"
    }
    if {![info exists urlMounts($type)]} {
	return -code error "Unknown url type '$type'"
    }
    lassign $urlMounts($type) command package
    if {$package ne ""} {
	package require $package
    }
    {*}$command $url {*}$args
    set mounted($url) 1
    return
}

# ::vfs::haveMount --
#
#	Whether urlMount has mounted this URL.

proc ::vfs::haveMount {url} {
    variable mounted

    return [info exists mounted($url)]
}

# ::vfs::MountKit --
#
#	Mounts a kit of any format. The error is that of our own, unless the name does not say that it is a kit.

proc ::vfs::MountKit {file mountpoint args} {
    foreach driver {sqlar mk4 zip} {
	if {![catch {::vfs::${driver}::Mount $file $mountpoint {*}$args} result options]} {
	    return $result
	}
	lappend failures $options $result
    }
    if {[file extension $file] ne ""} {
	return -options {*}[lrange $failures 0 1]
    }
}

proc ::vfs::fileUrlMount {url args} {
    auto [string range $url [string length file://] end] {*}$args
}

proc ::vfs::tclprocMount {url args} {
    ::vfs::ns::Mount [string range $url [string length tclns://] end] {*}$args
}

namespace eval ::vfs {
    autoMountExtension "" ::vfs::MountKit
    autoMountExtension .bin ::vfs::MountKit
    autoMountExtension .kit ::vfs::MountKit
    autoMountExtension .tar ::vfs::tar::Mount vfs::tar
    autoMountExtension .zip ::vfs::zip::Mount vfs::zip
    autoMountUrl ftp ::vfs::ftp::Mount vfs::ftp
    autoMountUrl file ::vfs::fileUrlMount vfs
    autoMountUrl tclns ::vfs::tclprocMount vfs::ns
}
