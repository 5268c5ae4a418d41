# SPDX-License-Identifier: MIT
#
# manifest.tcl: what was made, written down: a specification as mtree(5) has it, which mtree(8) and bsdtar(1) read
# too.
#
#	#mtree
#	#mkjail format 1                          what is ours is in comments
#	#mkjail setting programs /usr/sbin/nginx  the command line, for --update and for the units
#	#mkjail default bind-tcp 8080             what rules know where the command line says nothing
#	#why a program
#	./usr/sbin/nginx type=file uid=0 gid=0 mode=0755 size=1207960 sha256=...
#
# It lies beside the root, ROOT.mkjail, not in it: whoever has broken out of the program into the root can neither
# read what the host looks like nor change what --check compares with.
#
# Rules:
# 1. Words are encoded as by vis(3): a byte that is not printable, or that means something here, as \ooo.
# 2. Lines are sorted by path; nothing in it depends on when or where it was made.
# 3. It appears whole or not at all. What is read is checked: no path leads out of the root.

namespace eval ::mkjail::manifest {
    variable types {directory dir file file link link character char}
}

# ::mkjail::manifest::Encode --
#
#	Encodes a word.

proc ::mkjail::manifest::Encode {word} {
    set encoded ""
    foreach byte [split [encoding convertto utf-8 $word] ""] {
	scan $byte %c code
	append encoded [expr {$code <= 32 || $code >= 127 || $byte in {\\ # = * ? [ ]} ? [format \\%03o $code] : $byte}]
    }
    return $encoded
}

proc ::mkjail::manifest::Decode {word} {
    set bytes ""
    foreach piece [regexp -all -inline {\\[0-7]{3}|[^\\]+|\\} $word] {
	if {[string match {\\[0-7]*} $piece]} {
	    scan [string range $piece 1 end] %o code
	    set piece [format %c [expr {$code & 255}]]
	}
	append bytes $piece
    }
    return [encoding convertfrom utf-8 $bytes]
}

# ::mkjail::manifest::Format --
#
#	The text of a manifest.
#
# Arguments:
#	made -	A dict: settings, defaults, entries as in plan.tcl, where each entry but a link's also has uid and gid;
#		maderoot, whether the root itself is ours.

proc ::mkjail::manifest::Format {made} {
    variable types

    set lines [list #mtree \
	    "# Made by mkjail $::mkjail::version. mkjail --check compares; --explain tells why; --remove takes it away." \
	    "#mkjail format 1" "#mkjail maderoot [dict get $made maderoot]"]
    foreach kind {setting default} {
	dict for {name values} [dict get $made ${kind}s] {
	    if {[llength $values]} {
		lappend lines "#mkjail $kind [join [lmap word [list $name {*}$values] {Encode $word}]]"
	    }
	}
    }
    foreach path [lsort [dict keys [dict get $made entries]]] {
	set entry [dict get $made entries $path]
	foreach reason [dict get $entry why] {
	    lappend lines "#why [::mkjail::Printable $reason]"
	}
	set words [list [Encode .[expr {$path eq "/" ? "" : $path}]] type=[dict get $types [dict get $entry kind]]]
	foreach key {uid gid} {
	    lappend words $key=[dict get $entry $key]
	}
	if {[dict get $entry kind] ne "link"} {
	    lappend words mode=[format %04o [dict get $entry mode]]
	}
	foreach {key name} {size size sha256 sha256 target link} {
	    if {[dict exists $entry $key]} {
		lappend words $name=[Encode [dict get $entry $key]]
	    }
	}
	if {[dict exists $entry number]} {
	    lappend words device=native,[join [dict get $entry number] ,]
	}
	if {[dict exists $entry open]} {
	    lappend words ignore
	}
	lappend lines [join $words]
    }
    return [join $lines \n]\n
}

proc ::mkjail::manifest::Write {path made} {
    set temporary $path.[pid].tmp
    set channel [open $temporary {WRONLY CREAT EXCL} 0644]
    try {
	fconfigure $channel -encoding utf-8
	puts -nonewline $channel [Format $made]
	close $channel
	file rename -force $temporary $path
    } on error {message options} {
	catch {close $channel}
	file delete $temporary
	return -options $options $message
    }
}

# ::mkjail::manifest::Read --
#
#	Reads a manifest: a dict as Format takes it.

proc ::mkjail::manifest::Read {path} {
    set status [::mkjail::host::Lstat $path]
    if {$status eq ""} {
	::mkjail::Fail ABSENT "couldn't read \"$path\": no such file (hint: was this root made by mkjail? --manifest FILE)"
    }
    set channel [::mkjail::host::Open $path]
    try {
	fconfigure $channel -encoding utf-8 -translation auto
	set lines [split [string trimright [read $channel] \n] \n]
    } finally {
	close $channel
    }
    set made [dict create maderoot 0 settings {} defaults {} entries {}]
    set format ""
    set why {}
    set number 0
    foreach line $lines {
	incr number
	set words [split $line " "]
	switch -glob -- $line {
	    "#mkjail format *" {
		set format [lindex $words 2]
	    }
	    "#mkjail maderoot [01]" {
		dict set made maderoot [lindex $words 2]
	    }
	    "#mkjail setting *" - "#mkjail default *" {
		dict set made [lindex $words 1]s [lindex $words 2] [lmap word [lrange $words 3 end] {Decode $word}]
	    }
	    "#why *" {
		lappend why [string range $line 5 end]
	    }
	    "#*" - "" {}
	    default {
		try {
		    lassign [Entry $words] name entry
		} trap {MKJAIL MANIFEST} {fault} {
		    ::mkjail::Fail MANIFEST "couldn't read \"$path\": line $number: $fault"
		}
		dict set entry why $why
		dict set made entries $name $entry
		set why {}
	    }
	}
    }
    if {$format ne "1"} {
	::mkjail::Fail MANIFEST "couldn't read \"$path\": not a manifest of mkjail, or of a newer one"
    }
    return $made
}

# ::mkjail::manifest::Entry --
#
#	One line: {path entry}.

proc ::mkjail::manifest::Entry {words} {
    variable types

    set words [lassign $words name]
    set name [Decode $name]
    if {$name ne "." && (![string match ./* $name] || [string first \0 $name] >= 0
	    || [lsearch -regexp [lrange [split $name /] 1 end] {^(|\.|\.\.)$}] >= 0)} {
	::mkjail::Fail MANIFEST "bad path \"$name\""
    }
    set path [expr {$name eq "." ? "/" : [string range $name 1 end]}]
    set entry {}
    foreach word $words {
	lassign [list $word ""] key value
	regexp {^([^=]*)=(.*)$} $word - key value
	set good [switch -- $key {
	    type {expr {$value in [dict values $types]}}
	    uid - gid - size {regexp {^[0-9]{1,15}$} $value}
	    mode {regexp {^[0-7]{4}$} $value}
	    sha256 {regexp {^[0-9a-f]{64}$} $value}
	    device {regexp {^native,[0-9]{1,6},[0-9]{1,6}$} $value}
	    link {expr {$value ne ""}}
	    ignore {expr {1}}
	    default {expr {0}}
	}]
	if {!$good} {
	    ::mkjail::Fail MANIFEST "bad word \"$word\""
	}
	switch -- $key {
	    type {
		dict set entry kind [dict get [lreverse $types] $value]
	    }
	    mode {
		scan $value %o mode
		dict set entry mode $mode
	    }
	    device {
		dict set entry number [lrange [split $value ,] 1 end]
	    }
	    link {
		dict set entry target [Decode $value]
	    }
	    ignore {
		dict set entry open 1
	    }
	    uid - gid - size {
		scan $value %lld number
		dict set entry $key $number
	    }
	    default {
		dict set entry $key $value
	    }
	}
    }
    set wanted {directory {mode} file {mode size sha256} link {target} character {mode number}}
    set keys [expr {[dict exists $entry kind] ? [dict get $wanted [dict get $entry kind]] : "kind"}]
    foreach key [concat uid gid $keys] {
	if {![dict exists $entry $key]} {
	    ::mkjail::Fail MANIFEST "no $key"
	}
    }
    return [list $path $entry]
}
