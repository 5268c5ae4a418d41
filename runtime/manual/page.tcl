# SPDX-License-Identifier: MIT
#
# page.tcl: makes a manual page, NAME.SECTION, of NAME.SECTION.man, run by the build:
#
#	SOURCE_DATE_EPOCH=... tclsh8.6 page.tcl NAME.SECTION.man OUTPUT VERSION ?PROGRAM ...?
#
# The source is written in tcllib's doctools language (doctools_lang_intro(n)). What a program says of itself is not written
# there again: a line that begins with @ is replaced by a table of what a program prints.
#
#	@synopsis COMMAND	the usage lines
#	@options COMMAND	the options, in their groups: `  --name VALUE  text` or text on the next line, as in --help
#	@terms COMMAND		lines `name: meaning`, and below each the names that belong to it, indented
#	@subcommands COMMAND	all that `COMMAND help NAME` tells of each NAME that `COMMAND --help` lists, in its groups
#	@results COMMAND	of each of these, as a command of a package, what it returns
#
# COMMAND begins with the name of one of the PROGRAMs, or of a script, behind its runtime: `tclkit main.tcl --help`.
# `[vset VERSION]` is the version.
#
# doctools writes macros of Tcl's own pages; Man makes of them what man(7) knows, so that any reader can show it.

package require Tcl 8.6
package require doctools

proc Fail {message} {
    puts stderr "page.tcl: $message"
    exit 1
}

