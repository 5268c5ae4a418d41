# SPDX-License-Identifier: MIT
#
# compare.tcl: two runs of the suite, test by test, and the exceptions.
#
# Rules:
# 1. A difference is told when the test does worse: it is missing here and not there; it is skipped here and ran
#    there; it fails here and not there. One that does better is none.
# 2. An exception excuses one kind of difference, `failed` or `skipped`; a missing test is never excused, nor is a
#    file that stopped early.
# 3. An exception that excuses nothing, although its tests ran, is told: it has to go.
#
# exceptions.txt holds lines of four fields between tabs: modes (native, kit, archive, several with commas), name of
# the test (a glob pattern), kind, reason. Lines that begin with # are comments.

namespace eval compare {}

# Returns a list of dictionaries {modes pattern kind reason}.
proc compare::ReadExceptions {path modes} {
    set channel [open $path]
    fconfigure $channel -encoding utf-8
    set lines [split [read $channel] \n]
    close $channel
    set exceptions {}
    set number 0
    foreach line $lines {
        incr number
        if {$line eq "" || [string match #* $line]} continue
        set fields [split $line \t]
        lassign $fields where pattern kind reason
        if {[llength $fields] != 4 || $reason eq "" || $kind ni {failed skipped}} {
            error "$path:$number: must be MODES, NAME, failed or skipped, REASON, with tabs between"
        }
        foreach mode [split $where ,] {
            if {$mode ni $modes} {error "$path:$number: no mode is called \"$mode\""}
        }
        lappend exceptions [dict create modes [split $where ,] pattern $pattern kind $kind reason $reason]
    }
    return $exceptions
}

# Whether a test does worse here than there. "" stands for a test that is missing.
proc compare::IsWorse {there here} {
    if {$here eq $there || $here eq "passed"} {return 0}
    if {$here eq "skipped"} {return [expr {$there in {passed failed}}]}
    return 1
}

# Returns a dictionary: {FILE NAME NUMBER} -> {THERE HERE} of each test that does worse here.
proc compare::Differences {there here} {
    set worse [dict create]
    set keys [dict keys [dict merge $there $here]]
    foreach key $keys {
        set was [expr {[dict exists $there $key] ? [dict get $there $key] : ""}]
        set is [expr {[dict exists $here $key] ? [dict get $here $key] : ""}]
        if {[IsWorse $was $is]} {dict set worse $key [list $was $is]}
    }
    return $worse
}

# The reason that excuses a difference, or "". Names the exception's index in usedVar.
proc compare::Excuse {exceptions mode key kind usedVar} {
    upvar 1 $usedVar used
    lassign $key file name
    if {$name eq "(end)"} {return ""}
    set index -1
    foreach exception $exceptions {
        incr index
        if {$mode in [dict get $exception modes] && $kind eq [dict get $exception kind]
                && [string match [dict get $exception pattern] $name]} {
            dict set used $index 1
            return [dict get $exception reason]
        }
    }
    return ""
}

# The exceptions of a mode that excused nothing, although one of their tests has run here, or none is known. To be
# asked after a run of all files.
proc compare::Stale {exceptions mode used here} {
    set stale {}
    set index -1
    foreach exception $exceptions {
        incr index
        if {$mode ni [dict get $exception modes] || [dict exists $used $index]} continue
        set isKnown 0
        set hasRun 0
        dict for {key outcome} $here {
            if {![string match [dict get $exception pattern] [lindex $key 1]]} continue
            set isKnown 1
            if {$outcome ne "skipped"} {set hasRun 1}
        }
        if {$hasRun || !$isKnown} {lappend stale $exception}
    }
    return $stale
}

# How many tests of outcomes came to what: a list of tests, passed, failed, skipped. The ends of files count when they
# failed.
proc compare::Count {outcomes} {
    set count [dict create passed 0 failed 0 skipped 0]
    dict for {key outcome} $outcomes {
        if {[lindex $key 1] ne "(end)" || $outcome eq "failed"} {dict incr count $outcome}
    }
    dict with count {list [expr {$passed + $failed + $skipped}] $passed $failed $skipped}
}
