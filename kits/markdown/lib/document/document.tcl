# SPDX-License-Identifier: MIT
#
# document.tcl: Markdown to HTML as a README needs it: tcllib's Markdown package with its known faults (1.2.2) worked
# around before and after.
#
# What the package gets wrong, and what is done here:
# 1. Fenced code is escaped twice, ends at any fence, and is not seen inside a paragraph or an indented list item. It is
#    taken out before, and put back after as HTML.
# 2. Any line with a | is a table, a | in a code span or after a backslash ends a cell, and a table is not seen right
#    after a paragraph. A table is what has a delimiter row; every other | is hidden from the package.
# 3. Lists nest only by four spaces and do not follow a paragraph without an empty line; "1)" is no list. Lists are
#    indented anew.
# 4. An underscore inside a word begins emphasis (snake_case). It is hidden too.
# 5. Headings have no id, so links to them lead nowhere. They get the ids that GitHub gives them.
#
# What stays wrong: emphasis inside emphasis, fenced code inside quotes, reference definitions inside indented code.
#
# Hidden characters are private-use code points, which no text should contain: U+E000 for |, U+E001 for _, and U+E002
# around the number of a block of code.

package require Markdown
package provide document 1.0

namespace eval ::document {
    namespace export fragment page
    namespace ensemble create

    variable pipe \uE000
    variable underscore \uE001
    variable block \uE002

