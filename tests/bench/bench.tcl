# SPDX-License-Identifier: MIT
#
# The benchmark: what Starlit's files cost beside the programs that people would use instead.
#
#     tclsh8.6 tests/bench/bench.tcl BUILD_DIR ?-quick? ?PART ...?
#
# BUILD_DIR holds tclkit, sdx, safekit and bench/{measure,empty,floor ...}. -quick takes a tenth of the rounds, to try this
# script. Parts are Start (which is always measured), Packages, Pack, Inner, Reads, Foreign, Update, Writing, Large,
# Huge (not with -quick), Many, Listing and Jail; Pack needs Packages, and Reads needs Inner.
# `./dev bench` builds these and calls this.
#
# Rules:
#  1. Every figure of the first table is a ratio against a peer measured in the same run, in turns (see measure.cpp).
#  2. Everything happens in one new temporary folder, on one file system; it is gone at the end.
#  3. What is compared does the same work: the outputs are looked at before anything is measured.
#  4. A ratio over its limit is said, and is no failure: exit status 1 means that something could not be measured.
#
# Prints measure's tables while it works, and ends with two Markdown tables: the ratios, and the floors of start-up.

namespace eval bench {
    variable here [file dirname [file normalize [info script]]]
    variable tcllib /usr/share/tcltk/tcllib1.21
    variable sizes {kits 100  tcllib 40  wrap 10  inner 15  large 5}

    variable build      ;# where the programs are
    variable temp       ;# rule 2
    variable quick 0
    variable rows {}    ;# of the first table: what, limit, ratio
    variable plan {}    ;# lines of the plan being written, see Command
    variable result     ;# (command name,column) of the last Measure, as measure -o names its columns
}

# --- files ---

proc bench::Write {path text} {
    file mkdir [file dirname $path]
    set channel [open $path w]
    puts -nonewline $channel $text
    close $channel
}

proc bench::Read {path} {
    set channel [open $path]
    try {read $channel} finally {close $channel}
}

proc bench::Rounds {key} {
    variable sizes
    variable quick
    set rounds [dict get $sizes $key]
    expr {$quick ? max(3, $rounds / 10) : $rounds}
}

# Runs a program once and insists on what it prints.
proc bench::Expect {output args} {
    set got [exec -- {*}$args]
    if {$got ne $output} {error "\"[join $args]\" printed \"$got\", not \"$output\""}
}

proc bench::Need {path} {
    set found [auto_execok $path]
    if {$found eq ""} {error "couldn't find the program \"$path\" (hint: ./dev setup && ./dev build)"}
    file normalize [lindex $found 0]
}

# --- measuring ---

# Adds a command to the plan. Options: -root DIR, -cwd DIR, -before LIST, as measure.cpp describes them.
proc bench::Command {name argv args} {
    variable plan
    lappend plan [join [list command $name {*}$argv] \t]
    foreach {option value} $args {
        lappend plan [join [list [string range $option 1 end] {*}$value] \t]
    }
}

# Measures the plan and empties it. The first command is the baseline.
proc bench::Measure {title rounds} {
    variable plan
    variable temp
    variable build
    variable result
    Write $temp/plan [join $plan \n]\n
    set plan {}
    puts "\n$title"
    exec -- $build/bench/measure -n $rounds -w 2 -o $temp/table $temp/plan >@ stdout 2>@ stderr
    array unset result
    set lines [split [string trim [Read $temp/table]] \n]
    set columns [split [lindex $lines 0] \t]
    foreach line [lrange $lines 1 end] {
        foreach column $columns value [split $line \t] {
            set result([lindex [split $line \t] 0],$column) $value
        }
    }
}

proc bench::Row {what limit ratio} {
    variable rows
    lappend rows $what $limit $ratio
}

proc bench::Sdx {args} {
    variable build
    if {[catch {exec -- $build/sdx {*}$args 2>@ stderr} message]} {
        error "\"sdx [join $args]\" failed: $message"
    }
}

