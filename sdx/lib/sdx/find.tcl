# SPDX-License-Identifier: MIT
#
# find.tcl: sdx find, members by name, type, size and time.

::sdx::Load glob
::sdx::Load lsk
::sdx::Load members

namespace eval ::sdx::find {
    variable operands {{KIT required} {PATTERN several}}
    variable options {
	{{-type} TYPE {choice f d l file directory link} {of this type only: file, directory or link, or f, d or l}}
	{{-size} SIZE {} {files of this many bytes only; +SIZE is more than that, -SIZE less; k, M or G behind it for
	    1024 bytes and so on}}
	{{-newer} WHEN {} {changed later than that: YYYY-MM-DD, which "HH:MM" or "HH:MM:SS" may follow, in the local time
	    zone; @SECONDS; or the time of a member or of a file outside, by its name}}
	{{-runtime} {} {} {of a starpack or a runtime, also the members that belong to the runtime}}
	{{-print0 -0} {} {} {names as they are, each with a zero byte behind it: for xargs -0}}
	{{-json} {} {} {print the result as JSON}}
    }
    variable description {
	Prints the names of members of a kit, a starpack, a plain archive, a Metakit kit or a zip file that match one of the
	patterns, or of all, and everything that the options say.

	In a PATTERN * stands for any characters but /, ** for any, ? for one, [a-z] for one of these, [!a-z] for one that is
	not, {a,b} for either, and a backslash takes the meaning of what follows. A pattern without / is compared with the
	last part of names, one with / with whole names. Quote them, or the shell may see to them first.
    }
    variable examples {
	{sdx find app.kit '*.tcl' -size +10k} {scripts of more than 10 KiB}
	{sdx find app.kit -newer app.vfs/main.tcl} {what was changed later than that file}
    }
    variable result {
	a list of names.
    }
}

proc ::sdx::find::Run {values} {
    return [dict keys [Found $values]]
}

# ::sdx::find::Found --
#
#	The members that are asked for, as members.tcl has them.

proc ::sdx::find::Found {values} {
    set kit [dict get $values KIT]
    set expressions [lmap pattern [dict get $values PATTERN] {::sdx::glob::Expression $pattern}]
    set types {file directory link}
    if {[dict exists $values -type]} {
	set types [lsearch -inline -glob $types [dict get $values -type]*]
    }
    lassign {"" 0} relation bytes
    if {[dict exists $values -size]} {
	lassign [Size [dict get $values -size]] relation bytes
    }
    set members [::sdx::members::List $kit [dict get $values -runtime]]
    set newer ""
    if {[dict exists $values -newer]} {
	set newer [When $kit $members [dict get $values -newer]]
    }
    set found {}
    dict for {name member} $members {
	lassign $member type mode mtime size
	if {$type in $types && ([llength $expressions] == 0 || [Matches $name $expressions])
	    && ($relation eq "" || ($type eq "file" && [expr "$size $relation $bytes"]))
	    && ($newer eq "" || ($mtime ne "" && $mtime > $newer))} {
	    dict set found $name $member
	}
    }
    return $found
}

proc ::sdx::find::Shell {values} {
    ::sdx::options::Exclude $values -print0 -json
    set found [Found $values]
    if {[dict get $values -json]} {
	puts [::sdx::json::Array [lmap {name member} $found {::sdx::members::Json [::sdx::members::Dict $name $member]}]]
    } elseif {[dict get $values -print0]} {
	fconfigure stdout -translation lf
	puts -nonewline [join [lmap name [dict keys $found] {string cat $name \0}] ""]
    } else {
	foreach name [dict keys $found] {
	    puts [::sdx::lsk::Printable $name]
	}
    }
}

proc ::sdx::find::Matches {name expressions} {
    foreach expression $expressions {
	if {[regexp -- $expression $name]} {
	    return 1
	}
    }
    return 0
}

# ::sdx::find::Size --
#
#	What the argument of -size says.
#
# Results:
#	A list of two: an operator and a number.

proc ::sdx::find::Size {text} {
    if {![regexp {^([-+]?)([0-9]{1,15})([kMG]?)$} $text - sign number unit]} {
	::sdx::options::Misuse "bad argument \"$text\" of option \"-size\": must be a number, with + or - in front and\
	    k, M or G behind where need be"
    }
    return [list [dict get {"" == + > - <} $sign] \
	    [expr {[scan $number %lld] * [dict get {"" 1 k 1024 M 1048576 G 1073741824} $unit]}]]
}

# ::sdx::find::When --
#
#	What the argument of -newer says, in seconds.

proc ::sdx::find::When {kit members text} {
    if {[regexp {^@(-?[0-9]{1,15})$} $text - seconds]} {
	return [scan $seconds %lld]
    }
    if {[regexp {^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T]([0-9]{2}:[0-9]{2})(:[0-9]{2})?)?$} $text - minutes seconds]} {
	set time "[expr {$minutes eq "" ? "00:00" : $minutes}][expr {$seconds eq "" ? ":00" : $seconds}]"
	if {![catch {clock scan "[string range $text 0 9] $time" -format {%Y-%m-%d %H:%M:%S}} when]
	    && [clock format $when -format %Y-%m-%d] eq [string range $text 0 9]} {
	    return $when
	}
    }
    if {![catch {::sdx::members::Resolve $kit $members $text 0} name] && $name ne ""} {
	set mtime [lindex [dict get $members $name] 2]
	if {$mtime ne ""} {
	    return $mtime
	}
    }
    if {[catch {file mtime $text} mtime]} {
	::sdx::options::Misuse "bad argument \"$text\" of option \"-newer\": neither a time such as 2026-01-31 or\
	    @1700000000 nor the name of a member or a file"
    }
    return $mtime
}
