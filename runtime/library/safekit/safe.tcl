# SPDX-License-Identifier: MIT
#
# safe.tcl: package safekit::safe, which runs a kit's main.tcl in a safe interpreter: what `safekit --safe` calls.
#
#     package require safekit::safe
#     safekit::safe::run MOUNT ARGUMENTS POLICY       does not return: ends the process as the kit's main.tcl does
#     safekit::safe::main MOUNT ARGUMENTS WORDS       the same, with a policy that options of the command line say
#     safekit::safe::create MOUNT POLICY              the interpreter alone, for a program that goes on
#     safekit::safe::policy WORDS                     the policy that options of the command line say; see policy.tcl
#
# The interpreter is one of Tcl's Safe Base (safe(n)). Beyond that, and instead of its aliases for files:
#
#     tokens.tcl    names of files: `$p(:N:)` for a granted directory, and names below it
#     files.tcl     open, source, file      glob.tcl   glob      exec.tcl   exec
#     host.tcl      what would tell of the host, reach the parent, or leave the limits: given a neutral value, or
#                   closed
#
# Rules:
# 1. The safe script is an enemy. What it passes is data: never evaluated in the parent, never a path before Resolve
#    has made it a grant and a name below it.
# 2. A real path never reaches the script: not in a result, not in an error message, not in errorInfo. All aliases go
#    through Call, which lets only those errors pass that were made for the script: by Deny, Refuse and Posix.
# 3. A denial has the error code {SAFEKIT DENIED safe NAME} and says which option grants what was denied.
# 4. What is not granted is denied; what cannot be decided is denied.
#
# Not guarded against: what one long call of C takes, `string repeat` or a regular expression. Memory and processor
# time are the jail's to limit.

package require Tcl 8.6
package provide safekit::safe 1.0

# Tcl's Safe Base is auto-loaded by its commands; its procedures that are not public are not.
::auto_load ::safe::interpCreate

namespace eval ::safekit::safe {
    # Arrays by interpreter: what tokens.tcl keeps; the kit's name; the policy; when its time ends, in milliseconds of
    # the clock; the limit that was exceeded.
    variable grants
    variable kits
    variable policies
    variable ends
    variable exceeded

    # Commands for the script: name, least and most arguments, usage; served by the procedure Do<name>.
    variable commands {
	open        {1 3 "open fileName ?access? ?permissions?"}
	source      {1 3 "source ?-encoding name? fileName"}
	glob        {1 -1 "glob ?-option value ...? ?--? name ?name ...?"}
	exec        {1 -1 "exec ?-ignorestderr? ?-keepnewline? ?--? program ?arg ...? ?<< input?"}
	exit        {0 1 "exit ?returnCode?"}
	pwd         {0 0 "pwd"}
	pid         {0 1 "pid ?channelId?"}
	encoding    {1 3 "encoding option ?arg ...?"}
	fconfigure  {1 -1 "fconfigure channelId ?-option value ...?"}
	clock       {1 -1 "clock subcommand ?arg ...?"}
	interp      {1 -1 "interp subcommand ?arg ...?"}
	background  {2 2 "bgerror message options"}
    }

    # Commands that nothing opens: the script learns that instead of "invalid command name".
    variable closed {cd load socket unload}
}

foreach ::safekit::safe::file {policy tokens files glob exec host} {
    source [file join [file dirname [info script]] $::safekit::safe::file.tcl]
}

# ::safekit::safe::main --
#
#	What `safekit --safe` calls: [run], with the policy that these options say. What is wrong with them ends the process
#	with status 125, as every option does.

proc ::safekit::safe::main {mount arguments words} {
    if {[catch {policy $words} policy]} {
	Misuse $policy
    }
    run $mount $arguments $policy
}

proc ::safekit::safe::Misuse {message} {
    catch {puts stderr "safekit: $message"}
    ::exit 125
}

# ::safekit::safe::run --
#
#	Runs a kit's main.tcl, or a script, in a new safe interpreter, and ends the process: with what the script gives to
#	[exit], with 0 at its end, and with 1 and the trace of the error on stderr when it fails or exceeds a limit. It ends
#	with 125 when the interpreter cannot be made, as when a path to be granted is not there.
#
# Arguments:
#	mount -		The directory at which the kit is mounted, an unpacked kit, or the file of a script.
#	arguments -	For the script's argv; absolute names of granted files become names that the script can use.
#	policy -	What is granted; see policy.tcl.

