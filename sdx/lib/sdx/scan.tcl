# SPDX-License-Identifier: MIT
#
# scan.tcl: what a script asks for, found out without running it: packages, other scripts, shared libraries.
#
# Rules:
# 1. Words are those of Tcl's own parser (starlit::script): what stands in a comment or in a text is none, and what is
#    quoted, braced or expanded counts as Tcl would take it.
# 2. What only runs under a condition, or may fail, is optional: in the branches of [if] and [switch], in [catch] and
#    [try]. Bodies of procedures and loops are not: they are there to be run.
# 3. In braces that an unknown command gets, a [package require] is optional too: they may hold a script.
# 4. What is made up while the program runs is unknown, except for the variable of a [foreach] over a constant list.
#
# What is found is a list of {KIND LINE OPTIONAL ...}:
#
#	require NAME REQUIREMENTS	unknown TEXT			a package, and one whose name is not known
#	source TAILS			source {}			scripts by the ends of their names, and one not known
#	provide NAME VERSION		ifneeded NAME VERSION
#	load TEXT			a shared library
#	paths				changes the search path for packages
#	startup				calls starkit::startup
#	fault TEXT			no script

namespace eval ::sdx::scan {
    variable depthMax 40
    # Of the names that one word may have.
    variable tailsMax 1000
    # A command in which none of these words stands needs no look.
    variable wanted {package source load auto_path tm::path autoextend startup}

    # Commands of which all that is in braces are scripts, and of which none is.
    variable definitions {
	constructor destructor itcl::body itcl::class method oo::class oo::define oo::objdefine private protected public
	self snit::type snit::widget snit::widgetadaptor typeconstructor typemethod
    }
    variable plain {
	append array binary chan concat dict error exec fconfigure format glob global incr info interp join lappend lassign
	lindex linsert llength lrange lreplace lsearch lset lsort open puts regexp regsub return scan set split string subst
	throw unset upvar variable vwait
    }
    variable found
}

# ::sdx::scan::Script --
#
#	Scans a script.

proc ::sdx::scan::Script {text} {
    variable found {}

    Walk $text 1 0 0 {}
    return $found
}

proc ::sdx::scan::Note {kind line optional args} {
    variable found

    lappend found [list $kind $line $optional {*}$args]
}

# ::sdx::scan::Walk --
#
#	Scans the commands of a script.
#
# Arguments:
#	line -		Of the script's beginning.
#	optional -	Rule 2.
#	depth -		Of scripts in scripts.
#	bindings -	Values of the variables that are known.

proc ::sdx::scan::Walk {text line optional depth bindings} {
    variable wanted
    variable depthMax

    if {$depth > $depthMax} {
	Note fault $line $optional "scripts are nested too deeply"
	return
    }
    try {
	set commands [::starlit::script commands $text $wanted]
    } on error {message} {
	Note fault $line $optional $message
	return
    }
    incr depth
    foreach command $commands {
	lassign $command offset words
	set words [lmap word $words {
	    foreach script [lindex $word 3] {
		Walk [lindex $script 1] [expr {$line + [lindex $script 0]}] $optional $depth $bindings
	    }
	    lreplace $word 0 0 [expr {$line + [lindex $word 0]}]
	}]
	Command $words [expr {$line + $offset}] $optional $depth $bindings
    }
}

# ::sdx::scan::Constant --
#
#	Whether a word is one.

proc ::sdx::scan::Constant {word} {
    return [expr {[lindex $word 1] in {braced constant}}]
}

# ::sdx::scan::Body --
#
#	Scans a word that is a script.

proc ::sdx::scan::Body {word optional depth bindings} {
    if {[Constant $word]} {
	Walk [lindex $word 2] [lindex $word 0] $optional $depth $bindings
    }
}

# ::sdx::scan::Condition --
#
#	Scans a word that is an expression.

