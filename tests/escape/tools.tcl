# SPDX-License-Identifier: MIT
#
# tools.tcl: how attempts are made: the prepared places, the partners outside, one run, its verdict. Sourced by
# escape.test.
#
# A verdict is a list of a word and what the attempt said:
#
#	ESCAPED		the token was read, or the call let through, or the partner or the stage noticed
#	DENIED		the attempt failed, or its process was killed for it
#	REFUSED		the jail did not start, with status 125
#	UNAVAILABLE	the kernel lacks it; what it said is the proof
#	BROKEN		anything else: nothing was shown

namespace eval escape {
    variable program
    variable scratch
    variable attempts {}
    variable facts
    variable token
    # Of an ordinary user that nothing else runs as, so that limits on processes count the battery's alone.
    variable userId 64123
    variable isRoot [expr {[exec id -u] == 0}]
}

# escape::Users --
#
#	Who the attempts are made as. An ordinary user tests what ordinary users do.

proc escape::Users {} {
    variable isRoot
    return [expr {$isRoot ? {root user} : {user}}]
}

proc escape::Uid {who} {
    variable isRoot
    variable userId
    if {$who eq "root"} {
	return 0
    }
    return [expr {$isRoot ? $userId : [exec id -u]}]
}

# escape::Attempts --
#
#	Reads the table of attempts into the dictionary attempts: name -> {row who settings text}.

proc escape::Attempts {} {
    variable attempts
    variable program
    foreach line [split [exec $program list] \n] {
	lassign [split $line \t] name row who settings text
	if {[dict exists $attempts $name]} {
	    error "two attempts are called \"$name\""
	}
	dict set attempts $name [dict create row $row who $who settings $settings text $text]
    }
    return $attempts
}

proc escape::Has {name setting} {
    variable attempts
    return [expr {$setting in [dict get $attempts $name settings]}]
}

# escape::Setting --
#
#	The VALUE of a setting NAME=VALUE of an attempt, or nothing.

proc escape::Setting {name key} {
    variable attempts
    foreach word [dict get $attempts $name settings] {
	if {[string match $key=* $word]} {
	    return [string range $word [string length $key]+1 end]
	}
    }
    return ""
}

#
# Places.
#

proc escape::Write {path text mode uid} {
    variable isRoot
    set channel [open $path w]
    puts $channel $text
    close $channel
    file attributes $path -permissions $mode
    if {$isRoot} {
	exec chown $uid:$uid $path
    }
}

# escape::Folder --
#
#	Makes a folder of mode 0755.

proc escape::Folder {path} {
    file mkdir $path
    file attributes $path -permissions 0755
    return $path
}

# escape::Prepare --
#
#	Makes, for one user, the place outside, with the canary, and a root to be locked into, with everything in it that a
#	careless administrator might have left there.

proc escape::Prepare {who} {
    variable scratch
    variable program
    variable isRoot
    variable token

    set uid [Uid $who]
    set outside [Folder $scratch/outside-$who]
    set top [Folder $scratch/root-$who]
    Write $outside/canary $token 0644 $uid
    if {$isRoot} {
	exec chown $uid:$uid $outside
    }
    foreach {name mode} {
	escape 0755 seed-wrapper 04755 setuid-escape 04755 setgid-escape 02755 capable-escape 0755
    } {
	file copy $program $top/$name
	file attributes $top/$name -permissions $mode
    }
    if {$isRoot} {
	exec $program capable $top/capable-escape
	# Beside the canary, and by a second name in the root.
	file copy $program $outside/setuid-program
	file attributes $outside/setuid-program -permissions 04755
	exec chown 0:0 $outside/setuid-program
	exec chmod 04755 $outside/setuid-program
	exec ln $outside/setuid-program $top/linked-escape
	Write $top/private $token 0600 0
    }
    # Where the promise dns shows the host's.
    Folder $top/etc
    Write $top/etc/hosts "" 0644 0
    Write $top/etc/resolv.conf "" 0644 0
    Folder $top/covered
    Write $top/covered/canary $token 0644 0
    Folder $top/w
    Folder $top/sockets
    file attributes $top/w -permissions 0777
    if {$isRoot} {
	exec chown $uid:$uid $top/w $top/sockets
    }
    # Three ways to name a root that is not the root it seems to be.
    exec ln -s / $scratch/link-$who
    exec ln -s /usr $top/out
    exec ln -s / $scratch/swapped-$who.link
    Folder $scratch/swapped-$who
    exec cp $program $scratch/swapped-$who/escape
    if {$isRoot} {
	exec chown $uid:$uid $scratch/swapped-$who
	exec chown -h $uid:$uid $scratch/link-$who $scratch/swapped-$who.link $top/out
    }
}

