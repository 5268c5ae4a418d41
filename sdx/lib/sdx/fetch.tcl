# SPDX-License-Identifier: MIT
#
# fetch.tcl: a file from a web server, by http and package http.
#
# Rules:
# 1. What comes is untrusted: its size and the time it may take are bounded, nothing of it is run, and nothing of it
#    names anything here.
# 2. All of it or an error: an answer that is cut short, compressed or in pieces (HTTP/1.0 has none) is none.
# 3. There is no TLS in the runtime. Who asks for it is told what to do, and a redirection to it is not followed either.

namespace eval ::sdx::fetch {
    variable bytesMax 100000000
    variable secondsMax 120
    variable redirectionsMax 5
    variable data
}

# ::sdx::fetch::IsAddress --
#
#	Whether a name of a file is an address.

proc ::sdx::fetch::IsAddress {name} {
    return [regexp -nocase {^(https?|ftps?)://} $name]
}

# ::sdx::fetch::Name --
#
#	The last part of an address; empty when there is none.

proc ::sdx::fetch::Name {url} {
    regsub {[?#].*} $url "" url
    regexp {^[a-zA-Z]+://[^/]*(?:/.*)?/([^/]*)$} $url - name
    return [expr {[info exists name] ? $name : ""}]
}

# ::sdx::fetch::Get --
#
#	Fetches.
#
# Results:
#	The bytes.

proc ::sdx::fetch::Get {url} {
    variable redirectionsMax

    package require http
    ::http::config -useragent "sdx/$::starlit::version"
    set at $url
    for {set i 0} {$i <= $redirectionsMax} {incr i} {
	Check $url $at
	lassign [Once $url $at] data location
	if {$location eq ""} {
	    return $data
	}
	set at [Resolve $at $location]
    }
    Fail $url "more than $redirectionsMax redirections"
}

proc ::sdx::fetch::Fail {url cause} {
    return -code error -level 2 -errorcode {SDX FETCH} "couldn't read \"$url\": $cause"
}

# ::sdx::fetch::Check --
#
#	Refuses an address that is not for http.
#
# Arguments:
#	url -	What was asked for.
#	at -	Where that has led to.

proc ::sdx::fetch::Check {url at} {
    set redirected [expr {$at eq $url ? "" : "it leads to \"$at\", and "}]
    set hint "(hint: curl -L $url | sdx qwrap - NAME)"
    if {[regexp -nocase {^https://} $at]} {
	return -code error -level 2 -errorcode {SDX TLS} "couldn't read \"$url\": ${redirected}sdx speaks no TLS $hint"
    }
    if {![regexp -nocase {^http://[^/]} $at] || [regexp {[^\x21-\x7e]} $at]} {
	return -code error -level 2 -errorcode {SDX URL} "couldn't read \"$url\": ${redirected}sdx fetches by http alone $hint"
    }
}

# ::sdx::fetch::Once --
#
#	Asks a server.
#
# Results:
#	A list of two: the bytes, and where to ask instead.

proc ::sdx::fetch::Once {url at} {
    variable bytesMax
    variable secondsMax
    variable data ""

    try {
	set token [::http::geturl $at -binary 1 -protocol 1.0 -keepalive 0 -timeout [expr {$secondsMax * 1000}] \
		-headers {Accept-Encoding identity} -handler ::sdx::fetch::Take]
    } on error {message} {
	Fail $url $message
    }
    try {
	set status [::http::status $token]
	set code [::http::ncode $token]
	set headers {}
	foreach {name value} [::http::meta $token] {
	    dict set headers [string tolower $name] $value
	}
	if {[string length $data] > $bytesMax} {
	    Fail $url "it is larger than $bytesMax bytes"
	}
	if {$status eq "timeout"} {
	    Fail $url "it takes longer than $secondsMax seconds"
	}
	if {$status ni {ok eof} || ![regexp {^HTTP/\S+ +(.*)$} [::http::code $token] - answer]} {
	    set error [::http::error $token]
	    Fail $url [expr {$error eq "" ? "the server does not speak http" : $error}]
	}
	if {$code in {301 302 303 307 308} && [dict exists $headers location]} {
	    return [list "" [dict get $headers location]]
	}
	if {$code != 200} {
	    Fail $url "the server says: [string range [regsub -all {[^ -~]} $answer ?] 0 99]"
	}
	foreach header {content-encoding transfer-encoding} {
	    if {[dict exists $headers $header] && [dict get $headers $header] ne "identity"} {
		Fail $url "it comes encoded, though that was not asked for"
	    }
	}
	if {[dict exists $headers content-length] && [dict get $headers content-length] ne [string length $data]} {
	    Fail $url "it was cut short"
	}
	return [list $data ""]
    } finally {
	::http::cleanup $token
	set data ""
    }
}

# ::sdx::fetch::Take --
#
#	Takes what has come, and no more than is allowed.

proc ::sdx::fetch::Take {channel token} {
    variable bytesMax
    variable data

    set piece [read $channel 65536]
    append data $piece
    if {[string length $data] > $bytesMax} {
	::http::reset $token
	return 0
    }
    return [string length $piece]
}

# ::sdx::fetch::Resolve --
#
#	An address that may be relative to another.

proc ::sdx::fetch::Resolve {base location} {
    if {[regexp {^[a-zA-Z][a-zA-Z0-9+.-]*:} $location]} {
	return $location
    }
    regexp {^([a-zA-Z]+:)(//[^/?#]*)([^?#]*)} $base - scheme host path
    if {[string match //* $location]} {
	return $scheme$location
    }
    if {[string match /* $location]} {
	return $scheme$host$location
    }
    return $scheme$host[string range $path 0 [string last / $path]]$location
}
