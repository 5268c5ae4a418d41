# SPDX-License-Identifier: MIT
#
# twice.tcl: the same scripts in a folder of the host and in one of a writable archive. Sourced after tools.tcl by the
# tests of writing, each of which is a table of rows
#
#	what	expected	script
#
# A script finds its own copy of the fixture below in $d, another copy, always on the host, in $h, and $root, the folder
# (on the host) or the mount point that holds $d. Results, errors with their codes, and the trees that come of it must be
# the same; `expected` is what the host must answer, so that a script cannot pass by failing everywhere: "ok", "error",
# the name of a POSIX error, or "any" where all combinations are gone through.
#
# What is made the same before it is compared: the two folders' paths, the names of channels, and times of this minute.

# The fixture. The archive is made of it by the packer, so that a table does not depend on what it tests.

set fixture $scratch/fixture
foreach {name text permissions} {
    a.txt            "alpha\n"                        0644
    b.txt            "bravo bravo bravo\n"            0600
    empty            ""                               0644
    run.sh           "#!/bin/sh\n"                    0755
    dir/c.txt        "charlie\n"                      0644
    dir/sub/d.txt    "delta\n"                        0644
    full/a.txt       "full\n"                         0644
    full/dir/c.txt   "full charlie\n"                 0644
} {
    writeFile fixture/$name $text $permissions
}
file mkdir $fixture/void
foreach {name target} {
    link a.txt    dlink dir    dangling nowhere    round round    chain link    up dir/../a.txt    dir/back ../a.txt
} {
    exec ln -s $target $fixture/$name
}
exec find $fixture -depth -exec touch -h -d @1000000000 \{\} +

# Classify --
#
#	A time as it is compared: "now" for one of the run of the tests.

set begun [clock seconds]
proc Classify {time} {
    return [expr {$time >= $::begun - 2 && $time <= [clock seconds] + 2 ? "now" : $time}]
}

# tree --
#
#	All that is below a folder: lists of name, type, permissions, time, and the content or the target.

proc tree {dir {prefix ""}} {
    set found {}
    set paths [glob -nocomplain -directory $dir *]
    foreach path [glob -nocomplain -directory $dir -types hidden *] {
	if {[file tail $path] ni {. ..} && $path ni $paths} {
	    lappend paths $path
	}
    }
    foreach path [lsort $paths] {
	set name $prefix[string range $path [string length $dir/] end]
	file lstat $path s
	set line [list $name $s(type) [format %o [expr {$s(mode) & 07777}]]]
	# No command of Tcl's sets a link's own time.
	if {$s(type) ne "link"} {
	    lappend line [Classify $s(mtime)]
	}
	switch -- $s(type) {
	    file {
		# A file that nobody may read is told by its size alone.
		if {[catch {readFile $path -translation binary} text]} {
		    set text unreadable
		}
		lappend line $s(size) [expr {$s(size) > 200 ? [zlib crc32 $text] : $text}]
	    }
	    link {
		lappend line [file readlink $path]
	    }
	}
	lappend found $line
	if {$s(type) eq "directory"} {
	    lappend found {*}[tree $path $name/]
	}
    }
    return $found
}

# Attempt --
#
#	Evaluates a script as a row has it: {code result errorCode tree}.

proc Attempt {script root number} {
    set d $root/$number
    set h $::scratch/beside/[file tail $root]/$number
    set code [catch {apply [list {d h root} $script] $d $h $root} result options]
    set errorCode [expr {$code == 1 ? [dict get $options -errorcode] : ""}]
    if {$code == 2} {
	set code 0
    }
    cd $::scratch
    # What a failed script has left open.
    foreach channel [file channels] {
	if {$channel ni {stdin stdout stderr}} {
	    catch {close $channel}
	}
    }
    set map [list $d D $h H $root ROOT]
    lassign [lmap text [list $result $errorCode] {
	regsub -all {\m(file|sqlar)[0-9a-f]+\M} [string map $map $text] CHANNEL
    }] result errorCode
    return [list $code $result $errorCode [tree $d]]
}

# Differences --
#
#	The lines of two lists that are not in both.

proc Differences {one two} {
    set different {}
    foreach {sign lines others} [list - $one $two + $two $one] {
	foreach line $lines {
	    if {$line ni $others} {
		lappend different [list $sign $line]
	    }
	}
    }
    return $different
}

# compare --
#
#	Runs a row; nothing, or what differs, host (-) and archive (+).

proc compare {number expected script} {
    lassign [Attempt $script $::host $number] code result errorCode tree
    set is [expr {$code == 0 ? "ok" : [lindex $errorCode 0] eq "POSIX" ? [lindex $errorCode 1] : "error"}]
    if {$expected ni [list any $is]} {
	return "the host answers $is and not $expected: $result"
    }
    lassign [Attempt $script $::mount $number] code2 result2 errorCode2 tree2
    set answer {}
    foreach {what one two} [list code $code $code2 result $result $result2 errorCode $errorCode $errorCode2] {
	if {$one ne $two} {
	    lappend answer "$what:\n\t- $one\n\t+ $two"
	}
    }
    foreach line [Differences $tree $tree2] {
	lappend answer $line
    }
    return [join $answer \n]
}

# table --
#
#	Makes the tests of a table: the rows, and at last that the archive holds all of it when it is mounted anew, and is
#	a sound database.

proc table {prefix rows} {
    set ::host $::scratch/host-$prefix
    set ::mount $::scratch/archive-$prefix
    set count [expr {[llength $rows] / 3}]
    set entries {}
    set fixture [entriesOf $::fixture]
    file mkdir $::host $::scratch/beside/[file tail $::host] $::scratch/beside/[file tail $::mount]
    for {set number 1} {$number <= $count} {incr number} {
	foreach where [list $::host $::scratch/beside/[file tail $::host] $::scratch/beside/[file tail $::mount]] {
	    exec cp -a $::fixture $where/$number
	}
	lappend entries [list $number directory 0755 1000000000]
	foreach entry $fixture {
	    lappend entries [lreplace $entry 0 0 $number/[lindex $entry 0]]
	}
    }
    starlit::archive create $::scratch/$prefix.db $entries
    vfs::sqlar::Mount $::scratch/$prefix.db $::mount

    set number 0
    foreach {what expected script} $rows {
	incr number
	test $prefix-$number $what -body [list compare $number $expected $script] -result {}
    }
    test $prefix-[incr number] "all of it is there when the archive is mounted anew" -body {
	set before [tree $::mount]
	vfs::sqlar::Unmount $::mount
	set left [glob -nocomplain $::scratch/$prefix.db?* $::scratch/.$prefix*]
	vfs::sqlar::Mount $::scratch/$prefix.db $::mount
	list [Differences $before [tree $::mount]] $left
    } -result {{} {}}
    test $prefix-[incr number] "the archive is a sound database" -constraints sqlite3 -body {
	vfs::sqlar::Unmount $::mount
	exec sqlite3 $::scratch/$prefix.db "PRAGMA integrity_check"
    } -result ok
}