# escape::Root --
#
#	The path that an attempt's jail is given as its root.

proc escape::Root {who name} {
    variable scratch
    switch -- [Setting $name root] {
	link {return $scratch/link-$who}
	dotdot {return $scratch/root-$who/out/..}
	swapped {return $scratch/swapped-$who}
    }
    return $scratch/root-$who
}

# escape::Start --
#
#	Starts the partner of a user and reads its facts.

proc escape::Start {who} {
    variable scratch
    variable program
    variable facts

    variable token
    # The secret must be there when it starts, to be in its /proc/PID/environ.
    set ::env(STARLIT_SECRET) $token
    set channel [open "|[list $program partner $scratch/outside-$who $scratch/root-$who/sockets/partner [Uid $who]]\
	    2>@stderr" r]
    unset ::env(STARLIT_SECRET)
    dict set facts $who channel $channel
    set words [list hostname=[info hostname]]
    while {[gets $channel line] >= 0 && $line ne "ready"} {
	lappend words $line
    }
    if {[eof $channel]} {
	error "the partner of $who did not start: [catch {close $channel} message]$message"
    }
    dict set facts $who words $words
}

proc escape::Stop {who} {
    variable facts
    exec kill [pid [dict get $facts $who channel]]
    catch {close [dict get $facts $who channel]}
}

# escape::Setup --
#
#	Everything up to the first attempt.
#
# Arguments:
#	path -		Of the program escape.
#	wrapper -	Of safekit-chroot.

proc escape::Setup {path wrapper} {
    variable program
    variable scratch
    variable token

    # Attempts print environments; the caller's is no matter of theirs.
    foreach name [array names ::env] {
	if {$name ni {PATH TMPDIR LC_ALL}} {
	    unset ::env($name)
	}
    }
    set token TOKEN-[exec od -An -tx1 -N24 /dev/urandom | tr -d " \n"]
    set scratch [exec mktemp -d -t starlit-escape.XXXXXX]
    file attributes $scratch -permissions 0755
    # Where every user may run it.
    file copy $path $scratch/escape
    set program $scratch/escape
    file attributes $program -permissions 0755
    if {$::escape::isRoot} {
	file copy $program $scratch/capable-escape
	exec $program capable $scratch/capable-escape
	# safekit-chroot, and in place of the safekit that it starts, the program.
	foreach name {capable setuid} {
	    Folder $scratch/wrapper-$name
	    file copy $wrapper $scratch/wrapper-$name/safekit-chroot
	    file attributes $scratch/wrapper-$name/safekit-chroot -permissions 0755
	    file copy $program $scratch/wrapper-$name/safekit
	}
	exec $program capable $scratch/wrapper-capable/safekit-chroot
	exec chmod 04755 $scratch/wrapper-setuid/safekit-chroot
    }
    Attempts
    foreach who [Users] {
	if {$who eq "user" && $::escape::isRoot} {
	    # May rename beside each other what it owns: for the root that is swapped.
	    exec chmod 1777 $scratch
	}
	Prepare $who
	Start $who
    }
}

proc escape::Finish {} {
    variable scratch
    foreach who [Users] {
	Stop $who
    }
    file delete -force $scratch
}

#
# Runs.
#

# escape::Journal --
#
#	How much the partner of a user has noticed.

proc escape::Journal {who} {
    variable scratch
    return [file size $scratch/outside-$who/journal]
}

# escape::Run --
#
#	Makes an attempt.
#
# Arguments:
#	who -		root or user.
#	name -		The attempt.
#	words -		How it is started, with %program% (where the program lies outside), %capable% (the same with a file
#			capability), %wrapper% and %setuid-wrapper% (safekit-chroot with one, and set-user-id),
#			%root%, %limits% and %attempt% (the name and its facts), the last two as several words.
#	place -		inside when the root is the attempt's own, else outside.
#	limits -	Dictionary of the limits that settings ask for: limit=cpu takes its cpu.
#
# Results:
#	A verdict.

