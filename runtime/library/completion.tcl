# SPDX-License-Identifier: MIT
#
# Completion of a command line, for the shell's TAB key.
#
#     ::starlit::complete line cursor  ->  {start candidate ...}
#
# The candidates replace the characters of the line from start up to the
# cursor.  A sole candidate that ends its word carries a space behind it; one
# that can go on (a directory, a namespace, an array) does not.  Candidates are
# sorted and unique.  The command looks at the interpreter and at the file
# system and changes neither; unfinished or senseless lines give no candidates.
#
# The place of the cursor decides what is offered, the first that fits:
#
#     $name  ${name  $name(element      variables, elements
#     first word of a command           commands and namespaces
#     next words of an ensemble, object subcommands, methods
#     where a command takes a variable  variables
#     else                              files, also within mounted archives

namespace eval ::starlit {
    namespace export complete

    # Commands that have subcommands but are not ensembles: they name them in
    # the error message for a wrong one, and do nothing else with it.
    variable classicCommands {after interp package trace}

    # Commands whose first argument is the name of a variable.
    variable variableCommands {
	append array incr lappend lassign lset parray set unset vwait
    }
}

# ::starlit::complete --
#
#	What could stand before the cursor.
#
# Arguments:
#	line	The text, of one or more lines.
#	cursor	Number of characters before the cursor.
#
# Results:
#	A list of the index where the candidates begin, and the candidates.

