# SPDX-License-Identifier: MIT
#
# tools.tcl: what the tests of whole programs have in common. Sourced at the head of each.
#
# Rules:
# 1. The program under test is the file env(TCLKIT); it is copied or linked where a test needs it elsewhere, never changed.
# 2. Everything is written below $scratch, a folder that every user may enter and that is gone at the end.
# 3. A program is started by a shell script of quoted words, so arguments arrive byte for byte, and its streams are files.
# 4. All text is UTF-8, whatever the locale of the tests is.

package require Tcl 8.6
package require tcltest 2.5
namespace import ::tcltest::test
encoding system utf-8

set here [file dirname [file normalize [info script]]]
source [file join $here .. .. sdx lib sdx packages.tcl]
set tclkit [file normalize $::env(TCLKIT)]
set scratch [file normalize [exec mktemp -d -t starlit.XXXXXX]]
file attributes $scratch -permissions 0755
::tcltest::configure -verbose {body skip error} -tmpdir $scratch -singleproc 1

# What the host's own Tcl would look for, and languages, are the matter of the tests that set them.
foreach name {TCLLIBPATH TCL_LIBRARY TCL8_6_TM_PATH LC_ALL LC_CTYPE LC_MESSAGES LANG LANGUAGE TZ} {
    unset -nocomplain ::env($name)
}

#
# Files.
#

# writeFile --
#
#	Writes text or bytes; returns the path. A relative path counts from $scratch.

proc writeFile {path text {permissions 0644}} {
    set path [file join $::scratch $path]
    file mkdir [file dirname $path]
    set channel [open $path w]
    fconfigure $channel -encoding utf-8 -translation lf
    puts -nonewline $channel $text
    close $channel
    file attributes $path -permissions $permissions
    return $path
}

proc writeBytes {path bytes {permissions 0755}} {
    set path [file join $::scratch $path]
    file mkdir [file dirname $path]
    set channel [open $path wb]
    puts -nonewline $channel $bytes
    close $channel
    file attributes $path -permissions $permissions
    return $path
}

proc readFile {path} {
    set channel [open $path]
    fconfigure $channel -encoding utf-8 -translation lf
    set text [read $channel]
    close $channel
    return $text
}

proc readBytes {path} {
    set channel [open $path rb]
    set bytes [read $channel]
    close $channel
    return $bytes
}

# folder --
#
#	A new empty folder in $scratch.

proc folder {name} {
    set path [file join $::scratch $name]
    file delete -force $path
    file mkdir $path
    file attributes $path -permissions 0755
    return $path
}

# place --
#
#	A copy of an executable under another name, runnable by everyone.

proc place {program path} {
    set path [file join $::scratch $path]
    file mkdir [file dirname $path]
    file copy -force $program $path
    file attributes $path -permissions 0755
    return $path
}

# listing --
#
#	All that is in a folder with size and time: what shows that nothing was written.

proc listing {dir} {
    return [exec find $dir -mindepth 1 -printf "%P %y %m %s %T@ %C@\n" | sort]
}

#
# Programs.
#

proc Quote {word} {
    return '[string map {' '\\''} $word]'
}

# run --
#
#	Runs a program. Returns {status stdout stderr}, each text without its last newline; status is a number, or the
#	name of a signal.
#
# Arguments:
#	-in DIR -	Working folder, else $scratch.
#	-env LIST -	Names and values, on top of the environment.
#	-input TEXT -	What comes on stdin, else nothing.
#	-stdin WORD -	What stands behind `<` instead, such as `&-` for closed. Likewise -stdout, -stderr.
#	words -		The program and its arguments.

proc run {args} {
    set options [dict create -in $::scratch -env {} -input {} -stdin {} -stdout {} -stderr {}]
    while {[dict exists $options [lindex $args 0]]} {
	set args [lassign $args name value]
	dict set options $name $value
    }
    dict with options {}
    set files {}
    foreach {redirect default} [list ${-stdin} input ${-stdout} output ${-stderr} errors] {
	lappend files [expr {$redirect ne "" ? $redirect : "'$::scratch/.$default'"}]
    }
    writeFile .input ${-input}
    writeFile .output ""
    writeFile .errors ""
    set words {}
    if {${-env} ne ""} {
	lappend words env
	foreach {name value} ${-env} {
	    lappend words [Quote $name=$value]
	}
    }
    foreach word $args {
	lappend words [Quote $word]
    }
    lassign $files input output errors
    set script [writeFile .script \
	    "cd [Quote ${-in}] || exit 125\nexec [join $words] <$input >$output 2>$errors\n"]
    set status 0
    if {[catch {exec sh $script 2>@1} message info]} {
	switch -- [lindex [dict get $info -errorcode] 0] {
	    CHILDSTATUS - CHILDKILLED {set status [lindex [dict get $info -errorcode] 2]}
	    NONE {}
	    default {error $message}
	}
    }
    set answer [list $status]
    foreach name {output errors} {
	set text [readFile $::scratch/.$name]
	lappend answer [regsub {\n$} $text ""]
    }
    return $answer
}

