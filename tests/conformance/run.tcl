# SPDX-License-Identifier: MIT
#
# run.tcl: Tcl's own test suite under tclkit, compared test by test with tclsh8.6.
#
#     tclsh8.6 tests/conformance/run.tcl BUILD SOURCE ?OPTION VALUE ...?
#     tclsh8.6 tests/conformance/run.tcl check ?OPTION VALUE ...?           tells wrong options
#     tclsh8.6 tests/conformance/run.tcl help                               the options
#
# BUILD holds tclkit and sdx, SOURCE is the source of Tcl. `./dev conformance` makes both and calls this. Modes:
#
#     native    the suite in a directory, tclkit as interpreter
#     kit       the suite in a kit, run from there
#     archive   the tests about files and channels, with their temporary directory in a writable archive
#
# Each is compared with tclsh8.6 on the directory, which runs in two ways:
#
#     tclsh     each file as a script of its own, as all.tcl does by itself; for native and archive
#     single    each file sourced by all.tcl, as all.tcl does where the files are not the host's; for kit
#
# What does worse is run twice more, alone, under both programs: a difference that is not there each time is told as
# unsteady, and is no failure. Logs stay in BUILD/conformance/MODE/FILE.log, those of the later rounds in MODE.2 and
# MODE.3.
#
# Exit status: 0 no difference but the exceptions, 1 others, or nothing to compare with, 2 wrong usage.

namespace eval conformance {
    variable here [file dirname [file normalize [info script]]]
    variable modes {native kit archive}
    # What each mode is compared with.
    variable peers {native tclsh kit single archive tclsh}
    # What needs a network.
    variable excluded {http11.test socket.test}
    # The tests about files and channels.
    variable archiveFiles {
        autoMkindex chan chanio cmdAH encoding event fCmd fileName fileSystem fileSystemEncoding io ioCmd ioTrans iogt
        pkgMkIndex pwd safe safe-stock source tm unixFCmd unixFile zlib
    }
    variable options       ;# those of the command line
    variable build
    variable source
    variable temp          ;# a directory that is gone at the end
    variable tclsh
    variable hasFailed 0
    variable help {usage: ./dev conformance [OPTION VALUE ...]

Runs Tcl's own test suite under tclkit and tclsh8.6, and compares test by test.

  -modes LIST        some of: native (the suite in a directory), kit (the suite in a kit), archive (the tests about
                     files and channels, their temporary directory in a writable archive); default: all three
  -files PATTERNS    test files by name, such as 'fCmd.test io*'; default: all
  -jobs N            test files at a time; default: one for each processor
  -limit SECONDS     for one test file; default: 1200
  -exceptions FILE   tests that may do worse, and why; default: tests/conformance/exceptions.txt

Logs are in build/release/conformance. Exit status: 0 no test does worse but the exceptions, 1 some do,
2 wrong usage.}
}
source [file join $conformance::here suite.tcl]
source [file join $conformance::here compare.tcl]

proc conformance::Misuse {message} {
    variable help
    puts stderr "conformance: $message\n\n$help"
    exit 2
}

proc conformance::ParseOptions {arguments} {
    variable here
    variable modes
    variable options
    set options [dict create -modes $modes -files * -jobs [exec nproc] -limit 1200 \
        -exceptions [file join $here exceptions.txt]]
    foreach {option value} $arguments {
        if {![dict exists $options $option]} {Misuse "unknown option \"$option\""}
        dict set options $option $value
    }
    if {[llength $arguments] % 2} {Misuse "no value after \"[lindex $arguments end]\""}
    foreach option {-modes -files} {
        set value [dict get $options $option]
        if {![string is list $value] || ![llength $value]} {Misuse "\"$value\" after $option is no list of names"}
    }
    foreach mode [dict get $options -modes] {
        if {$mode ni $modes} {Misuse "no mode is called \"$mode\""}
    }
    dict set options -modes [lsort -unique -command conformance::InOrder [dict get $options -modes]]
    foreach option {-jobs -limit} {
        set value [dict get $options $option]
        if {![regexp {^[1-9]\d{0,5}$} $value]} {Misuse "\"$value\" after $option is no number from 1 on"}
    }
    if {![file isfile [dict get $options -exceptions]]} {Misuse "no file \"[dict get $options -exceptions]\""}
}

proc conformance::InOrder {one two} {
    variable modes
    expr {[lsearch -exact $modes $one] - [lsearch -exact $modes $two]}
}

proc conformance::ParseArguments {arguments} {
    variable help
    variable build
    variable source
    switch -- [lindex $arguments 0] {
        help {
            puts $help
            exit 0
        }
        check {
            ParseOptions [lrange $arguments 1 end]
            exit 0
        }
    }
    if {[llength $arguments] < 2} {Misuse "run.tcl needs two directories, BUILD and SOURCE"}
    set arguments [lassign $arguments build source]
    set build [file normalize $build]
    set source [file normalize $source]
    ParseOptions $arguments
    foreach needed [list $build/tclkit $build/sdx $source/tests/all.tcl] {
        if {![file exists $needed]} {Misuse "couldn't find \"$needed\" (hint: ./dev conformance makes it)"}
    }
}

