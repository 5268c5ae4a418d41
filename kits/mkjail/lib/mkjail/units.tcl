# SPDX-License-Identifier: MIT
#
# units.tcl: how to run the program in its root, said three times from the same manifest: as a command line of
# safekit, as a systemd unit (systemd.exec(5), systemd.resource-control(5)) and as an OCI config.json (the runtime
# specification, 1.1).
#
#	what                          safekit            systemd                        OCI
#	the root, read-only           --root             RootDirectory, ReadOnlyPaths   root
#	writable directories          --tmpfs, --bind    TemporaryFileSystem, BindPaths mounts
#	user                          --uid, --gid       User, Group                    process.user
#	network                       --net, --bind-tcp  PrivateNetwork, SocketBind*    network namespace
#	system calls                  --allow            SystemCallFilter               seccomp
#	host name                     --hostname         -                              hostname
#	limits                        --limit-*          MemoryMax, ...                 resources, rlimits
#
# What a form cannot say is told in a note, never left out in silence.

namespace eval ::mkjail::units {
    variable defaultSize 64M
    # What of /proc tells of the host or changes it, as container runtimes have it.
    variable maskedPaths {/proc/acpi /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug /proc/scsi /proc/timer_list
	/proc/timer_stats}
    variable readonlyPaths {/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger}
}

# ::mkjail::units::Writable --
#
#	Takes a value of --writable apart: {directory size source}; a size for a tmpfs, a source for a bind mount.