# output --
#
#	What a program writes to stdout; anything else is an error.

proc output {args} {
    lassign [run {*}$args] status output errors
    if {$status ne "0" || $errors ne ""} {
	error "status $status: $output\n$errors"
    }
    return $output
}

# evaluate --
#
#	What the program under test writes when it runs a script, given options of run first.

proc evaluate {args} {
    set path [writeFile script.tcl [lindex $args end]]
    return [output {*}[lrange $args 0 end-1] $::tclkit $path]
}

# archive --
#
#	Makes a kit or a starpack by the program's own command.
#
# Arguments:
#	-records B -	Whether to record the packages, as sdx does; else they are searched for.
#	path -		Of the output, counted from $scratch.
#	form -		kit, starpack (of the program under test) or plain.
#	files -		Names of members and their text; a name that ends with / is a directory.

proc archive {args} {
    lassign [lrange $args end-2 end] path form files
    set records [expr {[lindex $args 0] ne "-records" || [lindex $args 1]}]
    set path [file join $::scratch $path]
    set entries {}
    foreach {name text} $files {
	if {[string match */ $name]} {
	    lappend entries [list [string trimright $name /] directory 0755 1000000000]
	} else {
	    lappend entries [list $name bytes [encoding convertto utf-8 $text] 0644 1000000000]
	}
    }
    set options {-mode 0755}
    if {$records} {
	lappend options -packages [::sdx::packages::Record $entries {}]
    }
    switch -- $form {
	kit {
	    lappend options -script "#!/bin/sh\n# \\\nexec tclkit \"\$0\" \${1+\"\$@\"}\npackage require\
		    starkit\nstarkit::header sqlar -readonly\n\x1a"
	}
	starpack {
	    lappend options -runtime $::tclkit
	}
    }
    file mkdir [file dirname $path]
    # In hexadecimal: a ^Z would end the script.
    set command [list starlit::archive create $path $entries {*}$options]
    set digits [binary encode hex [encoding convertto utf-8 $command]]
    writeFile make.tcl "eval \[encoding convertfrom utf-8 \[binary decode hex $digits\]\]"
    output $::tclkit make.tcl
    return $path
}

# compileC --
#
#	Compiles a C file beside the tests; returns the program.

proc compileC {name} {
    set program [file join $::scratch $name]
    if {![file exists $program]} {
	exec gcc -O1 -Wall -o $program [file join $::here $name.c]
    }
    return $program
}

#
# Users and roots.
#

set isRoot [expr {[exec id -u] == 0}]
set asUser [expr {$isRoot ? {setpriv --reuid=65534 --regid=65534 --clear-groups} : {}}]

proc Works {args} {
    return [expr {![catch {exec {*}$args < /dev/null 2> /dev/null}]}]
}

set ::env(PATH) $::env(PATH):/usr/sbin:/sbin

# Needs root: to become another user, and to chroot without a user namespace.
::tcltest::testConstraint root $isRoot
# Needs a kernel and a container that let ordinary users make user namespaces.
::tcltest::testConstraint userNamespace [Works {*}$asUser unshare -r true]
# Needs the C compiler that built the program.
::tcltest::testConstraint gcc [Works gcc --version]
# Needs Debian's sqlite3 shell.
::tcltest::testConstraint sqlite3 [Works sqlite3 --version]
# Needs a program that no sanitizer is built into.
::tcltest::testConstraint static [Works sh -c "readelf -lW [Quote $tclkit] | grep -q INTERP && exit 1 || exit 0"]

# inRoot --
#
#	Runs a program with a folder as its root, as root or, told "user", as an ordinary user in a user namespace.
#	Options of run may come first.

proc inRoot {who dir args} {
    set options {}
    while {[string match -* [lindex $args 0]]} {
	set args [lassign $args name value]
	lappend options $name $value
    }
    set enter [expr {$who eq "root" ? [list chroot $dir] : [list {*}$::asUser unshare -r chroot $dir]}]
    return [run {*}$options {*}$enter {*}$args]
}

# finish --
#
#	Ends a test file: prints the counts, removes $scratch, exits non-zero when a test failed.

proc finish {} {
    set failed $::tcltest::numTests(Failed)
    catch {exec chmod -R u+rwX $::scratch}
    file delete -force $::scratch
    file mkdir $::scratch
    ::tcltest::cleanupTests
    file delete $::scratch
    exit [expr {$failed > 0}]
}
