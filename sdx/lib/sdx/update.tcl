# SPDX-License-Identifier: MIT
#
# update.tcl: sdx update, a directory that was changed into the kit that it was unwrapped from.

::sdx::Load entries
::sdx::Load json
::sdx::Load kit
::sdx::Load lsk
::sdx::Load plan
::sdx::Load sides
::sdx::Load transfer

namespace eval ::sdx::update {
    variable operands {{KIT required} {DIRECTORY optional}}
    variable options [concat {
	{{-delete} {} {} {delete members that are not in DIRECTORY}}
    } $::sdx::entries::options $::sdx::transfer::options]
    variable retired {
	-from {servers for it are gone (hint: curl -O fetches a kit, rsync only what has changed)}
    }
    variable description {
	Makes a kit, a starpack or a plain archive hold what DIRECTORY holds, by default the name of KIT without its
	extension, with .vfs: adds what is new, replaces what has changed, and with -delete deletes what is gone. All of it is
	done, or nothing. A starpack is made anew and takes its own place in one step, also while it runs; what belongs to its
	runtime is never deleted.

	A file has changed when its size, its time or its permissions are others than in KIT. Where only the time is another,
	or could be by chance the same, contents are compared.

	What is excluded is neither put into KIT nor deleted from it. SOURCE_DATE_EPOCH in the environment is the latest time
	a member gets.
    }
    variable examples {
	{sdx update app.kit -delete -n} {what has changed in app.vfs}
	{sdx update app.kit -delete} {puts that into the kit}
    }
    variable result {
	a dict: target, dryrun, add, replace, attributes, delete (how many of each), changes (a list of name, action, why).
    }
}

proc ::sdx::update::Run {values} {
    set kit [::sdx::entries::Plain [dict get $values KIT]]
    set directory [file rootname [dict get $values KIT]].vfs
    if {[dict exists $values DIRECTORY]} {
	set directory [dict get $values DIRECTORY]
    }
    if {![file isdirectory [::sdx::entries::Plain $directory]]} {
	return -code error -errorcode {POSIX ENOTDIR {not a directory}} \
	    "couldn't update from \"$directory\": no such directory"
    }
    ::sdx::members::NeedOwn [dict get $values KIT] update
    set choice [::sdx::entries::Choice $values]
    lassign [::sdx::sides::Read [dict get $values KIT] 1 update $choice] members format excluded
    set foreign {}
    if {$format in {starpack runtime}} {
	set own [::sdx::members::List $kit]
	set foreign [dict filter $members script {name -} {expr {![dict exists $own $name]}}]
    }
    set files [lindex [::sdx::sides::Read $directory 0 update $choice] 0]
    set root [::sdx::entries::Plain $directory]
    ::sdx::members::Mounted $kit point {
	set plan [::sdx::plan::Make [dict create members $files root $root] [dict create members $members root $point] \
		[dict create delete [dict get $values -delete] excluded $excluded checksum [dict get $values -checksum] \
		foreign $foreign \
		clamp [::sdx::kit::Epoch 0x7fffffffffffffff] tolerance 1 since [file mtime $kit] modes 0o7777 linktimes 1 \
		name [dict get $values KIT]]]
    }
    if {[list main.tcl delete file] in $plan} {
	return -code error -errorcode {SDX NOMAIN} \
	    "couldn't update from \"$directory\": it has no main.tcl, and the kit would not run without one"
    }
    if {[llength $plan] && ![dict get $values -n]} {
	::sdx::transfer::ToArchive $kit "" $plan $files $root
    }
    return [::sdx::transfer::Result [dict get $values KIT] $plan [dict get $values -n]]
}

proc ::sdx::update::Show {values result} {
    ::sdx::transfer::Show $values $result
}