proc ::safekit::safe::run {mount arguments policy} {
    variable exceeded

    set policy [CheckPolicy $policy]
    if {[catch {create $mount $policy} child]} {
	Misuse $child
    }
    ::interp alias $child exit {} ::safekit::safe::Call $child exit
    set mainName [Prepare $child $mount $arguments]
    StartLimits $child $policy
    set failed [catch {
	if {[file isdirectory $mount]} {
	    DoSource $child $mainName
	} else {
	    EvalFile $child $mainName [ReadScript [open $mount rb] ""]
	}
    } message options]
    if {[info exists exceeded($child)]} {
	set failed 1
	set trace [LimitMessage $policy $exceeded($child)]
    } elseif {$failed} {
	set trace [TraceOf $message $options]
    }
    if {$failed} {
	catch {puts stderr $trace}
    }
    ::exit [expr {$failed != 0}]
}

# What to tell of an error in the script: its own trace, where it has one.

proc ::safekit::safe::TraceOf {message options} {
    lassign [dict get $options -errorcode] kind details
    switch -- $kind {
	SAFEKIT-SCRIPT {return [dict get $details -errorinfo]}
	SAFEKIT-CLEAN {return $message}
	default {return [dict get $options -errorinfo]}
    }
}

# ::safekit::safe::create --
#
#	Makes the interpreter. [exit] in it deletes it, as in every interpreter of the Safe Base.
#
# Results:
#	Its name, for safe::interpDelete, safe::interpFindInAccessPath and their like.

proc ::safekit::safe::create {mount policy} {
    variable commands
    variable closed
    variable policies

    set policy [CheckPolicy $policy]
    set library [info library]
    set child [::safe::interpCreate -accessPath [list $library [file dirname $library]] -noStatics \
	-deleteHook ::safekit::safe::Forget]
    set policies($child) $policy
    try {
	GrantAll $child $mount $policy
	CloseHost $child $policy
	dict for {name row} $commands {
	    if {$name ni {exit background}} {
		::interp alias $child $name {} ::safekit::safe::Call $child $name
	    }
	}
	foreach name $closed {
	    ::interp alias $child $name {} ::safekit::safe::Closed $name
	}
	AliasFile $child
	foreach channel [dict get $policy channels] {
	    ::interp share {} $channel $child
	}
    } on error {message options} {
	::safe::interpDelete $child
	return -options $options $message
    }
    return $child
}

# Drops what is known of an interpreter that is about to be deleted.

proc ::safekit::safe::Forget {child} {
    variable kits
    variable policies
    variable ends
    variable exceeded

    ForgetGrants $child
    unset -nocomplain kits($child) policies($child) ends($child) exceeded($child)
}

# ::safekit::safe::Prepare --
#
#	Sets the variables that a main script finds.
#
# Results:
#	The name of the main script, as the safe script knows it.

proc ::safekit::safe::Prepare {child mount arguments} {
    if {[file isdirectory $mount]} {
	set argv0 [TokenOf $child $mount]
	set mainName $argv0/main.tcl
    } else {
	set argv0 [file tail $mount]
	set mainName $argv0
    }
    set words [lmap word $arguments {ArgumentOf $child $word}]
    foreach {name value} [list argv0 $argv0 argv $words argc [llength $words] tcl_interactive 0] {
	::interp eval $child [list ::set ::$name $value]
    }
    return $mainName
}

# ::safekit::safe::StartLimits --
#
#	From now on, the interpreter may run so long, and so many commands.

proc ::safekit::safe::StartLimits {child policy} {
    variable ends

    if {[dict get $policy time] ne ""} {
	set end [expr {[clock milliseconds] + [dict get $policy time]}]
	set ends($child) $end
	::interp limit $child time -seconds [expr {$end / 1000}] -milliseconds [expr {$end % 1000}] \
	    -granularity 1 -command [list ::safekit::safe::Exceed $child time]
    }
    if {[dict get $policy commands] ne ""} {
	set last [expr {[::interp eval $child {::info cmdcount}] + [dict get $policy commands]}]
	::interp limit $child commands -value $last \
	    -command [list ::safekit::safe::Exceed $child commands]
    }
}

proc ::safekit::safe::Exceed {child limit} {
    variable exceeded

    set exceeded($child) $limit
}

