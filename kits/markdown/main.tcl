# SPDX-License-Identifier: MIT
#
# markdown: Markdown to HTML. Reads files or the standard input, writes the standard output or a file, all in UTF-8.
#
# Rules:
# 1. Exit status: 0 done; 1 it could not be done; 2 wrong usage. An error is one line on stderr.
# 2. A file given by -o appears whole or not at all.

package require starkit
starkit::startup

namespace eval ::markdown {
    variable version 1.0

    # One row per option: names, name of its argument (empty: a switch), help.
    variable options {
	{{-o --output}   FILE   {write to FILE instead of the standard output}}
	{{--full}        {}     {a whole HTML page with a style, not only the body's content}}
	{{--title}       TITLE  {title of the page (implies --full); else its first heading}}
	{{-h --help}     {}     {print this text}}
	{{--version}     {}     {print the version}}
    }
}

# ::markdown::Help --
#
#	The help text.

proc ::markdown::Help {} {
    variable options

    set text "usage: markdown ?OPTION ...? ?FILE ...?\n\n"
    append text "Converts Markdown to HTML. Without a FILE, or for the FILE \"-\", reads the standard input.\n\n"
    foreach row $options {
	lassign $row names argument help
	append text [format "  %-20s %s\n" "[join $names ", "] $argument" $help]
    }
    append text "\nExit status: 0 done, 1 it could not be done, 2 wrong usage."
    return $text
}

# ::markdown::Parse --
#
#	Parses the command line.
#
# Results:
#	A dict: the last name of each option given, with its argument or 1, and files.

proc ::markdown::Parse {arguments} {
    variable options

    set values [dict create files {}]
    while {[llength $arguments]} {
	set arguments [lassign $arguments word]
	if {$word eq "--"} {
	    dict lappend values files {*}$arguments
	    break
	}
	if {$word eq "-" || ![string match -* $word]} {
	    dict lappend values files $word
	    continue
	}
	set row [lsearch -inline -exact -index 0 [lmap row $options {
	    if {$word ni [lindex $row 0]} {
		continue
	    }
	    list $word {*}$row
	}] $word]
	if {$row eq ""} {
	    return -code error -errorcode USAGE "unknown option \"$word\", try --help"
	}
	lassign $row - names argument
	set value 1
	if {$argument ne ""} {
	    if {[llength $arguments] == 0} {
		return -code error -errorcode USAGE "option \"$word\" needs an argument: $argument"
	    }
	    set arguments [lassign $arguments value]
	}
	dict set values [lindex $names end] $value
    }
    return $values
}

# ::markdown::LoadDocument --
#
#	Loads the converter. Unpacked, its Markdown package comes from the tcllib of the host.

proc ::markdown::LoadDocument {} {
    if {$::starkit::mode eq "unwrapped"} {
	foreach directory [lsort -dictionary -decreasing [glob -nocomplain /usr/share/tcltk/tcllib*]] {
	    starkit::autoextend $directory
	}
    }
    package require document
}

# ::markdown::Read --
#
#	The text of a file, or of the standard input for "-".

proc ::markdown::Read {file} {
    if {$file eq "-"} {
	fconfigure stdin -encoding utf-8
	return [read stdin]
    }
    if {[file isdirectory $file]} {
	error "couldn't read \"$file\": it is a directory"
    }
    set channel [open $file]
    try {
	fconfigure $channel -encoding utf-8
	return [read $channel]
    } finally {
	close $channel
    }
}

# ::markdown::Write --
#
#	Writes a file: a temporary one beside it, which then takes its name.

proc ::markdown::Write {file text} {
    if {[file isdirectory $file]} {
	error "couldn't write \"$file\": it is a directory"
    }
    set temporary $file.[pid].tmp
    set channel [open $temporary {WRONLY CREAT EXCL}]
    try {
	fconfigure $channel -encoding utf-8
	puts -nonewline $channel $text
	close $channel
	file rename -force $temporary $file
    } on error {message options} {
	catch {close $channel}
	file delete $temporary
	return -options $options $message
    }
}

proc ::markdown::Run {arguments} {
    variable version

    set values [Parse $arguments]
    if {[dict exists $values --help]} {
	puts [Help]
	return
    }
    if {[dict exists $values --version]} {
	puts "markdown $version"
	return
    }
    LoadDocument
    set files [dict get $values files]
    if {[llength $files] == 0} {
	set files -
    }
    set text [join [lmap file $files {Read $file}] \n\n]
    if {[dict exists $values --title]} {
	set html [document::page $text [dict get $values --title]]
    } elseif {[dict exists $values --full]} {
	set html [document::page $text]
    } else {
	set html [document::fragment $text]
    }
    if {[dict exists $values --output]} {
	Write [dict get $values --output] $html
    } else {
	fconfigure stdout -encoding utf-8
	puts -nonewline $html
	flush stdout
    }
}

try {
    ::markdown::Run $argv
} trap USAGE {message} {
    puts stderr "markdown: $message"
    exit 2
} on error {message} {
    puts stderr "markdown: $message"
    exit 1
}