proc escape::Run {who name words place limits} {
    variable program
    variable scratch
    variable attempts
    variable facts

    set top [expr {$place eq "inside" ? "" : "$scratch/root-$who"}]
    set attempt [list $name top=$top {*}[dict get $facts $who words]]
    set limit [Setting $name limit]
    set extra [expr {$limit ne "" && [dict exists $limits $limit] ? [dict get $limits $limit] : ""}]
    set command {}
    foreach word $words {
	switch -- $word {
	    %attempt% {lappend command {*}$attempt}
	    %limits% {lappend command {*}$extra}
	    default {
		lappend command [string map [list %program% $program %capable% $scratch/capable-escape \
			%wrapper% $scratch/wrapper-capable/safekit-chroot \
			%setuid-wrapper% $scratch/wrapper-setuid/safekit-chroot \
			%root% [Root $who $name] %scratch% $scratch] $word]
	    }
	}
    }
    set stage [list $program stage uid=[Uid $who] top=$scratch/root-$who canary=$scratch/outside-$who/canary]
    lappend stage {*}[dict get $attempts $name settings]
    if {[Setting $name root] eq "swapped"} {
	lappend stage swap=$scratch/swapped-$who
    }
    set before [expr {[file exists $scratch/outside-$who/journal] ? [Journal $who] : 0}]
    set output ""
    catch {exec {*}$stage -- {*}$command < /dev/null 2>@1} output
    return [Verdict $who $name $output $before]
}

# escape::Verdict --
#
#	Judges what was printed, and what the partner noticed since.

proc escape::Verdict {who name output before} {
    variable token
    set said ""
    foreach word {ESCAPED TRIED DENIED UNAVAILABLE REACHED} {
	if {[regexp -line "^$word (.*)\$" $output - text]} {
	    dict set lines $word $text
	}
    }
    set lines [expr {[info exists lines] ? $lines : {}}]
    regexp {STATUS (.*)} $output - status
    set evidence [Setting $name evidence]

    # The token tells all, whatever the attempt says itself; and what says ESCAPED without it, though it should have
    # it, has shown nothing.
    if {[string first $token $output] >= 0} {
	regexp -line ".*$token.*" $output line
	return [list ESCAPED [Shorten $line]]
    }
    if {[dict exists $lines REACHED]} {
	return [list ESCAPED [dict get $lines REACHED]]
    }
    if {[dict exists $lines ESCAPED]} {
	return [list [expr {$evidence eq "token" ? "BROKEN" : "ESCAPED"}] [dict get $lines ESCAPED]]
    }
    if {[dict exists $lines TRIED]} {
	if {$evidence eq "reached"} {
	    return [list DENIED "[dict get $lines TRIED], to no effect"]
	}
	for {set waited 0} {$waited < 10} {incr waited} {
	    if {[Journal $who] > $before} {
		return [list ESCAPED "[dict get $lines TRIED]; the partner noticed"]
	    }
	    after 10
	}
	return [list DENIED "[dict get $lines TRIED], to no effect"]
    }
    foreach word {DENIED UNAVAILABLE} {
	if {[dict exists $lines $word]} {
	    return [list $word [dict get $lines $word]]
	}
    }
    if {![info exists status]} {
	return [list BROKEN $output]
    }
    switch -- $status {
	"exit 125" {return [list REFUSED [Shorten $output]]}
	"signal SIGSYS" - "exit 159" {return {DENIED "killed: SIGSYS"}}
    }
    # A process 1 that aborts ends by SIGSEGV, or on arm64 by SIGTRAP, as abort(3) has it when nothing else helps.
    set fatal {^(signal SIG(KILL|XCPU|XFSZ|ALRM|TERM|ABRT|SEGV|TRAP)|exit (124|133|134|137|139|142|143|152|153))$}
    if {[Has $name fatal] && [regexp $fatal $status]} {
	return [list DENIED "ended: $status"]
    }
    return [list BROKEN [Shorten $output]]
}

proc escape::Shorten {text} {
    return [string range [string map [list \n " | "] [string trim $text]] 0 200]
}
