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
	Tells of a kit, a starpack, a runtime, a plain archive, a Metakit kit or a zip file: its format; its size, and how
	much of that lies in front of the archive; how many members there are, their size, and how much of that is stored;
	the biggest and the newest file; and of our own formats whether a package index is recorded. What belongs to a
	starpack's runtime is counted by itself.
    }
}

proc ::sdx::info::Run {values} {
    set facts [Facts [dict get $values KIT]]
    puts [if {[dict get $values -json]} {Json $facts} else {Text $facts}]
}

# ::sdx::info::Facts --
#
#	All that there is to tell, as a dict. Keys that have no meaning for a format are not there.

proc ::sdx::info::Facts {kit} {
    set info [::starlit::archive info $kit]
    set facts [dict create file $kit {*}[dict filter $info key format size prefix pagesize]]
    foreach type {file directory link} {
	set count($type) 0
    }
    set content 0
    set all 0
    set biggest {}
    set newest {}
    foreach member [lsort -index 0 [::starlit::archive list $kit]] {
	lassign $member name type mode mtime size stored
	incr count($type)
	if {$type ne "file"} {
	    continue
	}
	incr content $size
	incr all $stored
	if {$biggest eq "" || $size > [lindex $biggest 1]} {
	    set biggest [list $name $size]
	}
	if {$newest eq "" || $mtime > [lindex $newest 1]} {
	    set newest [list $name $mtime]
	}
    }
    dict set facts files $count(file)
    dict set facts directories $count(directory)
    dict set facts links $count(link)
    dict set facts content $content
    dict set facts stored $all
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

# ::sdx::info::Ratio --
#
#	What is stored as a part of the content; empty when there is none.

proc ::sdx::info::Ratio {facts} {
    set content [dict get $facts content]
    if {$content == 0} {
	return ""
    }
    return [format %.3f [expr {double([dict get $facts stored]) / $content}]]
}

proc ::sdx::info::Text {facts} {
    dict with facts {}
    set rows [list file [::sdx::lsk::Printable $file] format [dict get $::sdx::members::formats $format] \
	    size "$size bytes" prefix "$prefix bytes"]
    if {[info exists pagesize]} {
	lappend rows pages "of $pagesize bytes"
    }
    lappend rows members \
	"[Count $files file files], [Count $directories directory directories], [Count $links link links]"
    lappend rows content "$content bytes" stored "$stored bytes"
    if {$content} {
	lappend rows ratio [Ratio $facts]
    }
    if {$files} {
	lassign $biggest name bytes
	lappend rows biggest "[::sdx::lsk::Printable $name], $bytes bytes"
	lassign $newest name time
	lappend rows newest "[::sdx::lsk::Printable $name], [::sdx::lsk::Time $time]"
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
	    file - format - index {
		set value [::sdx::json::Text $value]
	    }
	    biggest - newest {
		if {$value eq ""} {
		    set value null
		} else {
		    lassign $value name number
		    set value [::sdx::json::Object [list name [::sdx::json::Text $name] \
			    [dict get {biggest size newest mtime} $key] $number]]
		}
	    }
	}
	lappend pairs $key $value
    }
    set ratio [Ratio $facts]
    lappend pairs ratio [expr {$ratio eq "" ? "null" : $ratio}]
    return [::sdx::json::Object $pairs]
}
