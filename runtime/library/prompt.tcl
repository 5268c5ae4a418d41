# SPDX-License-Identifier: MIT
#
# The prompt of the shell, when the user has set tcl_prompt1 or tcl_prompt2.
#
#     ::starlit::prompt script  ->  text
#
# In tclsh such a script writes its prompt to stdout.  The line editor has to
# know the prompt instead, to draw it again.  So what the script writes is
# caught: a transformation on top of stdout takes everything and passes on
# nothing.  What precedes the last line is written out at once; the last line is
# the result.  Colours and other control sequences in it are enclosed in the
# character \x01, which tells the line editor that they take no room.
#
# Errors of the script are the caller's to report.

namespace eval ::starlit {
    namespace eval capture {
	namespace export initialize finalize write flush
	namespace ensemble create
	variable bytes {}
    }
}

proc ::starlit::capture::initialize {handle mode} {
    variable bytes {}
    return {initialize finalize write flush}
}

proc ::starlit::capture::finalize {handle} {
}

proc ::starlit::capture::write {handle data} {
    variable bytes
    append bytes $data
    return {}
}

proc ::starlit::capture::flush {handle} {
    return {}
}

# ::starlit::prompt --
#
#	Evaluates a prompt script at the global level and catches its output.
#
# Results:
#	The last line of the output, with control sequences marked.

proc ::starlit::prompt {script} {
    flush stdout
    chan push stdout ::starlit::capture
    try {
	uplevel #0 $script
	flush stdout
    } finally {
	chan pop stdout
    }
    set text [encoding convertfrom [chan configure stdout -encoding] \
	    $::starlit::capture::bytes]
    set end [string last \n $text]
    puts -nonewline [string range $text 0 $end]
    flush stdout
    return [MarkInvisible [string range $text $end+1 end]]
}

# ::starlit::MarkInvisible --
#
#	Encloses control sequences (ECMA-48, and titles ended by BEL).  The
#	editor drops one at the very end, so the last visible character changes
#	places with it.

proc ::starlit::MarkInvisible {text} {
    set sequence {\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007]*\u0007|[@-Z^_=>])}
    set text [string map [list \u0001 ""] $text]
    regsub "(\[^\u001b\])((?:$sequence)+)\$" $text {\2\1} text
    return [regsub -all "(?:$sequence)+" $text "\u0001&\u0001"]
}
