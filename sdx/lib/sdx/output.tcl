# SPDX-License-Identifier: MIT
#
# output.tcl: a file that appears whole or not at all: it is written under a temporary name in the same directory, and
# gets its own, in place of what had it, when it is complete and on the disk.

namespace eval ::sdx::output {}

# ::sdx::output::Write --
#
#	Evaluates a script that writes a file.
#
# Arguments:
#	mode -		The file's permissions, less the umask.
#	channelName -	The script's variable that gets a channel to write bytes to; the script leaves it open.

proc ::sdx::output::Write {path mode channelName script} {
    upvar 1 $channelName channel

    Check $path
    set temporary [Beside $path]
    set channel ""
    try {
	set channel [open $temporary {WRONLY CREAT EXCL BINARY} 0600]
	uplevel 1 $script
	set done $channel
	set channel ""
	close $done
	::starlit::archive publish $temporary $path $mode
    } on error {message options} {
	if {$channel ne ""} {
	    catch {close $channel}
	}
	file delete -- $temporary
	foreach prefix [list "error writing \"" "error flushing \"" "couldn't open \"$temporary\""] {
	    if {[string first $prefix $message] == 0} {
		set message "couldn't write \"$path\": [regsub {.*": } $message ""]"
	    }
	}
	return -options $options $message
    }
}

# ::sdx::output::Check --
#
#	Refuses to write where something is that no file may replace.

proc ::sdx::output::Check {path} {
    if {[file tail $path] in {"" . ..} || [string match */ $path] || [file isdirectory $path]} {
	return -code error -errorcode {POSIX EISDIR {is a directory}} "couldn't write \"$path\": it is a directory"
    }
    if {[file exists $path] && ![file isfile $path]} {
	return -code error -errorcode [list SDX TYPE $path] \
	    "couldn't write \"$path\": it exists and is not a regular file"
    }
}

# ::sdx::output::Beside --
#
#	A name for a temporary file in a file's directory.

proc ::sdx::output::Beside {path} {
    set path [file normalize $path]
    set unique [format %s-%06x [pid] [expr {int(rand() * 0x1000000)}]]
    return [file join [file dirname $path] .[string range [file tail $path] 0 50].sdx-$unique]
}

# ::sdx::output::Is --
#
#	Whether two paths lead to the same file.

proc ::sdx::output::Is {one other} {
    if {[catch {file stat $one a; file stat $other b}]} {
	return 0
    }
    return [expr {$a(dev) == $b(dev) && $a(ino) == $b(ino)}]
}