# ::safekit::safe::CheckTime --
#
#	To be called again and again by what works long in the parent for the script: the limits of the script do not hold
#	there.

proc ::safekit::safe::CheckTime {child} {
    variable ends

    if {[info exists ends($child)] && [clock milliseconds] > $ends($child)} {
	Refuse {SAFEKIT LIMIT time} "time limit exceeded"
    }
}

proc ::safekit::safe::LimitMessage {policy limit} {
    set value [dict get $policy $limit]
    if {$limit eq "time"} {
	return "safekit: stopped: the kit ran longer than $value ms (hint: --safe-time grants more)"
    }
    return "safekit: stopped: the kit ran more than $value commands (hint: --safe-commands grants more)"
}

#
# The border.
#

# ::safekit::safe::Call --
#
#	The target of all aliases: checks the number of arguments, serves the command, and lets no error pass that could
#	hold anything of the parent.

proc ::safekit::safe::Call {child name args} {
    variable commands

    lassign [dict get $commands $name] least most usage
    set count [llength $args]
    if {$count < $least || ($most >= 0 && $count > $most)} {
	return -code error -errorcode {TCL WRONGARGS} "wrong # args: should be \"$usage\""
    }
    Serve $child [list Do[string totitle $name] $child {*}$args]
}

proc ::safekit::safe::Serve {child command} {
    set code [catch {{*}$command} result options]
    if {$code == 0} {
	return -level 2 $result
    }
    set errorCode [expr {[dict exists $options -errorcode] ? [dict get $options -errorcode] : "NONE"}]
    switch -- [lindex $errorCode 0] {
	SAFEKIT-SCRIPT {
	    # The script's own doing, with its own trace.
	    return -options [dict replace [lindex $errorCode 1] -level 2] $result
	}
	SAFEKIT-CLEAN {
	    return -level 2 -code error -errorcode [lindex $errorCode 1] -errorstack {} $result
	}
	default {
	    ::safe::Log $child "[lindex $command 0]: $result"
	    return -level 2 -code error -errorcode {SAFEKIT INTERNAL} -errorstack {} "script error"
	}
    }
}

# ::safekit::safe::Refuse --
#
#	An error that may be told to the script.

proc ::safekit::safe::Refuse {errorCode message} {
    return -code error -errorcode [list SAFEKIT-CLEAN $errorCode] $message
}

# ::safekit::safe::Deny --
#
#	A denial.
#
# Arguments:
#	name -		What was denied, as the last word of the error code.
#	what -		What the script tried: `couldn't open "x"`.
#	cause -		Why it may not.
#	option -	What would have granted it; empty where nothing does.

proc ::safekit::safe::Deny {name what cause {option ""}} {
    Refuse [list SAFEKIT DENIED safe $name] [Denial $what $cause $option]
}

proc ::safekit::safe::Denial {what cause option} {
    set hint [expr {$option eq "" ? "no option grants it" : "hint: $option grants it"}]
    return "$what: denied: $cause ($hint)"
}

# The target of the aliases of commands that nothing opens.

proc ::safekit::safe::Closed {name args} {
    return -code error -errorcode [list SAFEKIT DENIED safe $name] -errorstack {} \
	[Denial "couldn't run \"$name\"" "closed in a safe interpreter" ""]
}

# ::safekit::safe::Posix --
#
#	Runs a script that touches files, at the caller's level. An error of the system becomes one for the script, with the
#	name that the script knows.
#
# Arguments:
#	what -		The start of the message: `couldn't open "$p(:0:)/x"`.
#	script -	The script.

proc ::safekit::safe::Posix {what script} {
    if {[catch {uplevel 1 $script} result options] != 1} {
	return $result
    }
    set errorCode [dict get $options -errorcode]
    switch -- [lindex $errorCode 0] {
	POSIX {
	    if {[lindex $errorCode 1] eq "ELOOP"} {
		Deny link $what "links are not followed"
	    }
	    Refuse $errorCode "$what: [lindex $errorCode 2]"
	}
	SAFEKIT {
	    # The jail's own denial, which names promises.
	    Refuse $errorCode "$what: permission denied"
	}
	SAFEKIT-CLEAN {
	    return -options $options $result
	}
	default {
	    Refuse {SAFEKIT FAILED} "$what: it failed"
	}
    }
}