# --- what is measured ---

proc bench::Start {} {
    variable temp
    variable build
    variable result
    set runtime $build/tclkit
    set tclsh [Need tclsh8.6]

    Write $temp/hello.tcl "puts hello\n"
    Write $temp/hello.vfs/main.tcl "puts hello\n"
    Write $temp/startup.vfs/main.tcl "package require starkit\nstarkit::startup\nputs hello\n"
    Sdx wrap $temp/hello -vfs $temp/hello.vfs -runtime $runtime
    Sdx wrap $temp/startup -vfs $temp/startup.vfs -runtime $runtime
    Sdx wrap $temp/hello.kit -vfs $temp/hello.vfs
    file mkdir $temp/root
    file copy $temp/hello $temp/root/hello
    foreach argv [list [list $tclsh $temp/hello.tcl] $temp/hello $temp/startup $build/bench/floor \
            [list $runtime $temp/hello.kit] [list $runtime $temp/hello.tcl]] {
        Expect hello {*}$argv
    }

    Command tclsh8.6 [list $tclsh $temp/hello.tcl]
    Command starpack $temp/hello
    Command "starpack, empty root" /hello -root $temp/root
    Command "starpack, starkit::startup" $temp/startup
    Command "tclkit hello.kit" [list $runtime $temp/hello.kit]
    Command "tclkit hello.tcl" [list $runtime $temp/hello.tcl]
    Command "bare interpreter" $build/bench/floor
    Command "empty static program" $build/bench/empty
    Measure "Start to exit of \"puts hello\"" [Rounds kits]

    Row {start to exit of `puts hello` as a starpack, against `tclsh8.6`} 0.75 $result(starpack,x_wall)
    Row {the same inside an empty root} 0.75 "$result(starpack, empty root,x_wall)"
}

# The floors, from the figures that Start left: must be called before the next Measure.
proc bench::Floors {} {
    variable result
    set table "| start to exit | ms | of it CPU | memory, KiB |\n|---|---|---|---|\n"
    foreach name {"empty static program" "bare interpreter" starpack "starpack, empty root" "starpack, starkit::startup"
            "tclkit hello.kit" "tclkit hello.tcl" tclsh8.6} {
        append table [format "| %s | %.2f | %.2f | %.0f |\n" $name $result($name,median_ms) $result($name,cpu_ms) \
            $result($name,rss_kib)]
    }
    return $table
}

proc bench::Packages {} {
    variable temp
    variable build
    variable result
    variable tcllib
    set tclsh [Need tclsh8.6]
    set body "package require json\npackage require struct::graph\nputs hello\n"
    Write $temp/packages.tcl "if {{[file dirname $tcllib]} ni \$auto_path} {lappend auto_path {[file dirname $tcllib]}}\n$body"
    Write $temp/packages.vfs/main.tcl "package require starkit\nstarkit::startup\n$body"
    file mkdir $temp/packages.vfs/lib
    exec cp -a $tcllib $temp/packages.vfs/lib/
    Sdx wrap $temp/packages -vfs $temp/packages.vfs -runtime $build/tclkit
    Expect hello $tclsh $temp/packages.tcl
    Expect hello $temp/packages

    Command tclsh8.6 [list $tclsh $temp/packages.tcl]
    Command starpack $temp/packages
    Measure "All of tcllib: package require json and struct::graph" [Rounds tcllib]
    Row {all of tcllib in a starpack, `package require` of json and struct::graph, against `tclsh8.6`} 0.45 \
        $result(starpack,x_wall)
}