    variable fence {^( *)(`{3,}|~{3,})[ \t]*([^`\s]*)[^`]*$}
    variable delimiterRow {^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$}
    variable listItem {^( *)([-*+]|[0-9]{1,9}[.)])( +)(\S.*)$}
    variable rule {^ {0,3}(?:(?:- *){3,}|(?:\* *){3,}|(?:_ *){3,})$}

    variable style {
	body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 sans-serif; color: #222; }
	pre, code { font-family: monospace; background: #f4f4f4; }
	pre { padding: .75rem; overflow-x: auto; }
	table { border-collapse: collapse; }
	th, td { border: 1px solid #ccc; padding: .25rem .6rem; text-align: left; vertical-align: top; }
	blockquote { margin-left: 0; padding-left: 1rem; border-left: 3px solid #ccc; }
    }
}

# ::document::fragment --
#
#	Converts Markdown to HTML: the content of a body.

proc ::document::fragment {text} {
    variable pipe
    variable underscore

    lassign [Prepare $text] prepared blocks
    set html [Markdown::convert $prepared]
    set html [string map $blocks $html]
    set html [string map [list $pipe | $underscore _] $html]
    return [string trim [Identify $html]]\n
}

# ::document::page --
#
#	Converts Markdown to a whole HTML page.
#
# Arguments:
#	title -	Its title; default its first heading.

proc ::document::page {text {title ""}} {
    variable style

    set body [fragment $text]
    if {$title ne ""} {
	set title [Escape $title]
    } elseif {[regexp {<h[1-6].*?>(.*?)</h[1-6]>} $body - heading]} {
	set title [regsub -all {<[^>]*>} $heading ""]
    }
    return [string cat "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n" \
	"<meta name=\"viewport\" content=\"width=device-width\">\n<title>$title</title>\n" \
	"<style>[string map {\n\t \n} $style]</style>\n</head>\n<body>\n" $body "</body>\n</html>\n"]
}

# ::document::Prepare --
#
#	Makes of a text what the package understands.
#
# Results:
#	A list of two: the text, and a [string map] that puts the blocks of code into its HTML.

proc ::document::Prepare {text} {
    variable block
    variable fence
    variable delimiterRow

    set lines [split [string map {\r\n \n \r \n \t "    "} $text] \n]
    set prepared {}
    set blocks {}
    # Columns at which the contents of the open list items begin, outermost first.
    set columns {}
    set inTable 0
    set previous ""
    for {set i 0} {$i < [llength $lines]} {incr i} {
	set line [lindex $lines $i]
	if {[regexp $fence $line - indent mark language]} {
	    set code {}
	    while {[incr i] < [llength $lines] && ![Closes [lindex $lines $i] $mark]} {
		lappend code [Dedent [lindex $lines $i] [string length $indent]]
	    }
	    set token $block[llength $blocks]$block
	    set html [Code $language $code]
	    lappend blocks <p>$token</p> $html $token $html
	    lappend prepared "" [Indent $indent$token columns 0] ""
	    set previous ""
	    continue
	}
	if {[string trim $line] eq ""} {
	    set inTable 0
	} elseif {!$inTable && [string match *|* $line] && [string match *|* [lindex $lines $i+1]]
		&& [regexp $delimiterRow [lindex $lines $i+1]]} {
	    set inTable 1
	    lappend prepared ""
	}
	set inTable [expr {$inTable && [string match *|* $line]}]
	set before $columns
	set indented [Indent [Hide $line $inTable] columns [IsText $previous]]
	if {$before eq "" && $columns ne "" && [IsText $previous]} {
	    lappend prepared ""
	}
	lappend prepared $indented
	set previous $line
    }
    return [list [join $prepared \n] $blocks]
}

# ::document::Closes --
#
#	Whether a line ends the block of code that was opened by this mark.

proc ::document::Closes {line mark} {
    set found [string trim $line]
    return [expr {[string length $found] >= [string length $mark]
	    && [string trim $found [string index $mark 0]] eq "" && [string match {    *} $line] == 0}]
}

proc ::document::Dedent {line columns} {
    for {set n 0} {$n < $columns && [string index $line $n] eq " "} {incr n} {}
    return [string range $line $n end]
}

proc ::document::Code {language lines} {
    set class [expr {$language eq "" ? "" : " class=\"language-[Escape $language]\""}]
    return "<pre><code$class>[Escape [join $lines \n]]\n</code></pre>"
}

proc ::document::Escape {text} {
    return [string map {& &amp; < &lt; > &gt; \" &quot;} $text]
}

# ::document::Hide --
#
#	Hides the characters of a line that would be misunderstood.

proc ::document::Hide {line inTable} {
    variable pipe
    variable underscore

    if {!$inTable} {
	set line [string map [list | $pipe] $line]
    } else {
	set line [string map [list \\| $pipe] $line]
	set spans [regexp -all -inline -indices {(`+)[^`].*?\1} $line]
	foreach {mark span} [lreverse $spans] {
	    set line [string replace $line {*}$span [string map [list | $pipe] [string range $line {*}$span]]]
	}
    }
    return [regsub -all {([[:alnum:]])_(?=[[:alnum:]_])} $line \\1$underscore]
}

# ::document::Indent --
#
#	Indents a line for the package: four spaces for each list item that it lies in.
#
# Arguments:
#	line -		The line.
#	columnsName -	Variable with the columns of the open items; kept up to date.
#	lazy -		Whether the line may belong to the text above, however it is indented.

proc ::document::Indent {line columnsName lazy} {
    upvar 1 $columnsName columns
    variable listItem

    set text [string trimleft $line " "]
    if {$text eq ""} {
	return ""
    }
    set indent [expr {[string length $line] - [string length $text]}]
    set isItem [IsItem $line]
    if {$lazy && $columns eq "" && [string match {[0-9]*} $text] && ![regexp {^1[.)]} $text]} {
	# A number that a line happens to begin with.
	set isItem 0
    }
    if {$lazy && !$isItem && ![regexp {^(#{1,6}\s|>)} $text] && $columns ne "" && $indent < [lindex $columns end]} {
	return [string repeat " " [expr {4 * [llength $columns]}]]$text
    }
    while {$columns ne "" && $indent < [lindex $columns end]} {
	set columns [lrange $columns 0 end-1]
    }
    set depth [llength $columns]
    set inner [expr {$indent - ($depth ? [lindex $columns end] : 0)}]
    set margin [string repeat " " [expr {4 * $depth}]]
    if {$isItem && $inner <= 3} {
	regexp $listItem $line - - mark spaces rest
	set gap [expr {[string length $spaces] > 4 ? 1 : [string length $spaces]}]
	lappend columns [expr {$indent + [string length $mark] + $gap}]
	return "$margin[string map {) .} $mark] $rest"
    }
    return $margin[string repeat " " $inner]$text
}

proc ::document::IsItem {line} {
    variable listItem
    variable rule

    return [expr {[regexp $listItem $line] && ![regexp $rule $line]}]
}

# ::document::IsText --
#
#	Whether a line is part of a paragraph, which the next line may go on with.

proc ::document::IsText {line} {
    variable rule

    return [expr {[string trim $line] ne "" && ![regexp {^ {0,3}(#{1,6}\s|>|\|)} $line] && ![regexp $rule $line]}]
}

# ::document::Identify --
#
#	Gives headings the ids that links to them use.

proc ::document::Identify {html} {
    set result ""
    set from 0
    foreach {all level content} [regexp -all -inline -indices {<h([1-6])>(.*?)</h[1-6]>} $html] {
	set heading [regsub -all {<[^>]*>} [string range $html {*}$content] ""]
	set heading [string map {&lt; "" &gt; "" &amp; "" &quot; ""} $heading]
	set id [string map {" " -} [regsub -all {[^\w\- ]} [string tolower [string trim $heading]] ""]]
	dict incr seen $id
	set count [dict get $seen $id]
	if {$count > 1} {
	    append id -[expr {$count - 1}]
	}
	append result [string range $html $from [lindex $all 0]+2] " id=\"$id\""
	set from [expr {[lindex $all 0] + 3}]
    }
    return $result[string range $html $from end]
}
