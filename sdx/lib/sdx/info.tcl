# SPDX-License-Identifier: MIT
#
# info.tcl: sdx info, a kit in a few lines.

::sdx::Load lsk
::sdx::Load members

namespace eval ::sdx::info {
    variable operands {{KIT required}}
    variable options {
	{{-json} {} {} {print the result as JSON}}
    }
    variable description {
	Tells of a kit, a starpack, a runtime, a plain archive, a Metakit kit or a zip file: its format; the machine that a
	starpack or runtime is for; its size, and how much of that lies in front of the archive; how many members there are, their size, and how much of that is stored;
	the biggest and the newest file; and of our own formats whether a package index is recorded. What belongs to a
	starpack's runtime is counted by itself.
    }
    variable result {
	a dict with the keys file, format (kit, starpack, runtime, plain, metakit or zip), size, prefix, files, directories,
	links, content (bytes of all files), stored (the same as stored), ratio of these (empty without content), biggest (a
	dict of name and size, empty without files), newest (of name and mtime); where the format has them machine (as uname
	tells it), pagesize, index (recorded, outdated or none), runtimemembers and runtimestored.
    }
}

proc ::sdx::info::Run {values} {
    set kit [dict get $values KIT]
    set info [::starlit::archive info $kit]
    set facts [dict create file $kit {*}[dict filter $info key format machine size prefix pagesize]]
    foreach type {file directory link} {
	set count($type) 0
    }
    set content 0
    set all 0
    set biggest {}
    set newest {}
    lassign {-1 {}} sizeMax mtimeMax
    foreach member [lsort -index 0 [::starlit::archive list $kit]] {
	lassign $member name type mode mtime size stored
	incr count($type)
	if {$type ne "file"} {
	    continue
	}
	incr content $size
	incr all $stored
	if {$size > $sizeMax} {
	    set biggest [dict create name $name size [set sizeMax $size]]
	}
	if {$mtimeMax eq "" || $mtime > $mtimeMax} {
	    set newest [dict create name $name mtime [set mtimeMax $mtime]]
	}
    }
    dict set facts files $count(file)
    dict set facts directories $count(directory)
    dict set facts links $count(link)
    dict set facts content $content
    dict set facts stored $all
    dict set facts ratio ""
    if {$content} {
	dict set facts ratio [format %.3f [expr {double($all) / $content}]]
    }
    dict set facts biggest $biggest
    dict set facts newest $newest
    if {[dict get $info format] in {starpack runtime}} {
	set runtime [::starlit::archive list $kit -runtime 1]
	dict set facts runtimemembers [expr {[llength $runtime] - $count(file) - $count(directory) - $count(link)}]
	dict set facts runtimestored [expr {[Stored $runtime] - $all}]
    }
    if {[dict exists $info indexed]} {
	dict set facts index [expr {![dict get $info indexed] ? "none" : [dict get $info valid] ? "recorded" : "outdated"}]
    }
    return $facts
}

proc ::sdx::info::Stored {members} {
    set stored 0
    foreach member $members {
	incr stored [lindex $member 5]
    }
    return $stored
}

proc ::sdx::info::Show {values facts} {
    puts [if {[dict get $values -json]} {Json $facts} else {Text $facts}]
}

proc ::sdx::info::Text {facts} {
    dict with facts {}
    set rows [list file [::sdx::lsk::Printable $file] format [dict get $::sdx::members::formats $format]]
    if {[info exists machine]} {
	lappend rows machine $machine
    }
    lappend rows size "$size bytes" prefix "$prefix bytes"
    if {[info exists pagesize]} {
	lappend rows pages "of $pagesize bytes"
    }
    lappend rows members \
	"[Count $files file files], [Count $directories directory directories], [Count $links link links]"
    lappend rows content "$content bytes" stored "$stored bytes"
    if {$content} {
	lappend rows ratio $ratio
    }
    if {$files} {
	lappend rows biggest "[::sdx::lsk::Printable [dict get $biggest name]], [dict get $biggest size] bytes"
	lappend rows newest "[::sdx::lsk::Printable [dict get $newest name]], [::sdx::lsk::Time [dict get $newest mtime]]"
    }
    if {[info exists runtimemembers]} {
	lappend rows runtime "$runtimemembers members, $runtimestored bytes stored"
    }
    if {[info exists index]} {
	lappend rows packages [dict get {none {no index} recorded {index recorded}
	    outdated {index outdated (hint: sdx vacuum makes it anew)}} $index]
    }
    return [join [lmap {label text} $rows {format "%-9s %s" $label: $text}] \n]
}

proc ::sdx::info::Count {number one many} {
    return "$number [expr {$number == 1 ? $one : $many}]"
}

proc ::sdx::info::Json {facts} {
    set pairs {}
    dict for {key value} $facts {
	switch -- $key {
	    file - format - machine - index {
		set value [::sdx::json::Text $value]
	    }
	    ratio {
		if {$value eq ""} {
		    set value null
		}
	    }
	    biggest - newest {
		set value [expr {$value eq "" ? "null" : [::sdx::json::Object \
			[dict replace $value name [::sdx::json::Text [dict get $value name]]]]}]
	    }
	}
	lappend pairs $key $value
    }
    return [::sdx::json::Object $pairs]
}
