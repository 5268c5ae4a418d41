# SPDX-License-Identifier: MIT
#
# jailed.tcl: what is measured inside a jail and outside; prints a line when the work is done.
#
#	jailed.tcl files FILE COUNT	opens, reads and closes a file so often
#	jailed.tcl http COUNT		so many exchanges between a client and a server in this process, over TCP

proc Files {path count} {
    for {set i 0} {$i < $count} {incr i} {
	set channel [open $path]
	read $channel
	close $channel
    }
}

proc Serve {channel address port} {
    fconfigure $channel -translation crlf -blocking 0
    fileevent $channel readable [list Answer $channel]
}

proc Answer {channel} {
    if {[gets $channel line] < 0} {
	if {[eof $channel]} {
	    close $channel
	}
	return
    }
    if {$line eq ""} {
	puts -nonewline $channel "HTTP/1.0 200 OK\nContent-Length: 5\n\nhello"
	close $channel
    }
}

proc Exchange {port} {
    set channel [socket 127.0.0.1 $port]
    fconfigure $channel -translation crlf -blocking 0 -buffering full
    puts $channel "GET / HTTP/1.0\n"
    flush $channel
    fileevent $channel readable [list Take $channel]
    vwait ::taken
}

proc Take {channel} {
    read $channel
    if {[eof $channel]} {
	close $channel
	set ::taken 1
    }
}

switch -- [lindex $argv 0] {
    files {Files {*}[lrange $argv 1 end]}
    http {
	set server [socket -server Serve -myaddr 127.0.0.1 0]
	set port [lindex [fconfigure $server -sockname] 2]
	for {set i 0} {$i < [lindex $argv 1]} {incr i} {
	    Exchange $port
	}
    }
}
puts done