# --- preparing ---

proc conformance::Write {path text} {
    file mkdir [file dirname $path]
    set channel [open $path w]
    puts -nonewline $channel $text
    close $channel
}

# Comparing different releases would say nothing.
proc conformance::CheckVersions {} {
    variable build
    variable source
    variable tclsh
    set channel [open $source/generic/tcl.h]
    set isKnown [regexp {#define\s+TCL_PATCH_LEVEL\s+"(\S+)"} [read $channel] -> expected]
    close $channel
    foreach program [list $tclsh $build/tclkit] {
        set version [exec $program << {puts [info patchlevel]}]
        if {!$isKnown || $version ne $expected} {error "\"$program\" is Tcl $version, its tests are of \"$source\""}
    }
}

proc conformance::Wrap {name args} {
    variable build
    variable temp
    exec -- $build/sdx wrap $temp/$name -vfs $temp/$name.vfs -quiet {*}$args
}

# The programs that run all.tcl in each mode.
proc conformance::Prepare {mode} {
    variable here
    variable build
    variable source
    variable temp
    switch -- $mode {
        kit {
            file mkdir $temp/suite.vfs
            file copy $here/suite-main.tcl $temp/suite.vfs/main.tcl
            file copy $source/tests $temp/suite.vfs/tests
            Wrap suite
        }
        archive {
            file mkdir $temp/interpreter.vfs
            file copy $here/interpreter-main.tcl $temp/interpreter.vfs/main.tcl
            Wrap interpreter -runtime $build/tclkit
            Write $temp/disk.vfs/main.tcl "# Every kit has one.\n"
            file mkdir $temp/disk.vfs/tmp
            Wrap disk -writable
        }
    }
}

# --- running ---

# Adds the run of one file in one mode, or of its peer.
proc conformance::Add {mode file round} {
    variable build
    variable source
    variable temp
    variable tclsh
    variable excluded
    set all $source/tests/all.tcl
    set scratch $temp/$mode.$file.$round
    set run [dict create key [list $mode $file] file $file scratch $scratch log [Log $mode $file $round] \
        extra [list -notfile $excluded]]
    switch -- $mode {
        tclsh {dict set run command [list $tclsh $all]}
        single {dict set run command [list $tclsh $all -singleproc 1]}
        native {dict set run command [list $build/tclkit $all]}
        kit {dict set run command [list $build/tclkit $temp/suite -singleproc 1]}
        archive {
            dict set run command [list $temp/interpreter $all]
            dict set run copy [list $temp/disk $scratch/disk]
            dict set run tmpdir $scratch/mount/tmp
            dict set run env [list CONFORMANCE_ARCHIVE=$scratch/disk CONFORMANCE_MOUNT=$scratch/mount]
        }
    }
    suite::Add {*}$run
}

proc conformance::Log {mode file round} {
    variable build
    if {$round > 1} {append mode . $round}
    return $build/conformance/$mode/$file.log
}

proc conformance::FilesOf {mode} {
    variable source
    variable options
    variable excluded
    variable archiveFiles
    set files [suite::Files $source/tests [dict get $options -files] $excluded]
    if {$mode ne "archive"} {return $files}
    lmap file $files {expr {[file rootname $file] in $archiveFiles ? $file : [continue]}}
}

# Runs and returns a dictionary: mode -> outcomes. `plan` is mode -> files.
proc conformance::Round {plan round jobs} {
    variable options
    dict for {mode files} $plan {
        foreach file $files {Add $mode $file $round}
    }
    set outcomes [dict create]
    dict for {key result} [suite::RunAll $jobs [dict get $options -limit]] {
        lassign $key mode file
        lassign $result status seconds
        if {$seconds > 30} {puts [format "%-8s took %.0f seconds for %s" $mode $seconds $file]}
        foreach {test outcome} [suite::ReadLog $file [Log $mode $file $round] $status] {
            dict set outcomes $mode $test $outcome
        }
    }
    return $outcomes
}

# --- judging ---

# Sorts the differences of a mode. Returns a dictionary: key -> {KIND THERE HERE REASON}, with KIND excused, or worse.
proc conformance::Judge {mode exceptions there here usedVar} {
    upvar 1 $usedVar used
    set judged [dict create]
    dict for {key pair} [compare::Differences $there $here] {
        set reason [compare::Excuse $exceptions $mode $key [lindex $pair 1] used]
        dict set judged $key [list [expr {$reason ne "" ? "excused" : "worse"}] {*}$pair $reason]
    }
    return $judged
}

# A file that stopped early under tclsh8.6 leaves nothing to compare with, and so the comparison has failed.
proc conformance::CheckPeer {peer outcomes} {
    variable hasFailed
    dict for {key outcome} $outcomes {
        lassign $key file name
        if {$name ne "(end)" || $outcome ne "failed"} continue
        puts [format "%-8s %-9s %-16s stopped early: see %s" $peer FAILED [file rootname $file] [Log $peer $file 1]]
        set hasFailed 1
    }
}

# What is worse in the first round is run twice more. Returns the keys that were worse each time.
proc conformance::Steady {mode keys} {
    variable peers
    set peer [dict get $peers $mode]
    set files [lsort -unique [lmap key $keys {lindex $key 0}]]
    foreach round {2 3} {
        if {![llength $keys]} break
        set outcomes [Round [dict create $peer $files $mode $files] $round 1]
        set differences [compare::Differences [dict get $outcomes $peer] [dict get $outcomes $mode]]
        set keys [lmap key $keys {expr {[dict exists $differences $key] ? $key : [continue]}}]
    }
    return $keys
}

proc conformance::Say {mode what key there here text} {
    lassign $key file name number
    puts [format "%-8s %-9s %-16s %s: %s there, %s here%s" $mode $what [file rootname $file] \
        "$name[expr {$number > 1 ? " (number $number)" : ""}]" \
        [expr {$there eq "" ? "missing" : $there}] [expr {$here eq "" ? "missing" : $here}] \
        [expr {$text eq "" ? "" : ": $text"}]]
}

proc conformance::Report {mode exceptions there here} {
    variable hasFailed
    variable options
    set files [lsort -unique [lmap key [dict keys $here] {lindex $key 0}]]
    set there [dict filter $there script {key outcome} {expr {[lindex $key 0] in $files}}]
    set used [dict create]
    set judged [Judge $mode $exceptions $there $here used]
    set worse [dict keys [dict filter $judged script {key verdict} {string equal [lindex $verdict 0] worse}]]
    set steady [Steady $mode $worse]
    set missing [dict create]
    dict for {key verdict} $judged {
        lassign $verdict kind was is reason
        if {$is eq "" && $key in $steady} {
            # Told by file: one that stops early misses many.
            dict incr missing [lindex $key 0]
            continue
        }
        if {$kind eq "worse"} {
            set kind [expr {$key in $steady ? "WORSE" : "unsteady"}]
            set reason "see [Log $mode [lindex $key 0] 1]"
        }
        Say $mode $kind $key $was $is $reason
    }
    dict for {file count} $missing {
        puts [format "%-8s %-9s %-16s %d tests that ran there are missing here" $mode WORSE [file rootname $file] \
            $count]
    }
    if {[dict get $options -files] ne "*"} {
        # Tests of other files would count as unknown.
        set exceptions {}
    }
    foreach exception [compare::Stale $exceptions $mode $used $here] {
        puts [format "%-8s %-9s exception \"%s\" excuses nothing here: it has to go" $mode stale \
            [dict get $exception pattern]]
    }
    if {[llength $steady]} {set hasFailed 1}
    set excused [dict size [dict filter $judged script {key verdict} {string equal [lindex $verdict 0] excused}]]
    list [list $mode tclsh8.6 {*}[compare::Count $there]] \
        [list $mode tclkit {*}[compare::Count $here] [llength $steady] \
            [expr {[llength $worse] - [llength $steady]}] $excused]
}

proc conformance::PrintTable {rows} {
    puts "\n| mode | under | tests | passed | failed | skipped | worse | unsteady | excepted |"
    puts "|---|---|---|---|---|---|---|---|---|"
    foreach row $rows {
        while {[llength $row] < 9} {lappend row ""}
        puts "| [join $row { | }] |"
    }
}

proc conformance::Main {arguments} {
    variable modes
    variable peers
    variable options
    variable build
    variable temp
    variable tclsh
    variable hasFailed
    fconfigure stdout -buffering line
    ParseArguments $arguments
    set tclsh [lindex [auto_execok tclsh8.6] 0]
    CheckVersions
    set exceptions [compare::ReadExceptions [dict get $options -exceptions] $modes]
    set temp [file normalize [exec mktemp -d -t starlit.XXXXXX]]
    try {
        set plan [dict create]
        foreach mode [dict get $options -modes] {
            set files [FilesOf $mode]
            if {![llength $files]} {
                puts [format "%-8s has no test file that fits \"%s\"" $mode [dict get $options -files]]
                continue
            }
            Prepare $mode
            dict set plan $mode $files
            foreach file $files {dict set planned [dict get $peers $mode] $file 1}
        }
        if {![dict size $plan]} {error "there is nothing to run"}
        set plannedModes [dict keys $plan]
        dict for {peer files} $planned {dict set plan $peer [dict keys $files]}
        puts "[llength [concat {*}[dict values $plan]]] runs of test files, [dict get $options -jobs] at a time;\
            what they say: [file join $build conformance]"
        set started [clock seconds]
        set outcomes [Round $plan 1 [dict get $options -jobs]]
        foreach peer [dict keys $planned] {CheckPeer $peer [dict get $outcomes $peer]}
        set rows {}
        foreach mode $plannedModes {
            lappend rows {*}[Report $mode $exceptions [dict get $outcomes [dict get $peers $mode]] \
                [dict get $outcomes $mode]]
        }
        PrintTable $rows
        puts "\n[expr {[clock seconds] - $started}] seconds"
    } finally {
        file delete -force $temp
    }
    exit $hasFailed
}

if {[catch {conformance::Main $argv} message]} {
    puts stderr "conformance: $message"
    exit 1
}
