# SPDX-License-Identifier: MIT
#
# mkjail: builds a root for a program that is not a kit, and looks after it. lib/mkjail/mkjail.tcl tells how.
#
# Rules:
# 1. Exit status: 0 done; 1 it could not be done, or --check found a difference; 2 wrong usage. An error is one line
#    on stderr.
# 2. Nothing of the program is run, and nothing is made before all is known that is to be made.

package require starkit
starkit::startup
package require mkjail

namespace eval ::mkjail::main {
    # One row per option: names, name of its argument (empty: it has none), kind, check, help, default. Kinds:
    #	action	what is done with a root, by the procedure of that name
    #	switch	of this run
    #	value	of this run
    #	setting	kept in the manifest: given or not
    #	one	kept in the manifest: the last that is given, else the default
    #	list	kept in the manifest: all that are given
    variable options {
	{--check           {}        action {} {compare ROOT with its manifest; status 1 when they differ}}
	{--update          {}        action {} {renew ROOT from the host; options and programs given replace the old ones}}
	{--remove          {}        action {} {take away what was made, and nothing else}}
	{--explain         {}        action {} {tell of each path why it is there; with a PROGRAM, why it would be}}
	{--safekit         {}        action {} {print the safekit command line that runs the first PROGRAM in ROOT}}
	{--systemd         {}        action {} {print a systemd unit that says the same}}
	{--oci             {}        action {} {print an OCI config.json that says the same}}
	{--file            SRC[:DEST] list  {} {also take this file or directory}}
	{--directory       DIR       list   {} {also make this directory}}
	{--library         NAME      list   {} {also take this library, which the program loads at run time}}
	{--library-path    DIR       list   {} {look for libraries here before the configured places}}
	{--timezone        ZONE      list   {} {also take this time zone, such as Europe/Paris}}
	{--with            RULE      list   rule {apply a rule that is off}}
	{--without         RULE      list   rule {do not apply a rule}}
	{--from            DIR       list   {} {take files from here first, such as a package unpacked by dpkg-deb -x}}
	{--sysroot         DIR       one    {} {take files from here in place of the host's root} /}
	{--user            NAME[:UID[:GID]] one user {the service user} jail}
	{--hostname        NAME      one    hostname {its host name} jail}
	{--writable        DIR[:SIZE|=SOURCE] list writable {where it may write: a tmpfs (64M), or SOURCE of the host}}
	{--argument        WORD      list   {} {an argument of the first PROGRAM, for the three forms}}
	{--setenv          NAME=VALUE list  setenv {a variable of its environment}}
	{--allow           PROMISES  list   {} {promises of safekit besides those that follow from other options}}
	{--net             KIND      one    net {none, loopback or host} {}}
	{--bind-tcp        PORT      list   port {a port it may listen on}}
	{--connect-tcp     PORT      list   port {a port it may connect to}}
	{--limit-memory    SIZE      one    size {its memory} 512M}
	{--limit-processes N         one    count {its processes and threads} 64}
	{--limit-files     N         one    count {its open files} 1024}
	{--no-devices      {}        setting {} {make no devices in /dev}}
	{--manifest        FILE      value  {} {where the manifest is (default: ROOT.mkjail)}}
	{{--dry-run -n}    {}        switch {} {only tell what would be made, renewed or removed}}
	{--force           {}        switch {} {with --update and --remove: also what was changed in ROOT since}}
	{--json            {}        switch {} {print the result as JSON}}
	{{--quiet -q}      {}        switch {} {print no summary and no notes}}
	{{--help -h}       {}        switch {} {print this text}}
	{--version         {}        switch {} {print the version}}
    }
}

# ::mkjail::main::Help --
#
#	The help text.

proc ::mkjail::main::Help {} {
    variable options

    set text "usage: mkjail ?OPTION ...? ROOT PROGRAM ?PROGRAM ...?\n"
    append text "       mkjail --check|--update|--remove|--explain|--safekit|--systemd|--oci ?OPTION ...? ROOT\n\n"
    append text "Builds a root directory for programs that are not kits: the programs, the libraries they need,\n"
    append text "what they open at run time, a minimal /etc, and devices where permitted. No program is run for\n"
    append text "that. The manifest ROOT.mkjail, beside the root, says of each path what it is and why it is there.\n"
    append text "\nOptions:\n"
    foreach row $options {
	lassign $row names argument kind check help default
	set head "  [join [lreverse $names] {, }][expr {$argument eq "" ? "" : " $argument"}]"
	if {$default ne ""} {
	    append help " (default: $default)"
	}
	append text [expr {[string length $head] > 26 ? "$head\n[string repeat { } 27]" : [format %-27s $head]}] $help \n
    }
    append text "\nRules, of what programs open at run time; those in brackets only with --with:\n  "
    append text [join [lmap {name on} [::mkjail::rules::Names] {expr {$on ? $name : "\[$name\]"}}]]
    append text "\n\nExit status: 0 done, 1 it could not be done or --check found a difference, 2 wrong usage."
    return $text
}

proc ::mkjail::main::Misuse {message} {
    return -code error -level 2 -errorcode {MKJAIL USAGE} $message
}

# ::mkjail::main::Parse --
#
#	Parses the command line.
#
# Results:
#	A dict: action (empty: build), words, given (a dict of settings as given, without their dashes), and the switches
#	and values by their first name.

proc ::mkjail::main::Parse {arguments} {
    variable options

    set known {}
    set values [dict create action "" words {} given {} --manifest ""]
    foreach row $options {
	foreach name [lindex $row 0] {
	    dict set known $name $row
	}
	if {[lindex $row 2] eq "switch"} {
	    dict set values [lindex $row 0 0] 0
	}
    }
    while {[llength $arguments]} {
	set arguments [lassign $arguments word]
	if {$word eq "--"} {
	    dict lappend values words {*}$arguments
	    break
	}
	if {![string match -?* $word]} {
	    dict lappend values words $word
	    continue
	}
	set hasValue [regexp {^(--[^=]+)=(.*)$} $word - word value]
	if {![dict exists $known $word]} {
	    Misuse "unknown option \"$word\", try --help"
	}
	lassign [dict get $known $word] names argument kind check
	set first [lindex $names 0]
	if {$argument eq ""} {
	    if {$hasValue} {
		Misuse "option \"$word\" takes no argument"
	    }
	    set value 1
	} elseif {!$hasValue} {
	    if {[llength $arguments] == 0} {
		Misuse "option \"$word\" needs an argument: $argument"
	    }
	    set arguments [lassign $arguments value]
	}
	Check $word $value $check
	set setting [string range $first 2 end]
	switch -- $kind {
	    action {
		if {[dict get $values action] ni [list "" $setting]} {
		    Misuse "options \"--[dict get $values action]\" and \"$word\" exclude each other"
		}
		dict set values action $setting
	    }
	    switch - value {
		dict set values $first $value
	    }
	    one - setting {
		dict set values given $setting $value
	    }
	    list {
		set old [expr {[dict exists $values given $setting] ? [dict get $values given $setting] : {}}]
		dict set values given $setting [concat $old [list $value]]
	    }
	}
    }
    return $values
}

# ::mkjail::main::Check --
#
#	Checks an option's argument.

proc ::mkjail::main::Check {word value check} {
    switch -- $check {
	rule {
	    set good [dict exists [::mkjail::rules::Names] $value]
	    set must "one of [join [dict keys [::mkjail::rules::Names]] {, }]"
	}
	user {
	    set good [regexp {^[a-z_][-a-z0-9_]{0,31}(:[0-9]{1,9}){0,2}$} $value]
	    set must "a name of small letters, digits, - and _, and numbers behind colons"
	}
	hostname {
	    set good [regexp {^[A-Za-z0-9]([-.A-Za-z0-9]{0,62}[A-Za-z0-9])?$} $value]
	    set must "a host name"
	}
	writable {
	    ::mkjail::units::Writable $value
	    return
	}
	setenv {
	    set good [regexp {^[A-Za-z_][A-Za-z0-9_]*=} $value]
	    set must NAME=VALUE
	}
	net {
	    set good [expr {$value in {none loopback host}}]
	    set must "none, loopback or host"
	}
	port {
	    set good [expr {[regexp {^[1-9][0-9]{0,4}$} $value] && $value < 65536}]
	    set must "a number from 1 to 65535"
	}
	size {
	    set good [regexp {^[1-9][0-9]{0,12}[KMG]?$} $value]
	    set must "a number, or one with K, M or G"
	}
	count {
	    set good [regexp {^[1-9][0-9]{0,6}$} $value]
	    set must "a number"
	}
	default {
	    return
	}
    }
    if {!$good} {
	::mkjail::Fail USAGE "bad argument \"$value\" of option \"$word\": must be $must"
    }
}

# ::mkjail::main::Settings --
#
#	All settings: those given, over those of before, over the defaults.

proc ::mkjail::main::Settings {given before programs} {
    variable options

    set settings [dict create programs {} user-ids {}]
    foreach row $options {
	lassign $row names argument kind check help default
	set name [string range [lindex $names 0] 2 end]
	switch -- $kind {
	    one {
		dict set settings $name $default
	    }
	    setting {
		dict set settings $name 0
	    }
	    list {
		dict set settings $name {}
	    }
	}
    }
    # In a manifest, each is a list of words.
    dict for {name words} $before {
	if {[dict exists $settings $name]} {
	    dict set settings $name [expr {[IsList $name] ? $words : [lindex $words 0]}]
	}
    }
    set settings [dict merge $settings $given]
    if {[llength $programs]} {
	dict set settings programs $programs
    }
    # Paths as they are meant now, wherever it is run later.
    foreach name {from library-path} {
	dict set settings $name [lmap path [dict get $settings $name] {file normalize $path}]
    }
    dict set settings sysroot [file normalize [dict get $settings sysroot]]
    dict set settings file [lmap spec [dict get $settings file] {
	if {[regexp {^(.+):(/[^:]*)$} $spec - source destination]} {
	    set spec [file join [pwd] $source]:$destination
	}
	set spec
    }]
    return $settings
}

proc ::mkjail::main::IsList {name} {
    variable options

    if {$name in {programs user-ids}} {
	return 1
    }
    return [expr {[lindex [lsearch -inline -exact -index {0 0} $options --$name] 2] eq "list"}]
}

# ::mkjail::main::Stored --
#
#	Settings as a manifest has them: lists of words.

proc ::mkjail::main::Stored {settings} {
    dict set settings user-ids [::mkjail::etc::User $settings]
    set stored {}
    dict for {name value} $settings {
	if {![IsList $name]} {
	    set value [expr {$value eq "" ? {} : [list $value]}]
	}
	dict set stored $name $value
    }
    return $stored
}

proc ::mkjail::main::Plural {count word} {
    return "$count [expr {$count == 1 ? $word : [string cat [regsub {y$} $word ie] s]}]"
}

proc ::mkjail::main::Relative {path} {
    return [::mkjail::Printable [expr {$path eq "/" ? "." : [string range $path 1 end]}]]
}

# ::mkjail::main::Count --
#
#	How much there is in a plan or manifest: {paths files bytes}.

proc ::mkjail::main::Count {entries} {
    set files 0
    set bytes 0
    dict for {path entry} $entries {
	if {[dict get $entry kind] eq "file"} {
	    incr files
	    incr bytes [dict get $entry size]
	}
    }
    return [list [dict size $entries] $files $bytes]
}

proc ::mkjail::main::build {values root manifest programs} {
    if {[llength $programs] == 0} {
	Misuse "missing PROGRAM, try --help"
    }
    set settings [Settings [dict get $values given] {} $programs]
    set plan [::mkjail::plan::Make $settings]
    if {[dict get $values --dry-run]} {
	Reasons $values [dict get $plan entries]
	return 0
    }
    set made [::mkjail::tree::Build $root $manifest [Stored $settings] $plan]
    lassign [Count [dict get $made entries]] paths files bytes
    if {[dict get $values --json]} {
	puts [::mkjail::json::Object [list root [::mkjail::json::Text $root] manifest [::mkjail::json::Text $manifest] \
		paths $paths files $files bytes $bytes]]
    } elseif {![dict get $values --quiet]} {
	puts "made [::mkjail::Printable $root]: [Plural $paths path], of them [Plural $files file] with [Plural $bytes byte]"
    }
    return 0
}

proc ::mkjail::main::check {values root manifest programs} {
    set made [::mkjail::manifest::Read $manifest]
    set drift [::mkjail::tree::Check $root $made]
    set count [llength [lsearch -all -inline -not -exact -index 1 $drift mounted]]
    if {[dict get $values --json]} {
	set list [lmap one $drift {
	    lassign $one path what is should
	    set pairs [list path [::mkjail::json::Text [Relative $path]] what [::mkjail::json::Text $what]]
	    if {$should ne ""} {
		lappend pairs is [::mkjail::json::Text $is] should [::mkjail::json::Text $should]
	    }
	    ::mkjail::json::Object $pairs
	}]
	puts [::mkjail::json::Object [list root [::mkjail::json::Text $root] sound [expr {$count ? "false" : "true"}] \
		paths [dict size [dict get $made entries]] differences [::mkjail::json::Array $list]]]
	return [expr {$count > 0}]
    }
    foreach one $drift {
	lassign $one path what is should
	if {$what eq "mounted"} {
	    ::mkjail::Note "not compared: something is mounted on \"[Relative $path]\""
	} elseif {$should eq ""} {
	    puts "$what [Relative $path]"
	} else {
	    puts "changed [Relative $path]: $what is [::mkjail::Printable $is], was [::mkjail::Printable $should]"
	}
    }
    if {$count == 0 && ![dict get $values --quiet]} {
	puts "[::mkjail::Printable $root]: [Plural [dict size [dict get $made entries]] path], all as made"
    }
    return [expr {$count > 0}]
}

proc ::mkjail::main::update {values root manifest programs} {
    set old [::mkjail::manifest::Read $manifest]
    set settings [Settings [dict get $values given] [dict get $old settings] $programs]
    set plan [::mkjail::plan::Make $settings]
    set dry [dict get $values --dry-run]
    set changes [::mkjail::tree::Update $root $manifest $old [Stored $settings] $plan [dict get $values --force] $dry]
    if {[dict get $values --json]} {
	puts [::mkjail::json::Object [concat {*}[lmap {what paths} $changes {
	    list $what [::mkjail::json::Texts [lmap path $paths {Relative $path}]]
	}]]]
	return 0
    }
    if {[dict get $values --quiet]} {
	return 0
    }
    set total 0
    dict for {what paths} $changes {
	incr total [llength $paths]
	foreach path $paths {
	    puts "$what [Relative $path]"
	}
    }
    puts "[::mkjail::Printable $root]: [Plural $total path] [expr {$dry ? "to renew" : "renewed"}]"
    return 0
}

proc ::mkjail::main::remove {values root manifest programs} {
    set made [::mkjail::manifest::Read $manifest]
    if {[dict get $values --dry-run]} {
	foreach path [lsort -decreasing [dict keys [dict get $made entries]]] {
	    puts "remove [Relative $path]"
	}
	return 0
    }
    set result [::mkjail::tree::Remove $root $manifest $made [dict get $values --force]]
    dict with result {}
    if {[dict get $values --json]} {
	puts [::mkjail::json::Object [list removed $removed \
		changed [::mkjail::json::Texts [lmap path $changed {Relative $path}]] \
		foreign [::mkjail::json::Texts [lmap path $foreign {Relative $path}]]]]
    } else {
	foreach path $foreign {
	    puts "left [Relative $path]: not made by mkjail, or with what was not"
	}
	foreach path $changed {
	    puts "left [Relative $path]: changed since it was made (hint: --force)"
	}
	if {![dict get $values --quiet]} {
	    puts "[::mkjail::Printable $root]: [Plural $removed path] removed"
	}
    }
    return [expr {[llength $changed] > 0}]
}

proc ::mkjail::main::explain {values root manifest programs} {
    if {[llength $programs]} {
	Reasons $values [dict get [::mkjail::plan::Make [Settings [dict get $values given] {} $programs]] entries]
    } else {
	Reasons $values [dict get [::mkjail::manifest::Read $manifest] entries]
    }
    return 0
}

# ::mkjail::main::Reasons --
#
#	Prints of each path what it is and why it is there.

proc ::mkjail::main::Reasons {values entries} {
    if {[dict get $values --json]} {
	puts [::mkjail::json::Array [lmap {path entry} $entries {
	    set pairs [list path [::mkjail::json::Text [Relative $path]] kind [::mkjail::json::Text [dict get $entry kind]]]
	    foreach key {size} {
		if {[dict exists $entry $key]} {
		    lappend pairs $key [dict get $entry $key]
		}
	    }
	    foreach key {sha256 target} {
		if {[dict exists $entry $key]} {
		    lappend pairs $key [::mkjail::json::Text [dict get $entry $key]]
		}
	    }
	    if {[dict get $entry kind] ne "link"} {
		lappend pairs mode [::mkjail::json::Text [format %04o [dict get $entry mode]]]
	    }
	    ::mkjail::json::Object [concat $pairs [list why [::mkjail::json::Texts [dict get $entry why]]]]
	}]]
	return
    }
    dict for {path entry} $entries {
	set shown [Relative $path]
	switch -- [dict get $entry kind] {
	    directory {
		append shown /
	    }
	    link {
		append shown " -> [::mkjail::Printable [dict get $entry target]]"
	    }
	}
	puts $shown
	foreach reason [dict get $entry why] {
	    puts "    [::mkjail::Printable $reason]"
	}
    }
    lassign [Count $entries] paths files bytes
    if {![dict get $values --quiet]} {
	puts "[Plural $paths path], of them [Plural $files file] with [Plural $bytes byte]"
    }
}

foreach ::mkjail::main::form {Safekit Systemd Oci} {
    proc ::mkjail::main::[string tolower $::mkjail::main::form] {values root manifest programs} [string map \
	    [list %form% $::mkjail::main::form] {
	set made [::mkjail::manifest::Read $manifest]
	dict set made settings [dict merge [Settings [dict get $values given] [dict get $made settings] $programs] \
		[dict create user-ids [dict get $made settings user-ids]]]
	puts [::mkjail::units::%form% [::mkjail::units::Facts $root $made]]
	return 0
    }]
}

# ::mkjail::main::Run --
#
#	Runs one command line. Returns the exit status.

proc ::mkjail::main::Run {arguments} {
    set values [Parse $arguments]
    if {[dict get $values --help]} {
	puts [Help]
	return 0
    }
    if {[dict get $values --version]} {
	puts "mkjail $::mkjail::version"
	return 0
    }
    if {[dict get $values --quiet]} {
	proc ::mkjail::Note {message} {}
    }
    set programs [lassign [dict get $values words] root]
    if {[llength [dict get $values words]] == 0} {
	Misuse "missing ROOT, try --help"
    }
    set action [dict get $values action]
    if {$action in {check remove} && ([llength $programs] || [dict size [dict get $values given]])} {
	Misuse "option \"--$action\" takes a ROOT alone"
    }
    if {[dict get $values --force] && $action ni {update remove}} {
	Misuse "option \"--force\" is for --update and --remove"
    }
    set root [::mkjail::tree::Root $root]
    set manifest $root.mkjail
    if {[dict get $values --manifest] ne ""} {
	set manifest [file normalize [dict get $values --manifest]]
    }
    return [[expr {$action eq "" ? "build" : $action}] $values $root $manifest $programs]
}

try {
    fconfigure stdout -encoding utf-8
    fconfigure stderr -encoding utf-8
    set ::mkjail::main::status [::mkjail::main::Run $argv]
    flush stdout
    exit $::mkjail::main::status
} trap {MKJAIL USAGE} {message} {
    puts stderr "mkjail: [::mkjail::Printable $message]"
    exit 2
} trap {POSIX EPIPE} {} {
    # Whoever read the output has seen enough.
    exit 1
} on error {message options} {
    puts stderr "mkjail: [::mkjail::Printable $message]"
    if {[info exists ::env(MKJAIL_TRACE)]} {
	puts stderr [dict get $options -errorinfo]
    }
    exit 1
}
