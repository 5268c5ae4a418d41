# SPDX-License-Identifier: MIT
#
# corpus.tcl SDX DIRECTORY: makes what the fuzzers begin with, by sdx, the sqlite3 shell and by hand.
#
#     archives      whole files: kits, plain archives, an executable, and some that are wrong in one way each
#     foreign       Metakit and zip files
#     rows stream executable script jail    inputs in the formats that the fuzzers' headers give
#
# good-* has no fault, bad-* has one, others depend on what is asked (see replay.cpp).

lassign $argv sdx corpus
file delete -force $corpus
set scratch $corpus/scratch
file mkdir $scratch
set env(SOURCE_DATE_EPOCH) 1767225600
set env(ASAN_OPTIONS) detect_leaks=0

proc WriteFile {path bytes} {
    file mkdir [file dirname $path]
    set channel [open $path wb]
    puts -nonewline $channel $bytes
    close $channel
}

proc ReadFile {path} {
    set channel [open $path rb]
    set bytes [read $channel]
    close $channel
    return $bytes
}

proc Put {name args} {
    WriteFile $::corpus/$name [join $args ""]
}

# Bytes that do not deflate.
proc Noise {size} {
    expr {srand(1)}
    set numbers {}
    for {set i 0} {$i < $size} {incr i} {
        lappend numbers [expr {int(rand() * 256)}]
    }
    return [binary format c* $numbers]
}

proc Sql {file sql} {
    exec sqlite3 -bail -batch $file << $sql
}

proc Pad {bytes size} {
    return $bytes[string repeat \0 [expr {$size - [string length $bytes]}]]
}

proc Mark {offset} {
    return Start-Of-SQLite3-[binary format W $offset]
}

# ---- Archives

set tree $scratch/tree
WriteFile $tree/main.tcl "package require a\nputs \[a::hello\]\n"
WriteFile $tree/lib/a.tcl [string repeat "package provide a 1.0\n" 40]
WriteFile $tree/lib/pkgIndex.tcl {package ifneeded a 1.0 [list source [file join $dir a.tcl]]}
WriteFile $tree/empty ""
WriteFile $tree/noise [Noise 1500]
WriteFile $tree/runs [string repeat x 100000]
WriteFile "$tree/gr\u00fc\u00df e.txt" x
file mkdir $tree/hollow
exec ln -s lib/a.tcl $tree/link
exec ln -s loop $tree/loop
exec ln -s ../lib $tree/lib/up

foreach size {512 4096} {
    exec $sdx wrap $scratch/$size.kit -vfs $tree -pagesize $size -quiet
    Put archives/good-$size.kit [ReadFile $scratch/$size.kit]
}
set kit [ReadFile $scratch/512.kit]
set archive [string range $kit 4096 end-25]
Put archives/good-plain $archive
WriteFile $tree/lib/main.tcl {puts hello}
exec $sdx wrap $scratch/stored.kit -vfs $tree/lib -pagesize 1024 -nocomp -quiet
Put archives/good-stored.kit [ReadFile $scratch/stored.kit]
WriteFile $scratch/many/main.tcl ""
for {set i 0} {$i < 200} {incr i} {
    WriteFile $scratch/many/d[expr {$i % 7}]/[string repeat n$i 5] $i
}
exec $sdx wrap $scratch/many.kit -vfs $scratch/many -pagesize 512 -quiet
Put archives/good-many.kit [ReadFile $scratch/many.kit]

# The shell's own: names as given, and with "./" in front.
Sql $scratch/shell ".ar -c -C $tree lib main.tcl link noise"
Sql $scratch/shell "PRAGMA page_size=512; VACUUM;"
Put archives/good-shell [ReadFile $scratch/shell]
Sql $scratch/dot ".ar -c -C $tree ."
Sql $scratch/dot "PRAGMA page_size=512; VACUUM;"
Put archives/good-dot [ReadFile $scratch/dot]

