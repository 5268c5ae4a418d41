# SPDX-License-Identifier: MIT
#
# tree.tcl: one tree of files of every kind, on the host as $tree and mounted as $mount, for the tests that compare them.

set tree [file join $scratch tree]
foreach {name text permissions mtime} {
    a.txt           "alpha\nbeta\n"  0644 1000000001
    b.txt           "bravo"          0600 1000000002
    c.TXT           ""               0444 1
    run.sh          "#!/bin/sh\n"    0755 2000000000
    suid            "x"              0640 1000000003
    .hidden         "hidden"         0644 1000000004
    .hdir/inside    "inside"         0644 1000000005
    sub/one.txt     "one"            0644 1000000006
    sub/two.tcl     "set two 2"      0644 1000000007
    sub/.dot        "dot"            0644 1000000008
    sub/deep/er/x.c "int x;"         0644 1000000009
    sub.txt         "after sub/"     0644 1000000010
    sub-x           "before sub/"    0644 1000000011
    {sp ace.txt}    "space"          0644 1000000012
    {brack[et].txt} "bracket"        0644 1000000013
    {star*.txt}     "star"           0644 1000000014
    {que?.txt}      "question"       0644 1000000015
    {brace{d}.txt}  "brace"          0644 1000000016
    {back\slash}    "backslash"      0644 1000000017
    {dollar$x}      "dollar"         0644 1000000018
    {~tilde}        "tilde"          0644 1000000019
    {-dash}         "dash"           0644 1000000020
} {
    writeFile tree/$name [subst -nocommands -novariables $text] $permissions $mtime
}
foreach {name text} [list gr\u00fc\u00df.txt latin \u65e5\u672c.txt japanese "new\nline.txt" newline "tab\t.txt" tab] {
    writeFile tree/$name $text
}
file mkdir $tree/empty.d
foreach {name target} {
    link.txt a.txt    sublink sub    sub/up.txt ../a.txt    sub/self .    chain link.txt    dangling no/such
    sub/dirlink deep/er    hlink .hidden
} {
    exec ln -s $target $tree/$name
}
file attributes $tree/empty.d -permissions 0700
file mtime $tree/empty.d 1000000030
foreach name {sub/deep/er sub/deep sub .hdir} {
    file mtime $tree/$name 1000000031
}
set mount [mountTree $tree mount]

# Every path in the tree, links not followed, relative, sorted; made by the host.
set names [lsort [split [exec find $tree -mindepth 1 -print0 | tr "\\n\\0" "\\1\\n"] \n]]
set names [lmap name $names {string map [list \x01 \n] [string range $name [string length $tree/] end]}]
