# SPDX-License-Identifier: MIT
#
# foreign: mounts an archive of some format and reads every file in it, as a user of that format would.
#
#     tclkit|tclsh8.6 foreign.tcl zip|mk4|sqlar FILE         prints the number of files and of bytes
#     tclsh8.6 foreign.tcl metakit DIRECTORY FILE            writes a Metakit kit of the directory
#
# tclsh8.6 with zip takes Debian's package vfs::zip.

proc Read {dir} {
    set files 0
    set bytes 0
    foreach path [glob -nocomplain -directory $dir *] {
        if {[file isdirectory $path]} {
            lassign [Read $path] below size
            incr files $below
            incr bytes $size
            continue
        }
        set channel [open $path rb]
        incr bytes [string length [read $channel]]
        close $channel
        incr files
    }
    return [list $files $bytes]
}

# What the writer takes: {name parent files} of each directory.
proc Directories {dir name parent} {
    variable rows
    set index [llength $rows]
    lappend rows {}
    set files {}
    foreach path [lsort [glob -nocomplain -directory $dir *]] {
        if {[file isdirectory $path]} {
            Directories $path [file tail $path] $index
        } else {
            set channel [open $path rb]
            set content [read $channel]
            close $channel
            set deflated [zlib compress $content]
            if {[string length $deflated] < [string length $content]} {
                lappend files [list [file tail $path] [file mtime $path] $deflated [string length $content]]
            } else {
                lappend files [list [file tail $path] [file mtime $path] $content]
            }
        }
    }
    lset rows $index [list $name $parent $files]
}

lassign $argv driver file output
if {$driver eq "metakit"} {
    source [file join [file dirname [info script]] .. vfs metakit write.tcl]
    set rows {}
    Directories $file <root> -1
    set channel [open $output wb]
    puts -nonewline $channel [metakit::write $rows]
    close $channel
    exit
}
package require vfs::$driver
vfs::${driver}::Mount $file /mounted
puts [Read /mounted]
