# SPDX-License-Identifier: MIT
#
# looking.tcl: files to look into, for the tests of what only looks: the same tree in each of our formats and as a zip file.

set sdx [program sdx]
set metakit [file join $::support::root tests vfs metakit basic.kit]
set script [file join $::support::root sdx main.tcl]

# lookingTree --
#
#	Makes app.vfs: files, one of them with bytes of every value, directories, an empty one too, and links.

proc lookingTree {} {
    write app.vfs/main.tcl "puts hi\n"
    write app.vfs/lib/words.txt [string repeat "word\n" 1000] 00600 1600000000
    write app.vfs/lib/deep/0x10 "x\n" 00755
    file mkdir app.vfs/empty
    set bytes ""
    for {set i 0} {$i < 256} {incr i} {
	append bytes [format %c $i]
    }
    set channel [open app.vfs/lib/bytes wb]
    puts -nonewline $channel $bytes
    close $channel
    file mtime app.vfs/lib/bytes 1700000000
    exec ln -s lib app.vfs/folder
    exec ln -s folder/../main.tcl app.vfs/link
    exec ln -s /etc/passwd app.vfs/out
    exec ln -s nowhere app.vfs/dangling
    exec ln -s loop app.vfs/loop
    exec find app.vfs -type l -exec touch -h -d @1500000000 "{}" +
    exec find app.vfs -type d -exec chmod 755 "{}" + -exec touch -d @1650000000 "{}" +
}

# lookingFiles --
#
#	Makes app.vfs, and of it app.kit, the starpack app, the plain archive app.db and app.zip.
#
# Results:
#	Their names.

proc lookingFiles {} {
    lookingTree
    run $::sdx wrap app.kit
    run $::sdx wrap app -runtime self
    cd app.vfs
    exec sqlite3 ../app.db ".ar -c main.tcl lib empty folder link out dangling loop"
    exec zip -qry ../app.zip .
    cd ..
    return {app.kit app app.db app.zip}
}

# evil --
#
#	Makes a plain archive evil.db of one member whose name holds an escape sequence and a line end.

proc evil {} {
    exec sqlite3 evil.db "CREATE TABLE sqlar(name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB);\
	INSERT INTO sqlar VALUES('d/a' || char(27) || '\[31m' || char(10) || 'b' || char(155), 33188, 0, 2, 'ok');"
}