proc bench::Pack {} {
    variable temp
    variable build
    variable result
    set tree $temp/packages.vfs
    set rm [Need rm]
    file mkdir $temp/out

    Command "sqlite3 -A -c" [list [Need sqlite3] $temp/out/peer.db -A -c .] -cwd $tree \
        -before [list $rm -f $temp/out/peer.db]
    Command "sdx wrap" [list $build/sdx wrap $temp/out/tcllib.kit -vfs $tree] -before [list $rm -f $temp/out/tcllib.kit]
    Measure "Packing tcllib's tree" [Rounds wrap]
    Row {`sdx wrap` of tcllib's tree, time, against `sqlite3 -A -c`} 0.5 "$result(sdx wrap,x_wall)"

    Command "zip -9" [list [Need zip] -9 -q -r -X $temp/out/peer.zip .] -cwd $tree -before [list $rm -f $temp/out/peer.zip]
    Command "sdx wrap" [list $build/sdx wrap $temp/out/tcllib.kit -vfs $tree] -before [list $rm -f $temp/out/tcllib.kit]
    Measure "Packing tcllib's tree, zip -9 beside" [Rounds wrap]
    Row {the same, against `zip -9`} 0.25 "$result(sdx wrap,x_wall)"

    Sdx wrap $temp/out/best.kit -vfs $tree -level 12
    exec sh -c {cd "$1" && exec zip -9 -q -r -X "$2" .} sh $tree $temp/out/best.zip
    foreach {what file} {"sdx wrap" tcllib.kit "sdx wrap -level 12" best.kit "sqlite3 -A -c" peer.db "zip -9" best.zip} {
        puts [format "%-30s %d bytes" $what [file size $temp/out/$file]]
    }
    Row {`sdx wrap -level 12` of it, size, against `zip -9`} 0.97 \
        [expr {double([file size $temp/out/best.kit]) / [file size $temp/out/best.zip]}]

    file mkdir $temp/unpacked $temp/copied
    Command "cp -r" [list [Need cp] -r $tree $temp/copied/tcllib.vfs] -before [list $rm -rf $temp/copied/tcllib.vfs]
    Command "sdx unwrap" [list $build/sdx unwrap $temp/out/tcllib.kit] -cwd $temp/unpacked \
        -before [list $rm -rf $temp/unpacked/tcllib.vfs]
    Measure "Unpacking tcllib's tree" [Rounds wrap]
    Expect "" diff -r $tree $temp/unpacked/tcllib.vfs
    Row {`sdx unwrap` of it, against `cp -r`} 1.5 "$result(sdx unwrap,x_wall)"

    Command "unzip" [list [Need unzip] -q $temp/out/best.zip -d $temp/unpacked/peer] \
        -before [list $rm -rf $temp/unpacked/peer]
    Command "sdx unwrap" [list $build/sdx unwrap $temp/out/best.kit] -cwd $temp/unpacked \
        -before [list $rm -rf $temp/unpacked/best.vfs]
    Measure "Unpacking it, unzip beside" [Rounds wrap]
    Expect "" diff -r $temp/unpacked/peer $temp/unpacked/best.vfs
    Row {the same, against `unzip`} 0.8 "$result(sdx unwrap,x_wall)"
}

proc bench::Inner {} {
    variable here
    variable temp
    variable build
    variable tcllib
    set library lib/[file tail $tcllib]
    file rename $temp/packages.vfs $temp/inner.vfs
    file copy $here/inner.tcl $temp/inner.vfs/inner.tcl
    Write $temp/inner.vfs/main.tcl [string map [list @LIBRARY@ $library] {
        package require starkit
        starkit::startup
        set argv [linsert $argv 0 [file join $starkit::topdir @LIBRARY@]]
        source [file join $starkit::topdir inner.tcl]
    }]
    Sdx wrap $temp/inner -vfs $temp/inner.vfs -runtime $build/tclkit
    set output [exec -- $temp/inner $temp/inner.vfs/$library [Rounds inner] 2>@ stderr]

    puts "\nWithin one interpreter: the archive and the native file system, microseconds for all of tcllib"
    puts [format "%-10s %10s %10s %8s %8s" task archive native ratio number]
    foreach line [split $output \n] {
        lassign [split $line \t] task archive_us native_us ratio number
        puts [format "%-10s %10s %10s %8.3f %8s" $task $archive_us $native_us $ratio $number]
        set ratios($task) $ratio
    }
    Row {opening, reading and closing every file of it, against the native file system} 4.5 $ratios(read)
    Row {stat of every file, against native} 1.2 $ratios(stat)
    Row {`file exists` of names that are not there, against native} 1.2 $ratios(missing)
    Row {glob of every directory, against native} 1.2 $ratios(glob)
}

# The median of what `script`, run in the caller, returns.
proc bench::Median {rounds script} {
    set values {}
    for {set i 0} {$i < $rounds} {incr i} {lappend values [uplevel 1 $script]}
    lindex [lsort -real $values] [expr {$rounds / 2}]
}

proc bench::Reads {} {
    variable here
    variable temp
    variable build
    variable tcllib
    set inside lib/[file tail $tcllib]
    Sdx wrap $temp/reads.kit -vfs $temp/inner.vfs
    set first {}
    set second {}
    for {set i 0} {$i < [Rounds inner]} {incr i} {
        lassign [exec $build/tclkit $here/reads.tcl $temp/reads.kit $inside $temp/inner.vfs/$inside \
            [expr {$i % 2 ? "archive" : "native"}]] archive1 archive2 native1 native2
        lappend first [expr {double($archive1) / $native1}]
        lappend second [expr {double($archive2) / $native2}]
    }
    set middle [expr {[llength $first] / 2}]
    Row {first read of every file of it in a kit, new process, against native} 4.0 [lindex [lsort -real $first] $middle]
    Row {the second read of every file} 2.0 [lindex [lsort -real $second] $middle]
}

proc bench::Foreign {} {
    variable here
    variable temp
    variable build
    variable result
    variable tcllib
    set script $here/foreign.tcl
    set tclsh [Need tclsh8.6]
    set tclkit $build/tclkit
    exec cp -a $tcllib $temp/foreign.vfs
    Write $temp/foreign.vfs/main.tcl ""
    exec sh -c {cd "$1" && exec zip -9 -q -r -X "$2" .} sh $temp/foreign.vfs $temp/foreign.zip
    exec $tclsh $script metakit $temp/foreign.vfs $temp/foreign.mk
    Sdx wrap $temp/foreign.kit
    set all [exec $tclsh $script zip $temp/foreign.zip]
    foreach {driver file} {zip foreign.zip mk4 foreign.mk} {Expect $all $tclkit $script $driver $temp/$file}

    Command "vfs::zip, tclsh8.6" [list $tclsh $script zip $temp/foreign.zip]
    Command "vfs::zip, tclkit" [list $tclkit $script zip $temp/foreign.zip]
    Measure "Mounting a zip file of tcllib and reading all of it" [Rounds wrap]
    Row {mounting a zip file of tcllib and reading all of it, against Debian's `vfs::zip` under `tclsh8.6`} 0.3 \
        "$result(vfs::zip, tclkit,x_wall)"

    Command own [list $tclkit $script sqlar $temp/foreign.kit]
    Command metakit [list $tclkit $script mk4 $temp/foreign.mk]
    Measure "The same of a Metakit file, our own kit beside" [Rounds wrap]
    Row {the same of a Metakit file, time, against our own archive} 2.0 $result(metakit,x_wall)
}

# 100 MB of Tcl's own libraries, cut anew into 400 files.
proc bench::Update {} {
    variable temp
    variable build
    variable result
    variable tcllib
    set rm [Need rm]
    set text ""
    foreach path [lsort [glob $tcllib/*/*.tcl]] {append text [Read $path]}
    set size 262144
    set room [expr {[string length $text] - $size}]
    for {set i 0} {$i < 400} {incr i} {
        set start [expr {$i * 7919 * 127 % $room}]
        Write $temp/update.vfs/[expr {$i % 20}]/$i.txt [string range $text $start [expr {$start + $size - 1}]]
    }
    Write $temp/update.vfs/main.tcl ""
    Sdx wrap $temp/update.kit -vfs $temp/update.vfs

    Command "sdx wrap" [list $build/sdx wrap $temp/updated.kit -vfs $temp/update.vfs] -before [list $rm -f $temp/updated.kit]
    Command "sdx update" [list $build/sdx update $temp/update.kit] \
        -before [list [Need sh] -c "date +%N >>$temp/update.vfs/7/7.txt"]
    Measure "One changed file in a kit of 100 MB" [Rounds large]
    Expect "" $build/sdx diff $temp/update.kit $temp/update.vfs -times
    Row {`sdx update` of one changed file in a 100 MB kit, against a new wrap} 0.05 "$result(sdx update,x_wall)"
    file delete -force $temp/update.vfs $temp/update.kit $temp/updated.kit
}

proc bench::Writing {} {
    variable temp
    variable build
    variable result
    variable tcllib
    set rm [Need rm]
    Write $temp/empty.vfs/main.tcl ""
    Sdx wrap $temp/empty.kit -writable -vfs $temp/empty.vfs
    Write $temp/one.tcl "vfs::sqlar::Mount $temp/target.kit
        vfs::sqlar::transaction $temp/target.kit {file copy $tcllib $temp/target.kit/tree}"
    Write $temp/each.tcl [string map [list @FROM@ $tcllib @KIT@ $temp/target.kit] {
        proc Copy {from to} {
            file mkdir $to
            foreach name [glob -directory $from -tails *] {
                if {[file isdirectory $from/$name]} {Copy $from/$name $to/$name} else {file copy $from/$name $to/$name}
            }
        }
        vfs::sqlar::Mount @KIT@
        Copy @FROM@ @KIT@/tree
    }]
    set fresh [list [Need cp] $temp/empty.kit $temp/target.kit]

    Command "cp -r" [list [Need cp] -r $tcllib $temp/copied.tree] -before [list $rm -rf $temp/copied.tree]
    Command "file copy, one transaction" [list $build/tclkit $temp/one.tcl] -before $fresh
    Measure "Writing tcllib's tree into a kit" [Rounds wrap]
    Expect ok [Need sqlite3] --append $temp/target.kit "pragma integrity_check"
    Row {writing tcllib's tree into a writable kit, `file copy` in one transaction, against `cp -r`} 2.0 \
        "$result(file copy, one transaction,x_wall)"

    Command "synccopy" [list $build/bench/synccopy $tcllib $temp/copied.tree] -before [list $rm -rf $temp/copied.tree]
    Command "file copy" [list $build/tclkit $temp/each.tcl] -before $fresh
    Measure "The same, every file durable before the next" [Rounds wrap]
    Row {the same, each file a durable commit, against a copy that syncs each file} 1.0 "$result(file copy,x_wall)"
}

proc bench::Large {} {
    variable here
    variable temp
    variable build
    variable result
    set size [expr {1 << 30}]
    Write $temp/large.vfs/main.tcl ""
    Write $temp/text.vfs/main.tcl ""
    exec head -c $size /dev/urandom > $temp/large.vfs/noise
    Sdx wrap $temp/large.kit -vfs $temp/large.vfs
    # Each read comes from the disk, as far as the kernel can be told to forget.
    set forget [list [Need dd] iflag=nocache count=0 status=none]
    Command cat [list [Need cat] $temp/large.vfs/noise] -before [list {*}$forget if=$temp/large.vfs/noise]
    Command stream [list $build/tclkit $here/large.tcl stream $temp/large.kit noise] \
        -before [list {*}$forget if=$temp/large.kit]
    Measure "A stored member of 1 GB" [Rounds large]
    Row {stream of a 1 GB stored member against `cat` of it from disk} 1.3 $result(stream,x_wall)
    Row {memory of that, in units of 32 MB} 1.0 [expr {$result(stream,rss_kib) / 32768.0}]
    file delete -force $temp/large.vfs $temp/large.kit

    exec sh -c "yes 'A line of text, which deflates well: the quick brown fox' | head -c $size > $temp/text.vfs/text"
    Sdx wrap $temp/text.kit -level 1 -vfs $temp/text.vfs
    file delete -force $temp/text.vfs
    Row {a random 4 KB read in a 1 GB compressed member, against reading the whole} 0.01 \
        [Median 3 {exec $build/tclkit $here/large.tcl random $temp/text.kit text}]
    file delete $temp/text.kit
}

# A member of 16 GB, whose memory is tested while it is written and read: it takes a minute or two.
proc bench::Huge {} {
    variable here
    variable build
    set start [clock milliseconds]
    exec env STARLIT_HUGE=16 $build/tclkit $here/../vfs/huge.test >@stdout 2>@stderr
    puts "a member of 16 GB, written and read: [expr {([clock milliseconds] - $start) / 1000}] s\n"
}

proc bench::Many {} {
    variable here
    variable temp
    variable build
    variable result
    foreach count {10 1000 1000000} {
        exec sqlite3 $temp/many$count.db "CREATE TABLE sqlar(name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB);
            WITH n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $count)
            INSERT INTO sqlar SELECT 'm' || i, 33188, i, 4, x'61626364' FROM n"
    }
    Command 10 [list $build/tclkit $here/large.tcl mount $temp/many10.db]
    Command 1000000 [list $build/tclkit $here/large.tcl mount $temp/many1000000.db]
    Measure "Mounting archives of 10 and of 1,000,000 members" [Rounds tcllib]
    Row {mount of an archive with 1,000,000 members, against one with 10} 1.2 $result(1000000,x_wall)
    Row {stat in it, against stat in one with 1,000} 1.5 [Median [Rounds inner] {
        expr {double([exec $build/tclkit $here/large.tcl stat $temp/many1000000.db 1000000]) /
            [exec $build/tclkit $here/large.tcl stat $temp/many1000.db 1000]}
    }]
}

proc bench::Listing {} {
    variable temp
    variable build
    variable result
    set tree $temp/listing.vfs
    # A thousand directories of 98 files, whose times lie anywhere in two years.
    Write $tree/main.tcl ""
    for {set i 0} {$i < 1000} {incr i} {file mkdir $tree/lib/package$i}
    for {set i 0} {$i < 98998} {incr i} {
        set path $tree/lib/package[expr {$i % 1000}]/file$i.tcl
        close [open $path w]
        file mtime $path [expr {1600000000 + $i * 7919 % 63072000}]
    }
    Sdx wrap $temp/listing.kit -vfs $tree
    exec sh -c {cd "$1" && exec zip -q -r "$2" .} sh $tree $temp/listing.zip
    file delete -force $tree
    set peer [list [Need unzip] -l $temp/listing.zip]
    set ours [list $build/sdx lsk $temp/listing.kit]
    foreach command [list $peer $ours] {Expect 98998 {*}$command | grep -c {file[0-9]*[.]tcl$}}

    Command "unzip -l" $peer
    Command "sdx lsk" $ours
    Measure "Listing 100,000 members" [Rounds wrap]
    Row {`sdx lsk` of a kit of 100,000 members, against `unzip -l` of the same} 1.0 "$result(sdx lsk,x_wall)"
}

proc bench::Jail {} {
    variable here
    variable temp
    variable build
    variable result
    # Root's safekit is nobody inside.
    file attributes $temp -permissions 0755
    set safekit $build/safekit
    set tclkit $build/tclkit
    Expect hello $safekit $temp/hello.kit
    set inside [list [Need bwrap] --unshare-all --ro-bind /usr /usr --symlink usr/lib /lib --symlink usr/lib64 /lib64 \
        --symlink usr/bin /bin /bin/true]

    Command tclkit [list $tclkit $temp/hello.kit]
    Command safekit [list $safekit $temp/hello.kit]
    Measure "hello, outside and locked in" [Rounds kits]
    Row {`safekit hello.kit`, all layers, start to exit, against `tclkit hello.kit`} 2.0 $result(safekit,x_wall)

    Command bwrap $inside
    Command safekit [list $safekit $temp/hello.kit]
    Measure "hello in safekit, and /bin/true in bubblewrap" [Rounds kits]
    Row {the same, against `bwrap --unshare-all ... /bin/true`} 1.0 $result(safekit,x_wall)

    set files [list $here/jailed.tcl files $temp/hello.tcl 20000]
    Command tclkit [list $tclkit {*}$files]
    Command safekit [list $safekit --ro-bind $temp/hello.tcl $temp/hello.tcl {*}$files]
    Command ptracejail [list $build/bench/ptracejail $tclkit {*}$files]
    Measure "20,000 times open, read and close" [Rounds wrap]
    Row {20,000 times open, read and close, inside against outside} 1.15 $result(safekit,x_wall)
    Row {the same under a jail by ptrace, for comparison} 99 $result(ptracejail,x_wall)

    set http [list $here/jailed.tcl http 2000]
    Command tclkit [list $tclkit {*}$http]
    Command safekit [list $safekit --allow inet --net loopback {*}$http]
    Measure "2,000 HTTP exchanges over a loopback" [Rounds wrap]
    Row {a loopback HTTP exchange, inside against outside} 1.10 $result(safekit,x_wall)
}

# --- the report ---

proc bench::Machine {} {
    set model unknown
    regexp -line {^model name\s*:\s*(.*)$} [Read /proc/cpuinfo] -> model
    format "%s, %s processors, Linux %s, %s" $model [exec nproc] $::tcl_platform(osVersion) $::tcl_platform(machine)
}

proc bench::Report {} {
    variable rows
    set table "| what | at most | measured | |\n|---|---|---|---|\n"
    foreach {what limit ratio} $rows {
        append table [format "| %s | %s | %.2f | %s |\n" $what $limit $ratio [expr {$ratio <= $limit ? "ok" : "over"}]]
    }
    return $table
}

proc bench::main {build_dir args} {
    variable build
    variable temp
    variable quick
    variable result
    set build [file normalize $build_dir]
    set parts {Packages Pack Inner Reads Foreign Update Writing Large Huge Many Listing Jail}
    set quick [expr {[lindex $args 0] eq "-quick"}]
    if {$quick} {set args [lrange $args 1 end]}
    foreach part $args {
        if {$part ni $parts} {error "unknown part \"$part\": must be [join $parts {, }]"}
    }
    if {$quick} {set parts [lsearch -all -inline -not -exact $parts Huge]}
    if {$args ne ""} {set parts $args}
    foreach program {tclkit sdx safekit bench/measure bench/empty bench/floor bench/synccopy bench/ptracejail} {Need $build/$program}
    foreach program {sqlite3 zip diff cp} {Need $program}

    set temp [exec mktemp -d -t starlit-bench.XXXXXX]
    try {
        Start
        set rss "$result(starpack,x_rss)"
        set floors [Floors]
        foreach part $parts {$part}
        Row {resident memory of the starpack at `puts hello`, against `tclsh8.6`} 1.0 $rss
    } finally {
        file delete -force $temp
    }
    puts "\nRatios, medians of pairwise comparisons on [Machine]:\n"
    puts [Report]
    puts "Start-up and its floors (medians):\n"
    puts -nonewline $floors
}

if {[llength $argv] == 0} {
    puts stderr "usage: tclsh8.6 bench.tcl BUILD_DIR ?-quick? ?PART ...?"
    exit 2
}
try {
    bench::main {*}$argv
} on error message {
    puts stderr "bench: $message"
    exit 1
}
