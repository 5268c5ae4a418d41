# SPDX-License-Identifier: MIT
#
# completion.tcl: sdx completion, what makes the TAB key know sdx's commands and options.
#
# A shell's script is a template, completion.SHELL, whose marks completion_SHELL.tcl fills in with what a description says.
# That has one row per command: {NAME SUMMARY OPTIONS OPERANDS}. NAME is empty for a program without commands, whose options
# stand in front of its operands.
# OPTIONS has a row {NAMES KINDS HELP} per option, with one of KINDS for each word of its argument; OPERANDS a row {NAME
# KIND REPEATS} per operand. Kinds say what a word can be:
#	file, directory	of the host
#	member, folder	of the kit that is the first operand
#	command		of the program
#	choice:A,B,...	one of these words; list:A,B,... several of them, with commas between
#	nothing		what nobody can guess

namespace eval ::sdx::completion {
    variable library [file dirname [file normalize [info script]]]
    variable operands {{SHELL required}}
    variable options {}
    variable description {
	Prints a script that completes sdx's commands, options and arguments when TAB is pressed: members of a kit, too.
	SHELL is bash, which needs the package bash-completion, or zsh. Where sdx was installed as a package all of that is in
	place.
    }
    variable examples {
	{sdx completion bash >> ~/.bash_completion} {for bash}
	{sdx completion zsh > ~/.zsh/completions/_sdx} {for zsh, where that directory is in fpath}
    }
    variable result {
	the script.
    }

    # What arguments and operands of these names are, in the absence of a better word; others are files.
    variable kinds {
	MEMBER member COMMAND command DIRECTORY directory
	N nothing BYTES nothing SIZE nothing WHEN nothing SECONDS nothing PATTERN nothing GLOB nothing QUERY nothing
    }
}

proc ::sdx::completion::Run {values} {
    set shell [dict get $values SHELL]
    if {$shell ni {bash zsh}} {
	::sdx::options::Misuse "unknown SHELL \"$shell\": must be bash or zsh"
    }
    ::sdx::Load completion_$shell
    return [Script $shell sdx [Description]]
}

proc ::sdx::completion::Show {values script} {
    puts -nonewline $script
}

# ::sdx::completion::Script --
#
#	The script of a program.

proc ::sdx::completion::Script {shell program rows} {
    variable library

    set channel [open [file join $library completion.$shell]]
    set lines [split [string trim [read $channel] \n] \n]
    close $channel
    set names [lmap row $rows {lindex $row 0}]
    set isPlain [expr {"" in $names}]
    set words [::sdx::completion_${shell}::Words [lsearch -all -inline -not -exact $names ""] $rows]
    dict set words PROGRAM $program
    # Lines between @IF and @END are for programs with commands, or without.
    set taken {}
    set isTaken 1
    foreach line $lines {
	switch -- $line {
	    "@IF COMMANDS" {
		set isTaken [expr {!$isPlain}]
	    }
	    "@IF PLAIN" {
		set isTaken $isPlain
	    }
	    @END {
		set isTaken 1
	    }
	    default {
		if {$isTaken} {
		    lappend taken $line
		}
	    }
	}
    }
    set map {}
    dict for {mark text} $words {
	lappend map @$mark@ $text
    }
    return [string map $map [join $taken \n]]\n
}

# ::sdx::completion::Description --
#
#	What the tables say of sdx.

proc ::sdx::completion::Description {} {
    set commands {}
    foreach row [concat {*}[dict values $::sdx::commands]] {
	lassign $row name summary
	set command [::sdx::Command $name]
	set options [lmap row [concat [set ${command}::options] [list $::sdx::options::helpRow]] {
	    lassign $row aliases argument check help
	    list $aliases [expr {$argument eq "" || $check eq "flag" ? {} : [Kind $argument $check]}] [regsub -all {\s+} $help " "]
	}]
	set operands [lmap row [set ${command}::operands] {
	    lassign $row operand number kind
	    list $operand [expr {$kind ne "" ? $kind : [Kind $operand]}] [expr {$number in {several some}}]
	}]
	if {$name eq "completion"} {
	    set operands {{SHELL choice:bash,zsh 0}}
	}
	lappend commands [list $name $summary $options $operands]
    }
    return $commands
}

proc ::sdx::completion::Kind {name {check ""}} {
    variable kinds

    switch -- [lindex $check 0] {
	choice {
	    return choice:[join [lrange $check 1 end] ,]
	}
	integer {
	    return nothing
	}
    }
    return [expr {[dict exists $kinds $name] ? [dict get $kinds $name] : "file"}]
}
