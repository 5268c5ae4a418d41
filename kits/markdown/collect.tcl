# SPDX-License-Identifier: MIT
#
# collect.tcl: puts together the tree that is wrapped: this kit's files and the packages of tcllib that it needs. Run by
# the build, by any Tcl 8.6:
#
#	tclsh collect.tcl TREE ?TCLLIB?
#
# TREE is made anew; TCLLIB is where tcllib lies, by default the newest below /usr/share/tcltk. Afterwards the tree's
# packages are loaded from the tree alone, so that nothing is missing where there is no tcllib.

set kitFiles {main.tcl README.md lib}
# Folders of tcllib: Markdown, and what it requires (textutil::tabify, textutil::repeat).
set tcllibFolders {markdown textutil}
# Of these only scripts: textutil also holds hyphenation tables.
set tcllibPattern *.tcl
set tcllibLicense /usr/share/doc/tcllib/copyright

if {[llength $argv] ni {1 2}} {
    puts stderr "usage: collect.tcl TREE ?TCLLIB?"
    exit 2
}
lassign $argv tree tcllib
if {$tcllib eq ""} {
    set tcllib [lindex [lsort -dictionary [glob -nocomplain -type d /usr/share/tcltk/tcllib*]] end]
}
if {![file isdirectory $tcllib]} {
    puts stderr "collect.tcl: couldn't find tcllib (hint: apt-get install tcllib)"
    exit 1
}

set kit [file dirname [file normalize [info script]]]
file delete -force $tree
file mkdir $tree
foreach name $kitFiles {
    file copy [file join $kit $name] [file join $tree $name]
}
foreach folder $tcllibFolders {
    file mkdir [file join $tree lib $folder]
    foreach path [glob -directory [file join $tcllib $folder] $tcllibPattern] {
	file copy $path [file join $tree lib $folder]
    }
}
if {[file exists $tcllibLicense]} {
    file copy $tcllibLicense [file join $tree lib markdown license.terms]
}

# The check: in an interpreter of its own, that finds packages in Tcl's own library and in the tree, nowhere else.
interp create check
interp eval check [list set auto_path [list [info library] [file join $tree lib]]]
if {[catch {interp eval check {package require document}} message]} {
    file delete -force $tree
    puts stderr "collect.tcl: $message"
    exit 1
}