set table {CREATE TABLE sqlar(name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB);}
foreach {name sql} {
    good-empty      "$table"
    through-link    "$table INSERT INTO sqlar VALUES('x', 41471, 0, -1, '../outside'), ('x/y', 33188, 0, 1, 'y')"
    bad-up          "$table INSERT INTO sqlar VALUES('../outside/x', 33188, 0, 1, 'x')"
    bad-absolute    "$table INSERT INTO sqlar VALUES('/dev/shm/x', 33188, 0, 1, 'x')"
    bad-twice       "CREATE TABLE sqlar(name, mode, mtime, sz, data);
                     INSERT INTO sqlar VALUES('x', 33188, 0, 1, 'x'), ('x', 16877, 0, 0, null)"
    bad-size        "$table INSERT INTO sqlar VALUES('x', 33188, 0, 9000000000000000, 'x')"
    bad-bomb        "$table INSERT INTO sqlar VALUES('x', 33188, 0, 100, sqlar_compress(zeroblob(200000)))"
    bad-view        "CREATE TABLE t(a); CREATE VIEW sqlar AS SELECT a AS name, a AS mode, a AS mtime, a AS sz FROM t"
    bad-generated   "CREATE TABLE sqlar(name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data AS (zeroblob(10)))"
    bad-virtual     "CREATE VIRTUAL TABLE sqlar USING fts3(name, mode, mtime, sz, data)"
    good-chunk      "$table CREATE TABLE starlit_chunk(id INTEGER PRIMARY KEY, data BLOB);
                     INSERT INTO sqlar VALUES('x', 33188, 0, 5, 7);
                     INSERT INTO starlit_chunk VALUES(7 * 16777216, CAST('hello' AS BLOB))"
    bad-nested      "$table CREATE TABLE starlit_chunk(id INTEGER PRIMARY KEY, data BLOB);
                     INSERT INTO sqlar VALUES('x', 33188, 0, 4000000000000, 7)"
    bad-schema      "CREATE TABLE t(x); PRAGMA writable_schema=ON;
                     UPDATE sqlite_schema SET name = 'a' || char(10, 27) || 'c', sql = 'CREATE nonsense'"
    bad-utf16       "PRAGMA encoding='UTF-16'; $table"
    bad-wal         "PRAGMA journal_mode=wal; $table"
} {
    Sql $scratch/$name "PRAGMA page_size=512; [subst -nocommands -nobackslashes $sql];"
    Put archives/$name [ReadFile $scratch/$name]
}
# A kit inside a kit lies at its page's start.
Put archives/bad-cut [string range $kit 0 end-600]
Put archives/bad-mark-not-last $kit x
Put archives/bad-mark [string range $kit 0 end-8] [binary format W 4097]
Put archives/bad-nothing

# ---- Other formats

foreach file [glob -directory [file join [file dirname [file dirname [file normalize [info script]]]] vfs metakit] *.kit] {
    Put foreign/good-[file tail $file] [ReadFile $file]
    Put foreign/bad-cut-[file tail $file] [string range [ReadFile $file] 0 end-9]
}
WriteFile $scratch/zip/a/b.txt [string repeat text 100]
WriteFile $scratch/zip/noise [Noise 300]
exec ln -s a/b.txt $scratch/zip/link
cd $scratch/zip
exec zip -qry ../deflated.zip .
exec zip -qry0 ../stored.zip .
exec sh -c "cat a/b.txt | zip -q - - >../piped.zip"
cd $scratch
foreach name {deflated stored piped} {
    Put foreign/good-$name.zip [ReadFile $name.zip]
}
Put foreign/good-prefixed.zip "#!/bin/sh\n" [ReadFile deflated.zip]
Put foreign/bad-crc.zip [string map {texttext textTEXT} [ReadFile stored.zip]]
Put foreign/bad-up.zip [string map {a/b.txt ../.txt} [ReadFile deflated.zip]]

# ---- An executable: program headers only, a PT_LOAD and PT_NOTEs of which one holds a build id (elf(5))

