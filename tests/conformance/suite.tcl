# SPDX-License-Identifier: MIT
#
# suite.tcl: runs Tcl's own test suite, each file in a process of its own, and reads what became of each test.
#
# A log is what tests/all.tcl prints for one file with the verbosity `pass skip start body error`:
#
#     ---- NAME start                     the body begins
#     ++++ NAME PASSED
#     ++++ NAME SKIPPED: CONSTRAINT
#     ==== NAME DESCRIPTION FAILED        then body, result and expectation; then
#     ==== NAME FAILED
#     Test file error: MESSAGE            the file stopped before its end
#     all.tcl:  Total N  Passed N ...     the end
#
# Outcomes are a dictionary: {FILE NAME NUMBER} -> passed, failed or skipped, where NUMBER counts tests of one name in
# one file, from 1. The end of each file counts as a test as well, named "(end)": failed when an error or a signal
# stopped the file, or it took longer than its time. One that exits early is known by the tests that are missing.
#
# Rules:
# 1. Every process runs in a scratch directory of its own, which is gone afterwards. Its home directory is an empty
#    one there: fCmd-8.3 tries to copy it.
# 2. What a process leaves behind (children, locks, ports) meets only the time limit of its own process group. Who
#    interrupts the whole, interrupts all of them.
# 3. The environment says nothing of the host's Tcl, and names the locale C.UTF-8: under another, some tests are
#    skipped.

namespace eval suite {
    variable verbosity {pass skip start body error}
    variable running 0       ;# processes at work
    variable waiting {}      ;# dictionaries of the runs to come, see Run
    variable finished {}     ;# of those that are done, see RunAll

    # Runs the words behind it, with output to the file $1, and prints their exit status. timeout(1) makes a process
    # group of its own, which Ctrl-C does not reach.
    variable wrapper {log=$1; shift
        trap 'kill $child; exit 1' HUP INT TERM
        "$@" >"$log" 2>&1 </dev/null & child=$!
        wait $child; echo $?
    }
}

# The names of the test files of a suite, the large ones first: they tend to take longest.
proc suite::Files {testsDir patterns exclude} {
    set sized {}
    foreach path [glob -directory $testsDir -- *.test] {
        set name [file tail $path]
        if {$name ni $exclude && [lsearch -exact [lmap pattern $patterns {string match $pattern $name}] 1] >= 0} {
            lappend sized [list [file size $path] $name]
        }
    }
    lmap pair [lsort -integer -decreasing -index 0 [lsort -index 1 $sized]] {lindex $pair 1}
}

# Adds a run of one test file to those waiting.
#   key       what names it in the results
#   command   runs all.tcl: words, to which options are added
#   file      the test file
#   scratch   the working directory; -tmpdir is tmpdir, or `tmp` in it
#   log       where its output goes
#   extra     further options of all.tcl; env: what the environment has besides, as NAME=VALUE
#   copy      a file to be copied before: {FROM TO}
proc suite::Add {args} {
    variable waiting
    set run [dict merge {tmpdir "" extra {} env {} copy {}} $args]
    foreach field {key command file scratch log} {dict get $run $field}
    lappend waiting $run
}

# Runs what is waiting, `jobs` at a time, each for limitSeconds at most. Returns a dictionary: key -> {STATUS
# SECONDS}, with the exit status, "time" for one that was ended, or "lost".
proc suite::RunAll {jobs limitSeconds} {
    variable running
    variable waiting
    variable finished
    set finished {}
    set waitingNow $waiting
    set waiting {}
    foreach run $waitingNow {
        while {$running >= $jobs} {vwait ::suite::running}
        Start $run $limitSeconds
    }
    while {$running > 0} {vwait ::suite::running}
    return $finished
}

proc suite::Start {run limitSeconds} {
    variable verbosity
    variable wrapper
    variable running
    dict with run {
        file delete -force $scratch $log  ;# an old log says nothing of this run
        file mkdir $scratch/tmp $scratch/home [file dirname $log]
        close [open $log w]  ;# fails here rather than in the wrapper
        if {[llength $copy]} {file copy {*}$copy}
        if {$tmpdir eq ""} {set tmpdir $scratch/tmp}
        set words [list env -C $scratch {*}[Unset {^(TCL|LANG|LC_)}] LC_ALL=C.UTF-8 HOME=$scratch/home {*}$env \
            timeout -k 5 $limitSeconds {*}$command -file $file -tmpdir $tmpdir -verbose $verbosity {*}$extra]
    }
    set pipe [open |[list sh -c $wrapper sh [dict get $run log] {*}$words]]
    fconfigure $pipe -blocking 0
    fileevent $pipe readable [list suite::Finish $pipe $run [clock milliseconds]]
    incr running
}

# What tells env(1) to leave out the variables whose names fit.
proc suite::Unset {pattern} {
    lmap name [array names ::env -regexp $pattern] {string cat --unset= $name}
}

proc suite::Finish {pipe run startedMs} {
    variable running
    variable finished
    if {[gets $pipe status] < 0} {
        if {![eof $pipe]} return
        set status "lost"
    }
    fconfigure $pipe -blocking 1
    catch {close $pipe}
    # timeout(1) exits with 124, or with 137 when it had to use SIGKILL.
    if {$status in {124 137}} {set status time}
    file delete -force [dict get $run scratch]
    dict set finished [dict get $run key] [list $status [expr {([clock milliseconds] - $startedMs) / 1000.0}]]
    incr running -1
}

# The outcomes in one log. `status` is that of its process.
proc suite::ReadLog {file log status} {
    set channel [open $log]
    fconfigure $channel -encoding utf-8
    set lines [split [read $channel] \n]
    close $channel
    set outcomes [dict create]
    set count [dict create]
    set failing ""
    set hasEnded 0
    set isWhole [expr {$status eq "0"}]
    foreach line $lines {
        if {[regexp {^\+\+\+\+ (.+) (PASSED|SKIPPED)(: .*)?$} $line -> name outcome]} {
            set outcome [string tolower $outcome]
        } elseif {[regexp {^==== (.+) FAILED$} $line -> name]} {
            if {$failing eq "" || ![string match "[Escape $name] *" $failing]} {
                set failing "$name "
                continue
            }
            set failing ""
            set outcome failed
        } else {
            if {[string match "Test file error: *" $line]} {set isWhole 0}
            if {[regexp {^all\.tcl:\tTotal\t\d+\tPassed\t\d+\tSkipped\t\d+\tFailed\t\d+$} $line]} {set hasEnded 1}
            continue
        }
        dict incr count $name
        dict set outcomes [list $file $name [dict get $count $name]] $outcome
    }
    dict set outcomes [list $file (end) 1] [expr {$isWhole && $hasEnded ? "passed" : "failed"}]
    return $outcomes
}

proc suite::Escape {text} {regsub -all {[][*?\\]} $text {\\&}}
