# SPDX-License-Identifier: MIT
#
# safekit.tcl: what the tests of package safekit::safe have in common; sourced behind tools.tcl.
#
# Layout of $scratch, in all of them:
#
#     app.kit           the kit, from kitOf
#     data/             to be granted for reading: in.txt, sub/deep.txt, .hidden, and links: link.txt out
#     work/             to be granted for writing
#     secret/secret.txt never granted; it holds "top secret"

set driver [writeFile driver.tcl {
    # driver.tcl MOUNT ?OPTION VALUE ...? -- ARGUMENT ...: what `safekit --safe` does, less the jail.
    package require safekit::safe
    set end [lsearch -exact $argv --]
    set mount [lindex $argv 0]
    if {[file extension $mount] eq ".kit"} {
	vfs::sqlar::Mount $mount -readonly
    }
    safekit::safe::run $mount [lrange $argv $end+1 end] [safekit::safe::policy [lrange $argv 1 $end-1]]
}]

# freshFiles --
#
#	The layout anew.

proc freshFiles {} {
    foreach name {data work secret} {
	folder $name
    }
    writeFile data/in.txt "one\ntwo\n"
    writeFile data/sub/deep.txt deep
    writeFile data/.hidden hidden
    writeFile data/script.tcl {set sourced [info script]}
    writeFile secret/secret.txt "top secret"
    writeFile secret/secret.tcl {set secret "top secret"}
    file link -symbolic data/link.txt ../secret/secret.txt
    file link -symbolic data/out ../secret
    file link -symbolic work/link.txt ../secret/secret.txt
    file link -symbolic work/out ../secret
}

# kitOf --
#
#	app.kit with this main.tcl and further members.

proc kitOf {main args} {
    return [archive app.kit kit [list main.tcl $main {*}$args]]
}

# safe --
#
#	Runs a main.tcl as the kit is run: {status stdout stderr}.
#
# Arguments:
#	options -	Of the policy. data/ is granted as the first token, $data, work/ as the second, $work.
#	main -		The script.
#	args -		Its arguments.

proc safe {options main args} {
    kitOf "lassign \[dict keys \$safekit::grants\] data work\n$main"
    return [run $::tclkit $::driver app.kit --safe-read data --safe-write work {*}$options -- {*}$args]
}

# said --
#
#	What such a script prints; anything on stderr, or a status, is an error.

proc said {options main args} {
    lassign [safe $options $main {*}$args] status output errors
    if {$status ne "0" || $errors ne ""} {
	error "status $status: $output\n$errors"
    }
    return $output
}