proc Header {type flags offset address fileSize memorySize} {
    return [binary format iiwwwwww $type $flags $offset $address $address $fileSize $memorySize 4096]
}
proc Elf {size args} {
    set elf "\x7fELF[binary format c12 {2 1 1 0 0 0 0 0 0 0 0 0}]"
    append elf [binary format ssiwwwissssss 3 62 1 0 64 0 0 64 56 [llength $args] 0 0 0]
    append elf [join $args ""]
    # Notes: the build id at 1024, another at 1088.
    set elf [Pad $elf 1024][binary format iiia4 4 20 3 GNU]
    set elf [Pad $elf 1088][binary format iiia4 4 20 1 GNU]
    return [Pad $elf $size]
}
set load [Header 1 5 0 0 4096 12288]
set buildId [Header 4 4 1024 1024 36 36]
set note [Header 4 4 1088 1088 36 36]
set program [Elf 4096 $load $buildId $note]
set rounded [Header 1 4 4096 65536 [expr {[string length $archive] + 25}] [expr {[string length $archive] + 25}]]
set starpack [Elf 4096 $load $buildId $rounded]$archive[Mark 4096]

Put archives/good-executable $starpack
set nothing [binary format S 0]
Put executable/good-program [binary format ccS 0 1 10025] $nothing $program
Put executable/good-unaligned [binary format ccS 0 0 200] $nothing [Elf 5000 $load $note]
Put executable/good-starpack [binary format ccSS 0 1 0 [expr {[string length $archive] + 25}]] $starpack
Put executable/bad-no-note [binary format ccS 0 1 10025] $nothing [Elf 4096 $load $buildId]
Put executable/bad-no-elf [binary format ccS 0 1 10025] $nothing "#!/bin/sh\n"
Put executable/good-segment [binary format cS 1 0] $archive[Mark 4096]
Put executable/bad-segment-mark [binary format cS 1 0] $archive[Mark 8192]
Put executable/bad-segment-cut [binary format cS 1 20000] [string range $archive 0 4000]
Put executable/bad-segment-grown [binary format cS 1 0] [string range $archive 0 end-512] [Mark 4096]

# ---- Files on the command line

Put script/good-kit [string range $kit 0 4095]
Put script/good-plain [string range $archive 0 511]
Put script/good-script "#!/bin/sh\n# the next line restarts\nexec tclsh \"\$0\"\n"
Put script/bad-empty
Put script/bad-cut [string range $kit 0 40]

# ---- Words behind safekit: each ends with a zero byte

foreach {name words} {
    good-nothing {}
    good-file {app.kit --not an option}
    good-all {--allow wpath,cpath,inet --deny wpath --on-denial report --tmpfs /tmp:4M --dev --net loopback --bind-tcp 80
	--connect-tcp=443 --limit-memory 64M --limit-cpu 5m --limit-time none --limit-processes 4 --limit-files 20
	--limit-file-size 1k --setenv A 1 --keep-env B --hostname box --tty --quiet -- app.kit -x}
    good-safe {--safe --safe-read / --safe-write /w --safe-exec /x --safe-time 5s --safe-commands 100 app.kit}
    good-landlock {--mode landlock --ro-bind /usr /usr --without session,keyring app.kit}
    good-program {--program --allow exec,proc --ro-bind /usr /usr /usr/bin/true}
    bad-option {--nope}
    bad-value {--limit-memory}
    bad-promise {--allow stdio,rapth}
    bad-number {--limit-files 99999999999999999999}
    bad-port {--allow inet --bind-tcp 0}
    bad-contradiction {--mode landlock --root /usr}
    bad-deny {--deny stdio}
} {
    Put jail/$name [join [lmap word $words {string cat $word \0}] ""]
}

# ---- Rows