# Text for doctools: its brackets escaped, `literal text` and options marked as such.
proc Text {text} {
    set text [string map {\[ \[lb\] \] \[rb\]} $text]
    set text [regsub -all {`([^`]+)`} $text {[const {\1}]}]
    return [regsub -all {(^|[^-\w/])(--(?:[a-z][-a-z]*)?|-[a-z][a-z0-9]*)(?![-\w/=])} $text {\1[option \2]}]
}

# The rest of a usage line: its words in capitals are arguments.
proc Arguments {text} {
    return [regsub -all {[A-Z]+(?=[\s.\[\]?]|$)} [Text $text] {[arg &]}]
}

# What a command prints, as lines.
proc Printed {command} {
    global programs

    set command [lmap word $command {expr {[dict exists $programs $word] ? [dict get $programs $word] : $word}}]
    if {[catch {exec {*}$command} text]} {
	Fail "couldn't run \"$command\": $text"
    }
    return [split $text \n]
}

proc Synopsis {command} {
    set usages {}
    foreach line [Printed $command] {
	if {![regexp {^(?:usage:|      ) (\S+) ?(.*)$} $line - program rest]} break
	lappend usages "\[usage \[cmd $program\] [Arguments $rest]\]"
    }
    if {[llength $usages] == 0} {
	Fail "\"$command\" prints no usage"
    }
    return [join $usages \n]
}

# Adds a line of a table of options to its rows, each {head help}. Returns 0 for a line that is none.
proc AddLine {rowsName line} {
    upvar 1 $rowsName rows
    if {[regexp {^  (-\S*(?: \S+)*)(?:  +(\S.*))?$} $line - head help]} {
	lappend rows [list $head $help]
    } elseif {[regexp {^ {20,}(\S.*)$} $line - help] && [llength $rows]} {
	lset rows end 1 [string trim "[lindex $rows end 1] $help"]
    } else {
	return 0
    }
    return 1
}

# One row as an option of doctools.
proc Option {row command} {
    lassign $row head help
    if {$help eq ""} {
	Fail "\"$command\" says nothing of \"$head\""
    }
    regexp {^((?:-[-\w]*(?:, )?)+)(?: (.*))?$} $head - names values
    return "\[opt_def [list $names][expr {$values eq "" ? "" : " \[arg \"[Text $values]\"\]"}]\] [Text $help]"
}

proc Options {command} {
    set rows {}
    set title ""
    foreach line [Printed $command] {
	if {[AddLine rows $line]} {
	    dict set groups $title $rows
	} else {
	    set rows {}
	    set title [string trimright $line :]
	}
    }
    if {![info exists groups]} {
	Fail "\"$command\" prints no options"
    }
    set lines {}
    dict for {title rows} $groups {
	if {[dict size $groups] > 1} {
	    lappend lines "\[subsection {$title}\]"
	}
	lappend lines "\[list_begin options\]"
	foreach row $rows {
	    lappend lines [Option $row $command]
	}
	lappend lines "\[list_end\]"
    }
    return [join $lines \n]
}

proc Terms {command} {
    set lines [list "\[list_begin definitions\]"]
    set members {}
    set Members {members {
	return [join [lmap {name conditions} $members {
	    set conditions [dict keys [concat {*}[lmap condition $conditions {list $condition ""}]]]
	    set conditions [lsearch -all -inline -not -exact $conditions ""]
	    string cat [Text $name] [expr {[llength $conditions] ? " ([join $conditions {; }])" : ""}]
	}] ", "]
    }}
    foreach line [concat [Printed $command] {end:}] {
	if {[regexp {^    (\w+)(?: \((.*)\))?(?:, (with .*))?$} $line - name where with]} {
	    dict lappend members $name [join [lsearch -all -inline -not -exact [list [Text $where] $with] ""] ", "]
	} elseif {[regexp {^(\S+):(?: (.*))?$} $line - name meaning]} {
	    if {[dict size $members]} {
		lappend lines "\[para\]" "[apply $Members $members]."
	    }
	    set members {}
	    lappend lines "\[def \[const {[Text $name]}\]\] [Text $meaning]"
	} else {
	    Fail "\"$command\" prints \"$line\", which is no term"
	}
    }
    return [join [concat [lrange $lines 0 end-1] [list "\[list_end\]"]] \n]
}

# The names that COMMAND --help lists under headlines: a dict from headline to names.
proc Groups {command} {
    set groups {}
    foreach line [Printed [concat $command --help]] {
	if {[regexp {^(\S.*):$} $line - headline]} {
	    set group $headline
	} elseif {[regexp {^  (\w+)  +\S} $line - name]} {
	    dict lappend groups $group $name
	}
    }
    if {[dict size $groups] == 0} {
	Fail "\"$command --help\" lists no commands"
    }
    return $groups
}

# What COMMAND help NAME prints, in parts: usage, text (a list of paragraphs), Options and Examples (lists of lines), result,
# status. Those that are not there are empty.
proc Parts {command name} {
    set parts {usage "" text {} Options {} Examples {} result "" status ""}
    foreach block [split [string map {\n\n \0} [join [Printed [concat $command help $name]] \n]] \0] {
	if {[regexp {^usage: \S+ (.*)$} $block - usage]} {
	    dict set parts usage $usage
	} elseif {[regexp {^(Options|Examples):\n(.*)$} $block - part lines]} {
	    dict set parts $part [split $lines \n]
	} elseif {[regexp {^As a package, returns (.*)$} $block - result]} {
	    dict set parts result $result
	} elseif {[regexp {^Exit status: (.*)$} $block - status]} {
	    dict set parts status $status
	} else {
	    dict lappend parts text $block
	}
    }
    if {[dict get $parts usage] eq "" || [dict get $parts status] eq ""} {
	Fail "\"$command help $name\" tells no usage or no exit status"
    }
    return $parts
}

proc Subcommands {command} {
    set lines {}
    set usual [dict get [Parts $command help] status]
    dict for {headline names} [Groups $command] {
	lappend lines "\[subsection {$headline}\]" "\[list_begin definitions\]"
	foreach name $names {
	    set parts [Parts $command $name]
	    regexp {^\S+ ?(.*)$} [dict get $parts usage] - rest
	    lappend lines "\[call \[cmd {[file tail [lindex $command 0]] $name}\] [Arguments $rest]\]"
	    foreach paragraph [dict get $parts text] {
		if {[string match " *" $paragraph]} {
		    lappend lines "\[example {$paragraph}\]"
		} else {
		    lappend lines [Text $paragraph] "\[para\]"
		}
	    }
	    if {[lindex $lines end] eq "\[para\]"} {
		set lines [lrange $lines 0 end-1]
	    }
	    set rows {}
	    foreach line [dict get $parts Options] {
		if {![AddLine rows $line]} {
		    Fail "\"$command help $name\" has \"$line\" among its options"
		}
	    }
	    # The last is -help, of which the page says that each command has it.
	    set rows [lrange $rows 0 end-1]
	    if {[llength $rows]} {
		lappend lines "\[list_begin options\]"
		foreach row $rows {
		    lappend lines [Option $row "$command help $name"]
		}
		lappend lines "\[list_end\]"
	    }
	    if {[llength [dict get $parts Examples]]} {
		lappend lines "\[list_begin definitions\]"
		foreach line [dict get $parts Examples] {
		    set isText [string match "      *" $line]
		    set line [string map {\[ \[lb\] \] \[rb\]} [string trim $line]]
		    lappend lines [expr {$isText ? $line : "\[def \[cmd {$line}\]\]"}]
		}
		lappend lines "\[list_end\]"
	    }
	    if {[dict get $parts status] ne $usual} {
		lappend lines "\[para\]" "Exit status: [Text [dict get $parts status]]"
	    }
	}
	lappend lines "\[list_end\]"
    }
    return [join $lines \n]
}

proc Results {command} {
    set lines [list "\[list_begin definitions\]"]
    foreach name [concat {*}[dict values [Groups $command]]] {
	set parts [Parts $command $name]
	if {[dict get $parts result] eq ""} continue
	regexp {^\S+ ?(.*)$} [dict get $parts usage] - rest
	lappend lines "\[call \[cmd [file tail [lindex $command 0]]::$name\] [Arguments $rest]\]" \
	    "Returns [Text [dict get $parts result]]"
    }
    return [join [concat $lines [list "\[list_end\]"]] \n]
}

# Of doctools' output: in examples and bold text what is typed, letter by letter.
proc Typed {text} {
    return [string map {- \\- ' \\(aq ` \\(ga ~ \\(ti ^ \\(ha} $text]
}

# Man --
#
#	Makes a page for man(7) of doctools' output: its macros for examples and rules replaced or left out, hyphens that can
#	be searched for and copied, and no name divided at the end of a line.

proc Man {text name section version} {
    set date [clock format $::env(SOURCE_DATE_EPOCH) -format %Y-%m-%d -gmt 1]
    set page ".TH [string toupper $name] $section $date \"Starlit $version\" Starlit\n.nh"
    set lines [split $text \n]
    set isExample 0
    foreach line [lrange $lines [lsearch -exact $lines .BS]+1 end] {
	switch -glob -- $line {
	    .CS {
		set isExample 1
		set line .PP\n.RS\n.nf
	    }
	    .CE {
		set isExample 0
		set page [string trimright $page]
		set line .fi\n.RE\n.PP
	    }
	    .BE {
		continue
	    }
	    "" {
		if {!$isExample || [string match *.nf $page]} continue
	    }
	    {[.']*} {}
	    default {
		if {$isExample} {
		    set line [Typed $line]
		} else {
		    set typed ""
		    foreach {- plain bold} [regexp -all -inline {(.*?)(\\fB.*?\\fR|$)} $line] {
			append typed $plain [Typed $bold]
		    }
		    set line $typed
		}
	    }
	}
	append page \n $line
    }
    # Paragraphs that nothing follows, or that follow a title.
    set page [regsub -all {(?:\n\.(?:PP|sp))+(?=\n\.(?:S[HS]|PP|TP)|\s*$)} $page ""]
    set page [regsub -all {(\n\.S[HS] [^\n]*)\n\.PP} $page {\1}]
    return [string trimright $page]\n
}

set programs {}
lassign $argv source output version
foreach program [lrange $argv 3 end] {
    dict set programs [file tail $program] $program
}
set channel [open $source]
fconfigure $channel -encoding utf-8
set page "\[vset VERSION $version\]"
foreach line [split [regsub -line {\A(#.*\n)+} [read $channel] ""] \n] {
    if {[regexp {^@(\w+) (.+)$} $line - table command]} {
	set line [[string totitle $table] $command]
    }
    append page $line \n
}
close $channel

set name [file rootname [file tail $output]]
set section [string range [file extension $output] 1 end]
::doctools::new formatter -file $source -format nroff
if {[catch {formatter format $page} text]} {
    Fail "$source: $text"
}
if {[llength [formatter warnings]]} {
    Fail "$source: [join [formatter warnings] "\n"]"
}
set channel [open $output w]
fconfigure $channel -encoding utf-8
puts -nonewline $channel [Man $text $name $section $version]
close $channel