proc ::sdx::scan::Condition {word optional depth bindings} {
    if {![Constant $word] || [string first \[ [lindex $word 2]] < 0
	    || [catch {::starlit::script expression [lindex $word 2]} scripts]} {
	return
    }
    foreach script $scripts {
	Walk [lindex $script 1] [expr {[lindex $word 0] + [lindex $script 0]}] $optional $depth $bindings
    }
}

proc ::sdx::scan::Command {words line optional depth bindings} {
    variable definitions
    variable plain

    set words [lassign $words first]
    if {![Constant $first]} {
	return
    }
    set name [string trimleft [lindex $first 2] :]
    switch -- $name {
	package {
	    Package $words $line $optional $depth $bindings
	}
	source {
	    Note source $line $optional [Tails [lindex $words end] $bindings]
	}
	list {
	    # As in [package ifneeded x 1.0 [list source [file join $dir x.tcl]]].
	    if {[llength $words] > 1 && [Constant [lindex $words 0]] && [lindex $words 0 2] in {source ::source}} {
		Note source $line 1 [Tails [lindex $words end] $bindings]
	    }
	}
	load {
	    # A package that is linked in is loaded from no file.
	    if {![Constant [lindex $words 0]] || [lindex $words 0 2] ne ""} {
		Note load $line $optional [lindex $words 0 2]
	    }
	}
	if {
	    If $words $optional $depth $bindings
	}
	while {
	    Condition [lindex $words 0] $optional $depth $bindings
	    Body [lindex $words 1] $optional $depth $bindings
	}
	for {
	    Body [lindex $words 0] $optional $depth $bindings
	    Condition [lindex $words 1] $optional $depth $bindings
	    Body [lindex $words 2] $optional $depth $bindings
	    Body [lindex $words 3] $optional $depth $bindings
	}
	foreach - lmap {
	    Foreach $words $optional $depth $bindings
	}
	catch {
	    Body [lindex $words 0] 1 $depth $bindings
	}
	try {
	    Try $words $optional $depth $bindings
	}
	switch {
	    Switch $words $depth $bindings
	}
	expr {
	    foreach word $words {
		Condition $word $optional $depth $bindings
	    }
	}
	proc {
	    Body [lindex $words 2] $optional $depth {}
	}
	apply {
	    set lambda [lindex $words 0]
	    if {[Constant $lambda] && [string is list [lindex $lambda 2]]} {
		Body [lreplace $lambda 2 2 [lindex $lambda 2 1]] $optional $depth {}
	    }
	}
	eval - uplevel - after - namespace - time - inscope {
	    foreach word $words {
		Body $word $optional $depth $bindings
	    }
	}
	starkit::startup {
	    Note startup $line $optional
	}
	starkit::autoextend - tcl::tm::path - tcl::tm::add {
	    Note paths $line $optional
	}
	default {
	    if {$name in {set lappend lset linsert} && [string trimleft [lindex $words 0 2] :] eq "auto_path"} {
		Note paths $line $optional
	    }
	    if {$name in $plain} {
		return
	    }
	    foreach word $words {
		if {[lindex $word 1] ne "braced"} {
		    continue
		}
		if {$name in $definitions} {
		    Body $word $optional $depth {}
		} elseif {[regexp {\mpackage\s+req} [lindex $word 2]]
			&& ![catch {::starlit::script commands [lindex $word 2]}]} {
		    Body $word 1 $depth {}
		}
	    }
	}
    }
}

# ::sdx::scan::If --
#
#	[if]: its conditions are always evaluated, or as good as that.

proc ::sdx::scan::If {words optional depth bindings} {
    set condition 1
    foreach word $words {
	set text [expr {[Constant $word] ? [lindex $word 2] : ""}]
	if {$condition} {
	    Condition $word $optional $depth $bindings
	    set dead [expr {$text in {0 false no off}}]
	    set condition 0
	} elseif {$text eq "elseif"} {
	    set condition 1
	} elseif {$text eq "else"} {
	    set dead 0
	} elseif {$text ne "then" && !$dead} {
	    Body $word 1 $depth $bindings
	}
    }
}

proc ::sdx::scan::Foreach {words optional depth bindings} {
    foreach {variables values} [lrange $words 0 end-1] {
	if {![Constant $variables] || ![Constant $values] || [catch {llength [lindex $values 2]}]
		|| [catch {llength [lindex $variables 2]}]} {
	    continue
	}
	set names [lindex $variables 2]
	for {set i 0} {$i < [llength $names]} {incr i} {
	    set some {}
	    for {set j $i} {$j < [llength [lindex $values 2]]} {incr j [llength $names]} {
		lappend some [lindex [lindex $values 2] $j]
	    }
	    dict set bindings [lindex $names $i] $some
	}
    }
    Body [lindex $words end] $optional $depth $bindings
}

# ::sdx::scan::Try --
#
#	[try]: without handlers what fails in its body fails.

proc ::sdx::scan::Try {words optional depth bindings} {
    set handled [expr {[lsearch -regexp -index 2 [lrange $words 1 end] {^(?:on|trap)$}] >= 0}]
    Body [lindex $words 0] [expr {$optional || $handled}] $depth $bindings
    for {set i 1} {$i < [llength $words]} {incr i} {
	switch -- [lindex $words $i 2] {
	    on - trap {
		Body [lindex $words [incr i 3]] 1 $depth $bindings
	    }
	    finally {
		Body [lindex $words [incr i]] $optional $depth $bindings
	    }
	}
    }
}

proc ::sdx::scan::Switch {words depth bindings} {
    while {[llength $words] && [string match -* [lindex $words 0 2]]} {
	set words [lassign $words option]
	if {[lindex $option 2] in {-matchvar -indexvar}} {
	    set words [lrange $words 1 end]
	} elseif {[lindex $option 2] eq "--"} {
	    break
	}
    }
    set words [lrange $words 1 end]
    if {[llength $words] == 1 && [Constant [lindex $words 0]]} {
	# One word, a list of patterns and bodies. As a script its words are these, with their lines.
	lassign [lindex $words 0] line - text
	if {[catch {::starlit::script commands $text} commands]} {
	    return
	}
	set words [lmap word [concat {*}[lmap command $commands {lindex $command 1}]] {
	    lreplace $word 0 0 [expr {$line + [lindex $word 0]}]
	}]
    }
    foreach {pattern body} $words {
	Body $body 1 $depth $bindings
    }
}

proc ::sdx::scan::Package {words line optional depth bindings} {
    set words [lassign $words subcommand]
    set name [lindex $subcommand 2]
    if {![Constant $subcommand] || $name eq ""} {
	return
    }
    if {[string match $name* require]} {
	Require $words $line $optional $bindings
    } elseif {$name in {provide ifneeded} && [llength $words] > 1 && [Constant [lindex $words 0]]} {
	set version [expr {[Constant [lindex $words 1]] ? [lindex $words 1 2] : ""}]
	Note $name $line $optional [lindex $words 0 2] $version
	if {$name eq "ifneeded"} {
	    Body [lindex $words 2] 1 $depth $bindings
	}
    }
}

proc ::sdx::scan::Require {words line optional bindings} {
    set exact 0
    if {[Constant [lindex $words 0]] && [lindex $words 0 2] eq "-exact"} {
	set exact 1
	set words [lrange $words 1 end]
    }
    if {[llength $words] == 0} {
	return
    }
    set rest [lassign $words word]
    lassign $word - kind text
    # All that is asked for, as lists of a name and its requirements.
    set asked {}
    if {[Constant $word]} {
	lappend asked [list $text]
    } elseif {$kind eq "variable" && [dict exists $bindings $text]} {
	set asked [lmap value [dict get $bindings $text] {list $value}]
    } elseif {$kind eq "expand-variable" && [dict exists $bindings $text]} {
	set asked [lmap value [dict get $bindings $text] {expr {[string is list $value] ? $value : [list $value]}}]
    } else {
	Note unknown $line $optional [expr {$kind in {variable expand-variable} ? "\$$text" : $text}]
	return
    }
    for {set i 0} {$i < [llength $asked]} {incr i} {
	set own [lassign [lindex $asked $i] name]
	set requirements [Requirements $rest $i [llength $asked] $bindings]
	if {$exact && [llength $requirements]} {
	    set requirements [list [lindex $requirements 0]-[lindex $requirements 0]]
	}
	if {$name ne ""} {
	    Note require $line $optional $name [concat $own $requirements]
	}
    }
}

# ::sdx::scan::Requirements --
#
#	The requirements of the i-th of so many packages; none when one of several that would do is not known.

proc ::sdx::scan::Requirements {words i count bindings} {
    set requirements {}
    foreach word $words {
	lassign $word - kind text
	if {[Constant $word]} {
	    lappend requirements $text
	} elseif {$kind eq "variable" && [dict exists $bindings $text] && [llength [dict get $bindings $text]] == $count} {
	    lappend requirements [lindex [dict get $bindings $text] $i]
	} else {
	    return {}
	}
    }
    return $requirements
}

# ::sdx::scan::Tails --
#
#	The ends of the names that a word may have, as far as they are constant; none when nothing is known.

proc ::sdx::scan::Tails {word bindings} {
    lassign $word - kind text scripts
    switch -- $kind {
	braced - constant {
	    return [list $text]
	}
	variable {
	    return [expr {[dict exists $bindings $text] ? [dict get $bindings $text] : {}}]
	}
	other {
	    if {[llength $scripts] == 1 && $text eq "\[[lindex $scripts 0 1]\]"} {
		return [JoinedTails [lindex $scripts 0 1] $bindings]
	    }
	    if {[regexp {(?:\$\{[^\}]*\}|\$[\w:]+(?:\([^)]*\))?|\])/([^][$\s]+)$} $text - tail]} {
		return [list $tail]
	    }
	}
    }
    return {}
}

# ::sdx::scan::JoinedTails --
#
#	The same for [file join ...] and [file normalize ...].

proc ::sdx::scan::JoinedTails {script bindings} {
    variable tailsMax

    if {[catch {::starlit::script commands $script} commands]} {
	return {}
    }
    set words [lassign [lindex $commands end 1] command subcommand]
    if {[lindex $command 2] ni {file ::file} || [lindex $subcommand 2] ni {join normalize}} {
	return {}
    }
    set tails {}
    foreach word [lreverse $words] {
	set ends [Tails $word $bindings]
	if {[llength $ends] == 0 || [llength $ends] * max(1, [llength $tails]) > $tailsMax} {
	    break
	}
	if {[llength $tails] == 0} {
	    set tails $ends
	} else {
	    set tails [concat {*}[lmap end $ends {lmap tail $tails {string cat $end / $tail}}]]
	}
	if {![Constant $word] && [lindex $word 1] ne "variable"} {
	    # What is in front of its end is not known.
	    break
	}
    }
    return $tails
}
