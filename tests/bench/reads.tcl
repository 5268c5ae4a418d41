# SPDX-License-Identifier: MIT
#
# reads: the first reading of every file of a tree in a new process, and the second, in a kit and on the native file
# system. Prints the microseconds: ARCHIVE_FIRST ARCHIVE_SECOND NATIVE_FIRST NATIVE_SECOND.
#
#     tclkit reads.tcl KIT DIRECTORY_IN_KIT NATIVE_DIRECTORY archive|native     which comes first

proc Walk {dir} {
    set files {}
    foreach name [lsort [glob -nocomplain -directory $dir *]] {
        if {[file isdirectory $name]} {lappend files {*}[Walk $name]} else {lappend files $name}
    }
    return $files
}

proc Read {dir names} {
    set start [clock microseconds]
    foreach name $names {
        set channel [open $dir/$name rb]
        read $channel
        close $channel
    }
    return [expr {[clock microseconds] - $start}]
}

lassign $argv kit inside native first
set names [lmap path [Walk $native] {string range $path [string length $native]+1 end}]
vfs::sqlar::Mount $kit -readonly
set dirs [dict create archive [file normalize $kit]/$inside native $native]
foreach side [expr {$first eq "archive" ? {archive native} : {native archive}}] {
    set us($side) [list [Read [dict get $dirs $side] $names] [Read [dict get $dirs $side] $names]]
}
puts "$us(archive) $us(native)"
