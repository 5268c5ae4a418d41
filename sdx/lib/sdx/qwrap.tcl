# SPDX-License-Identifier: MIT
#
# qwrap.tcl: sdx qwrap, a kit or a starpack from one script. The script becomes the package app-NAME, which main.tcl asks
# for, as in the classic sdx; nothing but the output is written.

::sdx::Load entries
::sdx::Load fetch
::sdx::Load kit
::sdx::Load members

namespace eval ::sdx::qwrap {
    variable operands {{FILE required} {NAME optional}}
    variable options [linsert $::sdx::kit::options end \
	{{-asdir} {} {} {leave the tree NAME.vfs, ready for wrap, instead of wrapping it}}]
    variable description {
	Wraps one script into a kit, NAME.kit, or, with -runtime, into a starpack, NAME. FILE "-" is the standard input, and
	http://... what a web server gives, up to 100 MB, whatever type it says that has. NAME is by default that of FILE
	without directory and extension ("stdin" for the standard input). The script is not run.

	In the kit the script is the package app-NAME; a "package provide app-NAME 1.0" is put in front of it when it has
	none.
    }
    variable examples {
	{echo 'puts hello' | sdx qwrap - hello -runtime self} {a program of one line}
	{curl -L https://example.org/x.tcl | sdx qwrap - x} {what lies behind TLS, which sdx does not speak: x.kit}
    }
    variable result {
	what sdx::wrap returns.
    }
    variable bytesMax 1000000000
    variable mainScript "package require starkit\nstarkit::startup\npackage require %s\n"
}

proc ::sdx::qwrap::Run {values} {
    # The tree is the same, however it is wrapped later.
    ::sdx::options::Exclude $values -asdir \
	{-runtime -interp -writable -nocomp -level -pagesize -strict -nocheck}
    set file [dict get $values FILE]
    if {[dict exists $values NAME]} {
	set name [dict get $values NAME]
    } elseif {$file eq "-"} {
	set name stdin
    } else {
	set name [expr {[::sdx::fetch::IsAddress $file] ? [::sdx::fetch::Name $file] : [::sdx::members::Tail $file]}]
	regsub {(.)\.[^.]*$} $name {\1} name
	if {$name eq ""} {
	    return -code error -errorcode {SDX USAGE} "missing NAME: \"$file\" gives none"
	}
    }
    if {$name eq "" || [regexp {/|^\.|[\s\[\]\{\}"$;\\]|^$} [::sdx::members::Tail $name]]} {
	return -code error -errorcode {SDX USAGE} "bad NAME \"$name\": it has to serve as a package's name"
    }
    set entries [Members [::sdx::members::Tail $name] {*}[Script $file]]
    if {[dict get $values -asdir]} {
	return [Unpack $name.vfs $entries]
    }
    if {![dict exists $values -runtime]} {
	append name .kit
    }
    set script [expr {$file eq "-" || [::sdx::fetch::IsAddress $file] ? "" : [::sdx::entries::Plain $file]}]
    return [::sdx::kit::Write $name $entries {} $values {} $script]
}

proc ::sdx::qwrap::Show {values result} {
    ::sdx::kit::Show $values $result
}

# ::sdx::qwrap::Script --
#
#	Reads the script.
#
# Results:
#	A list of two: its bytes, and its time; the standard input and a server's answer have none, so as not to tell one
#	run from the next.

proc ::sdx::qwrap::Script {file} {
    if {$file eq "-"} {
	fconfigure stdin -translation binary
	return [list [Read stdin "the standard input"] [::sdx::kit::Epoch 0]]
    }
    if {[::sdx::fetch::IsAddress $file]} {
	return [list [::sdx::fetch::Get $file] [::sdx::kit::Epoch 0]]
    }
    set path [::sdx::entries::Plain $file]
    if {[file isdirectory $path]} {
	return -code error -errorcode {POSIX EISDIR {is a directory}} \
	    "couldn't read \"$file\": it is a directory (hint: sdx wrap takes a directory)"
    }
    if {[file exists $path] && ![file isfile $path]} {
	return -code error -errorcode [list SDX TYPE $file] "couldn't read \"$file\": it is not a regular file"
    }
    set channel [open [expr {[string match ~* $file] ? $path : $file}] rb]
    try {
	return [list [Read $channel "\"$file\""] [file mtime $path]]
    } finally {
	close $channel
    }
}

# ::sdx::qwrap::Read --
#
#	Reads a channel to its end, unless that is too far.

proc ::sdx::qwrap::Read {channel what} {
    variable bytesMax

    set data ""
    while {[set piece [read $channel 1048576]] ne ""} {
	append data $piece
	if {[string length $data] > $bytesMax} {
	    return -code error -errorcode {POSIX EFBIG {file too large}} "couldn't read $what: larger than $bytesMax bytes"
	}
    }
    return $data
}

# ::sdx::qwrap::Members --
#
#	The members of the kit.

proc ::sdx::qwrap::Members {name script mtime} {
    variable mainScript

    set package app-$name
    set version 1.0
    if {![regexp -line "^\\s*package\\s+provide\\s+\"?\\{?[regsub -all {\W} $package {\\&}]\\}?\"?\\s+(\[\\d.ab\]+)" \
	    $script - version]} {
	# On the script's first line, so that line numbers in error messages stay right.
	set script "[encoding convertto utf-8 "package provide $package $version"]; $script"
    }
    # Not by [file join], for which a name that begins with a tilde is a path of its own.
    set index "package ifneeded $package $version \[list source -encoding utf-8 \$dir/$name.tcl\]\n"
    set folder lib/$package
    return [list \
	[list lib directory 0o755 $mtime] \
	[list $folder directory 0o755 $mtime] \
	[list $folder/$name.tcl bytes $script 0o644 $mtime] \
	[list $folder/pkgIndex.tcl bytes [encoding convertto utf-8 $index] 0o644 $mtime] \
	[list main.tcl bytes [encoding convertto utf-8 [format $mainScript $package]] 0o644 $mtime]]
}

# ::sdx::qwrap::Unpack --
#
#	Writes the members as files: whole or not at all.
#
# Results:
#	A dict as of ::sdx::kit::Write; bytes are those of the files.

proc ::sdx::qwrap::Unpack {directory entries} {
    set path [::sdx::entries::Plain $directory]
    if {![catch {file lstat $path status}]} {
	return -code error -errorcode {POSIX EEXIST {file already exists}} \
	    "couldn't make \"$directory\": it already exists"
    }
    set bytes 0
    file mkdir $path
    try {
	foreach entry $entries {
	    lassign $entry name type data
	    if {$type eq "directory"} {
		file mkdir $path/$name
		continue
	    }
	    set channel [open $path/$name wb]
	    try {
		puts -nonewline $channel $data
	    } finally {
		close $channel
	    }
	    incr bytes [string length $data]
	}
    } on error {message options} {
	file delete -force $path
	return -options $options "couldn't write \"$directory\": [regsub {.*": } $message ""]"
    }
    return [dict create file $directory members [llength $entries] bytes $bytes content $bytes \
	    names [lmap entry $entries {lindex $entry 0}] missing {} unused {} warnings {}]
}
