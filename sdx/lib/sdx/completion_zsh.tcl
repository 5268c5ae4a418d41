# SPDX-License-Identifier: MIT
#
# completion_zsh.tcl: the words that completion.zsh lacks, of a description as completion.tcl has it.

namespace eval ::sdx::completion_zsh {}

# ::sdx::completion_zsh::Words --
#
#	A dict from the template's marks to what stands there.

proc ::sdx::completion_zsh::Words {names rows} {
    set summaries [lmap row $rows {string cat "  " [Quoted "[string map {: \\:} [lindex $row 0]]:[lindex $row 1]"]}]
    return [dict create COMMANDS [expr {[llength $names] ? [join $names |] : "''"}] SUMMARIES [join $summaries \n] \
	    CASES [join [lmap row $rows {Case $row [llength $names]}] \n]]
}

proc ::sdx::completion_zsh::Case {row hasCommands} {
    lassign $row name - options operands
    set specs [concat {*}[lmap option $options {Option $option}] [Operands $operands]]
    return "  ([expr {$name eq "" ? "''" : $name}])
    _arguments -S -C[expr {$hasCommands ? "" : " -A '-*'"}] \\
[join [lmap spec $specs {string cat "      " [Quoted $spec]}] " \\\n"] && ret=0
    ;;"
}

# ::sdx::completion_zsh::Option --
#
#	The specifications of an option, one for each of its names.

proc ::sdx::completion_zsh::Option {option} {
    lassign $option names kinds help
    set exclusive [expr {[llength $names] > 1 ? "([join $names])" : ""}]
    set help [string map {\\ \\\\ \[ \\\[ \] \\\]} $help]
    set arguments ""
    foreach kind $kinds {
	append arguments ":argument:[Action $kind]"
    }
    # What has two dashes in front may have its argument behind an equals sign.
    return [lmap name $names {
	string cat $exclusive $name [expr {[llength $kinds] && [string match --* $name] ? "=" : ""}] \[ $help \] $arguments
    }]
}

proc ::sdx::completion_zsh::Operands {operands} {
    set number 0
    return [lmap operand $operands {
	lassign $operand name kind repeats
	incr number
	string cat [expr {$repeats ? "*" : $number}] : $name : [Action $kind]
    }]
}

proc ::sdx::completion_zsh::Action {kind} {
    regexp {^(\w+):?(.*)$} $kind - kind words
    # A colon would end the action.
    set words [string map {: \\: , " "} $words]
    switch -- $kind {
	file {
	    return _files
	}
	directory {
	    return "_files -/"
	}
	choice {
	    return "($words)"
	}
	list {
	    return "_sequence compadd - $words"
	}
	member - folder - command {
	    return ->$kind
	}
    }
    # A message, and no words.
    return " "
}

# ::sdx::completion_zsh::Quoted --
#
#	A word for the shell.

proc ::sdx::completion_zsh::Quoted {text} {
    return '[string map {' '\\''} $text]'
}