proc ::starlit::complete {line cursor} {
    set text [string range $line 0 [expr {$cursor - 1}]]
    if {[regexp -indices {\$[\w:]*\([^()\s]*$|\$\{?[\w:]*$} $text where]} {
	set start [lindex $where 0]
	set candidates [CompleteReference [string range $text $start end]]
    } else {
	lassign [LastCommand $text] words start
	set candidates [CompleteWord $words [string range $text $start end]]
    }
    return [list $start {*}[lsort -unique -dictionary $candidates]]
}

# ::starlit::LastCommand --
#
#	Splits the innermost unfinished command of a text into words.  Braces
#	may hold scripts, so an open brace begins a command like a bracket.
#
# Results:
#	A list of two: the finished words, and where the unfinished one begins.

proc ::starlit::LastCommand {text} {
    set outer {}
    set words {}
    set start 0
    set quoted 0
    set length [string length $text]
    for {set i 0} {$i < $length} {incr i} {
	switch -- [string index $text $i] {
	    \\ {
		incr i
	    }
	    \" {
		if {$quoted} {
		    set quoted 0
		} elseif {$i == $start} {
		    set quoted 1
		}
	    }
	    \[ - \{ {
		lappend outer [list $words $start $quoted]
		set words {}
		set start [expr {$i + 1}]
		set quoted 0
	    }
	    \] - \} {
		if {[llength $outer]} {
		    lassign [lindex $outer end] words start quoted
		    set outer [lrange $outer 0 end-1]
		}
	    }
	    \; - \n {
		if {!$quoted} {
		    set words {}
		    set start [expr {$i + 1}]
		}
	    }
	    " " - \t {
		if {!$quoted} {
		    if {$start < $i} {
			lappend words [string range $text $start $i-1]
		    }
		    set start [expr {$i + 1}]
		}
	    }
	}
    }
    return [list $words [expr {min($start, $length)}]]
}

# ::starlit::CompleteReference --
#
#	Variables for $name and ${name, elements for $name(element.

proc ::starlit::CompleteReference {reference} {
    if {[regexp {^\$([\w:]+)\((.*)$} $reference -> array element]} {
	return [CompleteElement \$$array $array $element]
    }
    set braced [string match \$\{* $reference]
    set candidates {}
    foreach name [VariableNames [string trimleft $reference \$\{]] {
	if {$braced} {
	    lappend candidates \$\{$name\}
	} elseif {[regexp {^[\w:]+\(?$} $name]} {
	    lappend candidates \$$name
	}
    }
    return [EndWord $candidates]
}

proc ::starlit::CompleteElement {before array prefix} {
    set candidates {}
    foreach element [array names ::$array [EscapeGlob $prefix]*] {
	lappend candidates $before\($element\)
    }
    return [EndWord $candidates]
}

# ::starlit::VariableNames --
#
#	Global variables, and namespaces, whose name begins with prefix; arrays
#	have an opening parenthesis behind their name.

proc ::starlit::VariableNames {prefix} {
    set names {}
    foreach name [QualifiedNames {info vars} $prefix] {
	lappend names [expr {[array exists ::$name] ? "$name\(" : $name}]
    }
    return [concat $names [NamespaceNames $prefix]]
}

# Names as they are typed: with leading colons only if prefix has them.

proc ::starlit::QualifiedNames {command prefix} {
    set absolute [string trimleft $prefix :]
    set names {}
    foreach name [{*}$command ::[EscapeGlob $absolute]*] {
	lappend names [AsTyped $prefix $name]
    }
    return $names
}

proc ::starlit::AsTyped {prefix name} {
    if {[string match ::* $prefix]} {
	return ::[string trimleft $name :]
    }
    return [string trimleft $name :]
}

proc ::starlit::NamespaceNames {prefix} {
    set parent ::[namespace qualifiers [string trimleft $prefix :]]
    if {![namespace exists $parent]} {
	return {}
    }
    set names {}
    set pattern ::[EscapeGlob [string trimleft $prefix :]]*
    foreach child [namespace children $parent] {
	if {[string match $pattern $child]} {
	    lappend names [AsTyped $prefix $child]::
	}
    }
    return $names
}

# ::starlit::CompleteWord --
#
#	Candidates for the last word of a command.
#
# Arguments:
#	words	The finished words before it.
#	word	The unfinished word.

proc ::starlit::CompleteWord {words word} {
    variable variableCommands
    if {![llength $words]} {
	return [CompleteCommand $word]
    }
    set candidates [CompleteSubcommand $words $word]
    if {[llength $candidates]} {
	return $candidates
    }
    set position [expr {[lindex $words 0] eq "array" ? 2 : 1}]
    if {[llength $words] == $position
	    && [lindex $words 0] in $variableCommands} {
	set candidates [CompleteVariable $word]
    }
    if {[llength $candidates]} {
	return $candidates
    }
    return [CompleteFile $word]
}

proc ::starlit::CompleteCommand {word} {
    if {[string match {[./~]*} $word]} {
	return [CompleteFile $word]
    }
    set names [concat [QualifiedNames {info commands} $word] \
	    [NamespaceNames $word]]
    if {![string match ::* $word]} {
	lappend names {*}[array names ::auto_index [EscapeGlob $word]*]
    }
    return [EndWord [lsort -unique $names]]
}

proc ::starlit::CompleteVariable {word} {
    if {[regexp {^([\w:]+)\(([^()]*)$} $word -> array element]} {
	return [CompleteElement $array $array $element]
    }
    return [EndWord [VariableNames $word]]
}

# ::starlit::CompleteSubcommand --
#
#	Follows the finished words through nested ensembles ("binary encode").

proc ::starlit::CompleteSubcommand {words word} {
    set command [lindex $words 0]
    foreach subcommand [lrange $words 1 end] {
	set map [EnsembleMap $command]
	if {![dict exists $map $subcommand]} {
	    return {}
	}
	set command [lindex [dict get $map $subcommand] 0]
    }
    set names [dict keys [EnsembleMap $command]]
    if {[llength $words] == 1 && ![llength $names]} {
	set names [OtherSubcommands $command]
    }
    return [EndWord [lsearch -all -inline -glob $names [EscapeGlob $word]*]]
}

# ::starlit::EnsembleMap --
#
#	The subcommands of an ensemble, each with its command; {} for others.

proc ::starlit::EnsembleMap {command} {
    if {![namespace eval :: [list namespace ensemble exists $command]]} {
	return {}
    }
    set settings [namespace eval :: \
	    [list namespace ensemble configure $command]]
    set home [dict get $settings -namespace]
    set map [dict get $settings -map]
    set names [dict get $settings -subcommands]
    if {![llength $names]} {
	set names [expr {[dict size $map] ? [dict keys $map]
		: [ExportedCommands $home]}]
    }
    set result {}
    foreach name $names {
	dict set result $name [expr {[dict exists $map $name]
		? [dict get $map $name] : [list ${home}::$name]}]
    }
    return $result
}

proc ::starlit::ExportedCommands {home} {
    set names {}
    foreach pattern [namespace eval $home {namespace export}] {
	foreach name [info commands ${home}::$pattern] {
	    lappend names [namespace tail $name]
	}
    }
    return $names
}

proc ::starlit::OtherSubcommands {command} {
    variable classicCommands
    if {[info object isa object $command]} {
	return [info object methods $command -all]
    }
    if {$command ni $classicCommands
	    || ![catch {namespace eval :: [list $command ?]} message]
	    || ![regexp {must be (.*)$} $message -> list]} {
	return {}
    }
    return [regexp -all -inline {\w+} [string map {", or " " " " or " " "} $list]]
}

# ::starlit::CompleteFile --
#
#	Files and directories.  The word keeps the form in which it is typed:
#	special characters have a backslash unless it is quoted or braced.

proc ::starlit::CompleteFile {word} {
    set quote [expr {[string match \"* $word] ? "\"" : ""}]
    set typed [string range $word [string length $quote] end]
    set path [expr {$quote eq "" ? [Unescape $typed] : $typed}]
    set slash [string last / $path]
    set directory [string range $path 0 $slash]
    set tail [string range $path $slash+1 end]
    set candidates {}
    foreach name [FilesIn $directory $tail] {
	set candidate $directory$name
	if {$quote eq ""} {
	    set candidate [Escape $candidate]
	}
	lappend candidates $quote$candidate
    }
    if {[llength $candidates] == 1
	    && [string index [lindex $candidates 0] end] ne "/"} {
	return [list "[lindex $candidates 0]$quote "]
    }
    return $candidates
}

# Names in a directory that begin with tail; directories end with a slash.

proc ::starlit::FilesIn {directory tail} {
    set where [expr {$directory eq "" ? "." : $directory}]
    set pattern [EscapeGlob $tail]*
    if {[catch {glob -nocomplain -tails -directory $where -- $pattern} names]} {
	return {}
    }
    if {[string match .* $tail]} {
	catch {
	    lappend names {*}[glob -nocomplain -tails -types hidden \
		    -directory $where -- $pattern]
	}
    }
    set files {}
    foreach name [lsort -unique $names] {
	if {$name in {. ..}} {
	    continue
	}
	if {[file isdirectory [file join $where ./$name]]} {
	    append name /
	}
	lappend files $name
    }
    return $files
}

proc ::starlit::Escape {path} {
    return [regsub -all {[][\s{}$;"\\]} $path {\\&}]
}

proc ::starlit::Unescape {path} {
    return [regsub -all {\\(.)} $path {\1}]
}

proc ::starlit::EscapeGlob {text} {
    return [regsub -all {[][*?{}\\]} $text {\\&}]
}

# A sole candidate gets a space unless it can go on.

proc ::starlit::EndWord {candidates} {
    if {[llength $candidates] == 1
	    && [string index [lindex $candidates 0] end] ni {: \(}} {
	return [list "[lindex $candidates 0] "]
    }
    return $candidates
}