proc ::mkjail::units::Writable {spec} {
    variable defaultSize

    if {[regexp {^(/[^=:]*)=(/.*)$} $spec - directory source]} {
	return [list [string trimright $directory /] "" $source]
    }
    if {![regexp {^(/[^=:]+?)/*(?::([1-9][0-9]*[KMG]?))?$} $spec - directory size]} {
	::mkjail::Fail USAGE "bad directory \"$spec\" of option \"--writable\": must be DIR, DIR:SIZE (as 64M) or DIR=SOURCE"
    }
    return [list $directory [expr {$size eq "" ? $defaultSize : $size}] ""]
}

# ::mkjail::units::Bytes --
#
#	A size with K, M or G as a number.

proc ::mkjail::units::Bytes {size} {
    regexp {^([0-9]+)([KMG]?)$} $size - number unit
    return [expr {$number * [dict get {"" 1 K 1024 M 1048576 G 1073741824} $unit]}]
}

# ::mkjail::units::Facts --
#
#	What all three forms say.
#
# Results:
#	A dict: root command mounts user uid gid hostname net allow bind connect memory processes files environment.

proc ::mkjail::units::Facts {root made} {
    set settings [dict get $made settings]
    set defaults [dict get $made defaults]
    lassign [dict get $made settings user-ids] user uid gid
    set mounts [list [Writable /tmp]]
    foreach spec [::mkjail::plan::Setting $settings $defaults writable] {
	set mount [Writable $spec]
	if {[lindex $mount 0] eq "/tmp"} {
	    set mounts {}
	}
	lappend mounts $mount
    }
    set allow {exec}
    foreach value [::mkjail::plan::Setting $settings $defaults allow] {
	lappend allow {*}[split $value ,]
    }
    if {[llength $mounts] > 1} {
	lappend allow wpath cpath fattr
    }
    set bind [::mkjail::plan::Setting $settings $defaults bind-tcp]
    set connect [dict get $settings connect-tcp]
    set net [dict get $settings net]
    if {$net eq ""} {
	set net [expr {[llength $bind] || [llength $connect] ? "host" : "none"}]
    }
    if {$net ne "none"} {
	if {[llength $bind] && "inet" ni $allow} {
	    lappend allow inet:server
	}
	if {[llength $connect] && "inet" ni $allow} {
	    lappend allow inet:client
	}
    }
    set program [::mkjail::plan::FindProgram [lindex [dict get $settings programs] 0]]
    return [dict create root $root command [list $program {*}[dict get $settings argument]] mounts $mounts \
	    user $user uid $uid gid $gid hostname [dict get $settings hostname] net $net \
	    allow [lsort -unique $allow] bind $bind connect $connect memory [dict get $settings limit-memory] \
	    processes [dict get $settings limit-processes] files [dict get $settings limit-files] \
	    environment [dict get $settings setenv]]
}

# ::mkjail::units::Safekit --
#
#	The command line of safekit, for a shell. Only root can be another; an ordinary user's root runs as that user.

proc ::mkjail::units::Safekit {facts} {
    dict with facts {}
    set words [list safekit --program --root $root --dev --hostname $hostname]
    if {[lindex [::mkjail::tree::Identity] 0] == 0} {
	lappend words --uid $uid --gid $gid
    }
    lappend words --allow [join $allow ,] --net $net
    foreach port $bind {
	lappend words --bind-tcp $port
    }
    foreach port $connect {
	lappend words --connect-tcp $port
    }
    foreach mount $mounts {
	lassign $mount directory size source
	if {$source eq ""} {
	    lappend words --tmpfs $directory:$size
	} else {
	    lappend words --bind $source $directory
	}
    }
    lappend words --limit-memory $memory --limit-processes $processes --limit-files $files \
	    --limit-cpu none --limit-time none
    foreach variable [linsert $environment 0 PATH=/usr/sbin:/usr/bin] {
	regexp {^([^=]+)=(.*)$} $variable - name value
	lappend words --setenv $name $value
    }
    lappend words -- {*}$command
    return [join [lmap word $words {ShellWord $word}]]
}

proc ::mkjail::units::ShellWord {word} {
    if {[regexp {^[-_/.,:=@%+A-Za-z0-9]+$} $word]} {
	return $word
    }
    return '[string map {' '\\''} $word]'
}

# ::mkjail::units::Systemd --
#
#	A service unit.

proc ::mkjail::units::Systemd {facts} {
    dict with facts {}
    ::mkjail::Note "systemd has no directive for the host name ($hostname) before version 258, nor for promises: the\
	    unit lets through what is usual for services"
    set exec [join [lmap word $command {UnitWord $word 1}]]
    set lines [list "# Written by mkjail $::mkjail::version." \[Unit\] \
	    "Description=[file tail [lindex $command 0]] in [UnitText $root]" "" \[Service\] \
	    "ExecStart=$exec" "RootDirectory=[UnitText $root]" ReadOnlyPaths=/ MountAPIVFS=no "User=$uid" "Group=$gid" \
	    "Environment=[join [lmap word [linsert $environment 0 PATH=/usr/sbin:/usr/bin] {UnitWord $word 0}]]"]
    foreach mount $mounts {
	lassign $mount directory size source
	if {$source eq ""} {
	    set owner [expr {$directory eq "/tmp" ? "mode=1777" : "mode=0755,uid=$uid,gid=$gid"}]
	    lappend lines "TemporaryFileSystem=[UnitText $directory]:size=$size,nodev,nosuid,noexec,$owner"
	} else {
	    lappend lines "BindPaths=[UnitText $source]:[UnitText $directory]"
	}
    }
    lappend lines PrivateDevices=yes PrivateIPC=yes ProtectHostname=yes ProtectClock=yes ProtectKernelLogs=yes \
	    KeyringMode=private NoNewPrivileges=yes CapabilityBoundingSet= AmbientCapabilities= RestrictNamespaces=yes \
	    RestrictSUIDSGID=yes RestrictRealtime=yes LockPersonality=yes SystemCallArchitectures=native \
	    SystemCallFilter=@system-service "SystemCallFilter=~@privileged @resources" SystemCallErrorNumber=EACCES
    if {$net eq "host"} {
	lappend lines "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX" SocketBindDeny=any
	foreach port $bind {
	    lappend lines SocketBindAllow=tcp:$port
	}
	if {[llength $connect]} {
	    ::mkjail::Note "systemd cannot limit connections to ports ([join $connect {, }])"
	}
    } else {
	lappend lines PrivateNetwork=yes "RestrictAddressFamilies=[expr {
		$net eq "none" ? "AF_UNIX" : "AF_INET AF_INET6 AF_UNIX"}]"
    }
    lappend lines MemoryMax=$memory TasksMax=$processes LimitNOFILE=$files LimitCORE=0 "" \[Install\] \
	    WantedBy=multi-user.target
    return [join $lines \n]
}

# A % would be a specifier; a line cannot be broken.
proc ::mkjail::units::UnitText {text} {
    return [string map {% %% \\ \\\\ \n \\n} $text]
}

proc ::mkjail::units::UnitWord {word exec} {
    set text [string map {% %% \\ \\\\ \" \\\" \n \\n} $word]
    if {$exec} {
	set text [string map {$ $$} $text]
    }
    return [expr {[regexp {^[-_/.,:=@%+A-Za-z0-9$]+$} $text] ? $text : "\"$text\""}]
}

# ::mkjail::units::Oci --
#
#	An OCI config.json.

proc ::mkjail::units::Oci {facts} {
    variable maskedPaths
    variable readonlyPaths

    package require safekit
    dict with facts {}
    if {[llength $bind] || [llength $connect]} {
	::mkjail::Note "an OCI config.json says nothing of ports ([join [concat $bind $connect] {, }])"
    }
    set Object ::mkjail::json::Object
    set Array ::mkjail::json::Array
    set Text ::mkjail::json::Text
    set Texts ::mkjail::json::Texts

    set process [$Object [list \
	    terminal false \
	    user [$Object [list uid $uid gid $gid]] \
	    args [$Texts $command] \
	    env [$Texts [linsert $environment 0 PATH=/usr/sbin:/usr/bin]] \
	    cwd [$Text /] \
	    capabilities [$Object {bounding [] effective [] inheritable [] permitted [] ambient []}] \
	    rlimits [$Array [list \
		[$Object [list type [$Text RLIMIT_NOFILE] hard $files soft $files]] \
		[$Object [list type [$Text RLIMIT_CORE] hard 0 soft 0]]]] \
	    noNewPrivileges true]]
    # Runtimes look into the container's /proc themselves.
    set list [list [Mount /proc proc proc {nosuid noexec nodev}] [Mount /dev tmpfs tmpfs {nosuid noexec mode=755 size=64k}]]
    foreach mount $mounts {
	lassign $mount directory size source
	if {$source eq ""} {
	    set owner [expr {$directory eq "/tmp" ? "mode=1777" : "mode=755 uid=$uid gid=$gid"}]
	    lappend list [Mount $directory tmpfs tmpfs [list nosuid nodev noexec size=[string tolower $size] {*}$owner]]
	} else {
	    lappend list [Mount $directory bind $source {rbind rw nosuid nodev}]
	}
    }
    set namespaces [lmap type {pid ipc uts mount cgroup} {$Object [list type [$Text $type]]}]
    if {$net ne "host"} {
	lappend namespaces [$Object [list type [$Text network]]]
    }
    set linux [$Object [list \
	    namespaces [$Array $namespaces] \
	    resources [$Object [list \
		memory [$Object [list limit [Bytes $memory]]] \
		pids [$Object [list limit $processes]]]] \
	    maskedPaths [$Texts $maskedPaths] \
	    readonlyPaths [$Texts $readonlyPaths] \
	    seccomp [::safekit::filter --allow [join $allow ,]]]]
    return [::mkjail::json::Indent [$Object [list \
	    ociVersion [$Text 1.1.0] \
	    process $process \
	    root [$Object [list path [$Text $root] readonly true]] \
	    hostname [$Text $hostname] \
	    mounts [$Array $list] \
	    linux $linux]]]
}

proc ::mkjail::units::Mount {destination type source options} {
    set pairs {}
    foreach name {destination type source} {
	lappend pairs $name [::mkjail::json::Text [set $name]]
    }
    return [::mkjail::json::Object [concat $pairs [list options [::mkjail::json::Texts $options]]]]
}
