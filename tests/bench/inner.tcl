# SPDX-License-Identifier: MIT
#
# inner: what the archive costs a program that reads it, beside the native file system, both in this one interpreter.
#
#     inner ARCHIVE_DIR NATIVE_DIR ROUNDS
#
# Both folders hold the same tree. Each round does each task in both, in turn, the order changing from round to round.
# Path names are built anew each time, since Tcl remembers in a path's value where it leads. Prints one line per task,
# tab separated:
#
#     TASK ARCHIVE_US NATIVE_US RATIO COUNT
#
# TASK is read (open, read and close every file), stat (every file), missing (file exists for names that are not
# there) or glob (every directory); the times are medians over the rounds for the whole tree, RATIO is the median of
# the rounds' ratios, COUNT the number of files or directories. Ends with an error where the two trees answer
# differently. Changes nothing.

namespace eval bench {
    proc Median {values} {
        set values [lsort -real $values]
        set n [llength $values]
        expr {([lindex $values [expr {($n - 1) / 2}]] + [lindex $values [expr {$n / 2}]]) / 2.0}
    }

    # Every name below $dir, relative to it: a list of files and a list of directories, "." first.
    proc Walk {dir {relative .}} {
        set files {}
        set dirs [list $relative]
        foreach name [lsort [glob -nocomplain -tails -directory [file join $dir $relative] *]] {
            set path [expr {$relative eq "." ? $name : "$relative/$name"}]
            if {[file isdirectory [file join $dir $path]]} {
                lassign [Walk $dir $path] more_files more_dirs
                lappend files {*}$more_files
                lappend dirs {*}$more_dirs
            } else {
                lappend files $path
            }
        }
        list $files $dirs
    }

    # The tasks: each takes a folder and relative names, and returns a figure that must be equal on both sides.
    proc Task_read {dir names} {
        set bytes 0
        foreach name $names {
            set channel [open $dir/$name rb]
            incr bytes [string length [read $channel]]
            close $channel
        }
        return $bytes
    }
    proc Task_stat {dir names} {
        set bytes 0
        foreach name $names {
            file stat $dir/$name stat
            incr bytes $stat(size)
        }
        return $bytes
    }
    proc Task_missing {dir names} {
        set found 0
        foreach name $names {
            incr found [file exists $dir/$name.not]
        }
        return $found
    }
    proc Task_glob {dir names} {
        set count 0
        foreach name $names {
            incr count [llength [glob -nocomplain -directory $dir/$name *]]
        }
        return $count
    }

    proc Compare {task archive native names rounds} {
        set dirs [dict create archive $archive native $native]
        set order {archive native}
        for {set round -1} {$round < $rounds} {incr round} {
            foreach side $order {
                set start_us [clock microseconds]
                set answer($side) [Task_$task [dict get $dirs $side] $names]
                set us($side) [expr {double([clock microseconds] - $start_us)}]
            }
            if {$answer(archive) != $answer(native)} {
                error "$task: the archive answers $answer(archive), the native file system $answer(native)"
            }
            if {$round >= 0} {
                foreach side $order {lappend all($side) $us($side)}
                lappend all(ratio) [expr {$us(archive) / $us(native)}]
            }
            set order [lreverse $order]
        }
        format "%s\t%.0f\t%.0f\t%.4f\t%d" $task [Median $all(archive)] [Median $all(native)] [Median $all(ratio)] \
            [llength $names]
    }

    proc main {archive native rounds} {
        lassign [Walk $native] files dirs
        if {[Walk $archive] ne [list $files $dirs]} {error "the two trees differ"}
        foreach {task names} [list read $files stat $files missing $files glob $dirs] {
            puts [Compare $task $archive $native $names $rounds]
        }
    }
}

bench::main {*}$argv
