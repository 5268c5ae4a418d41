# SPDX-License-Identifier: MIT
#
# large: large files and many, in one process.
#
#     tclkit large.tcl stream ARCHIVE NAME             to standard output
#     tclkit large.tcl random ARCHIVE NAME             prints the ratio of a random 4 KB read to reading the whole
#     tclkit large.tcl mount ARCHIVE                   mounts, and no more
#     tclkit large.tcl stat ARCHIVE COUNT              prints the microseconds for one stat of a random member mCOUNT

lassign $argv task archive what
set mount [vfs::sqlar::Mount $archive /mount -readonly]
switch -- $task {
    mount {}
    stream {
        set channel [open $mount/$what rb]
        fconfigure $channel -buffersize 262144
        fconfigure stdout -translation binary -buffersize 262144
        fcopy $channel stdout
    }
    random {
        set channel [open $mount/$what rb]
        fconfigure $channel -buffersize 262144
        set null [open /dev/null wb]
        fconfigure $null -buffersize 262144
        set start [clock microseconds]
        set size [fcopy $channel $null]
        set whole [expr {[clock microseconds] - $start}]
        close $channel
        expr {srand(1)}
        set channel [open $mount/$what rb]
        set times {}
        for {set i 0} {$i < 101} {incr i} {
            set offset [expr {int(rand() * ($size - 4096))}]
            set start [clock microseconds]
            seek $channel $offset
            read $channel 4096
            lappend times [expr {[clock microseconds] - $start}]
        }
        puts [expr {double([lindex [lsort -integer $times] 50]) / $whole}]
    }
    stat {
        expr {srand(1)}
        set paths {}
        for {set i 0} {$i < 5000} {incr i} {lappend paths $mount/m[expr {int(rand() * $what)}]}
        set start [clock microseconds]
        foreach path $paths {file stat $path status}
        puts [expr {([clock microseconds] - $start) / 5000.0}]
    }
}
