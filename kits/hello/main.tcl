# SPDX-License-Identifier: MIT
#
# hello: greets, and tells its arguments. A template for a kit of your own: packages go into lib beside this file, data
# anywhere, and $starkit::topdir is where this file lies, unpacked or packed.

package require starkit
starkit::startup

set usage "usage: hello ?-v? ?ARGUMENT ...?"
if {[lindex $argv 0] in {-h -help --help}} {
    puts $usage
    exit
}
puts "Hello, world!"
set arguments $argv
if {[lindex $argv 0] eq "-v"} {
    set arguments [lrange $argv 1 end]
    puts "started as $starkit::mode, Tcl [info patchlevel]"
}
foreach argument $arguments {
    puts "argument: $argument"
}
