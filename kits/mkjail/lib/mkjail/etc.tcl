# SPDX-License-Identifier: MIT
#
# etc.tcl: the files in a root that are written and not copied. Each procedure takes the settings and gives a text.

namespace eval ::mkjail::etc {}

# ::mkjail::etc::User --
#
#	The service user: {name uid gid}. Without numbers they are those of the host's user of that name, else 65532, which
#	nobody has.

proc ::mkjail::etc::User {settings} {
    set words [split [dict get $settings user] :]
    lassign $words name uid gid
    if {$uid eq ""} {
	set uid 65532
	set gid 65532
	if {$name eq "root"} {
	    set uid 0
	    set gid 0
	}
	foreach line [split [encoding convertfrom utf-8 [::mkjail::host::Read /etc/passwd]] \n] {
	    set fields [split $line :]
	    if {[lindex $fields 0] eq $name && [llength $fields] == 7} {
		lassign $fields - - uid gid
		break
	    }
	}
    } elseif {$gid eq ""} {
	set gid $uid
    }
    return [list $name $uid $gid]
}

proc ::mkjail::etc::Passwd {settings} {
    lassign [User $settings] name uid gid
    set text "root:x:0:0:root:/:/usr/sbin/nologin\n"
    if {$name ne "root"} {
	append text "$name:x:$uid:${gid}::/:/usr/sbin/nologin\n"
    }
    return $text
}

proc ::mkjail::etc::Group {settings} {
    lassign [User $settings] name uid gid
    set text "root:x:0:\n"
    if {$name ne "root"} {
	append text "$name:x:${gid}:\n"
    }
    return $text
}

proc ::mkjail::etc::Hosts {settings} {
    return "127.0.0.1\tlocalhost [dict get $settings hostname]\n::1\tlocalhost [dict get $settings hostname]\n"
}

proc ::mkjail::etc::Hostname {settings} {
    return [dict get $settings hostname]\n
}

proc ::mkjail::etc::Nsswitch {settings} {
    return "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n"
}

proc ::mkjail::etc::HostConf {settings} {
    return "multi on\n"
}

# ::mkjail::etc::Resolv --
#
#	The name servers, as the host has them now; as a file, whatever link it is there.

proc ::mkjail::etc::Resolv {settings} {
    set text [encoding convertfrom utf-8 [::mkjail::host::Read /etc/resolv.conf 65536]]
    if {[regexp -line {^\s*nameserver\s+(127\.\S*|::1)} $text - server]} {
	::mkjail::Note "etc/resolv.conf names a name server on the host itself ($server), which a jail with a network of its\
		own does not reach"
    }
    return $text
}

# ::mkjail::etc::Template --
#
#	A file of templates/, with %user%, %hostname% and %version% filled in.

proc ::mkjail::etc::Template {name settings} {
    set channel [open [file join $::mkjail::templates $name]]
    try {
	fconfigure $channel -encoding utf-8
	set text [read $channel]
    } finally {
	close $channel
    }
    lassign [User $settings] user
    set hostname [dict get $settings hostname]
    return [string map [list %user% $user %hostname% $hostname %version% $::mkjail::version] $text]
}