proc Text {text} {
    return [binary format S [string length $text]]$text
}
# The numbers are those in rows_fuzzer.cpp; numbers, if any, are the mode and the size that it asks for.
proc Row {table mode data size name text {numbers ""}} {
    return [binary format cc [expr {$table << 6 | $data << 3 | $mode}] $size][Text $name]$numbers[Text $text]
}
proc Chunk {data number piece text} {
    return [binary format cIS [expr {2 << 6 | $data << 3}] $number $piece][Text $text]
}
set long [string repeat "abc " 500]
set a [Row 0 0 0 0 lib/a.tcl plain]
Put rows/good-tree \0 [Row 0 0 3 0 main.tcl $long] $a [Row 0 1 1 3 lib ""] [Row 0 2 0 2 link lib/a.tcl] \
    [Row 0 2 0 2 loop loop] [Row 0 0 0 0 empty ""]
Put rows/good-dot \0 [Row 0 1 1 3 . ""] [Row 0 1 1 3 ./lib ""] [Row 0 0 3 0 ./lib/a.tcl $long]
Put rows/good-facts \0 $a [Row 1 0 0 0 linkless ""] [Row 1 0 0 0 packages "a\t1.0\tlib\t\n\t\tlib\t\n"] \
    [Row 1 0 3 0 runtime [string repeat "main.tcl\0lib/a.tcl\0" 20]]
Put rows/good-stats \x08 $a [Row 0 0 0 0 main.tcl y]
Put rows/bad-up \0 [Row 0 0 0 0 ../x x]
Put rows/bad-dots \0 [Row 0 0 0 0 a/./x x]
Put rows/bad-type \0 [Row 0 4 0 0 socket ""]
Put rows/bad-size \0 [Row 0 0 3 1 main.tcl $long [binary format I 1]]
Put rows/bad-huge \0 [Row 0 0 0 1 main.tcl x [binary format I 0x7fffffff]]
Put rows/bad-view \x09 $a
Put rows/bad-schema \xff [Text "CREATE TABLE sqlar(name, mode, mtime, sz)"] $a
Put rows/generated \xff [Text "CREATE TABLE sqlar(name TEXT PRIMARY KEY, mode, mtime, sz, data AS (zeroblob(99)))"]

# Contents in chunks: one of 2,000 bytes, and some that lie.
set number [binary format W 5]
set more [binary format I [expr {2000 - 8}]]
Put rows/good-chunk \0 [Row 0 0 4 1 big $number $more] [Chunk 3 5 0 $long]
Put rows/good-version \0 [Row 0 0 4 1 big $number $more] [Chunk 3 5 0 $long] [Chunk 4 5 0xffff [binary format W 3]]
Put rows/bad-chunk-short \0 [Row 0 0 4 1 big $number [binary format I 2000]] [Chunk 3 5 0 $long]
Put rows/bad-chunk-missing \0 [Row 0 0 4 1 big $number $more] [Chunk 3 4 0 $long]
Put rows/bad-chunk-terabytes \0 [Row 0 0 4 4 big $number [binary format I 0x3fffffff]]
Put rows/bad-chunk-number \0 [Row 0 0 4 1 big [binary format W -5] $more] [Chunk 3 5 0 $long]
Put rows/bad-chunk-least \0 [Row 0 0 4 1 big [binary format W -9223372036854775808] $more]

# ---- Reads in large members

proc Reads {args} {
    set bytes ""
    foreach {offset size} $args {
        append bytes [binary format IcS $offset [expr {$size >> 16}] [expr {$size & 0xffff}]]
    }
    return $bytes
}
set all 4206649
set reads [Reads 0 100 4000000 100 70000 65536 [expr {$all - 50}] 100 1000 1]
Put stream/good-stored \0 $reads
foreach {name kind} {text 1 lines 2} {
    set plain [binary format cccc $kind 0 0 0]
    Put stream/good-$name $plain $reads
    Put stream/bad-cut-$name [binary format cccc $kind 0 5 0] $reads
    Put stream/bad-short-$name [binary format cccc $kind 1 0 0] $reads
    Put stream/bad-beyond-$name [binary format cccc $kind -1 0 0] $reads
    Put stream/bad-changed-$name [binary format ccccIc $kind 0 0 1 5000 0] $reads
    Put stream/good-followed-$name [binary format cccc $kind 0 140 0] $reads
}

file delete -force $scratch
Put made
