# SPDX-License-Identifier: MIT
#
# links.tcl: paths that lead over the symbolic links of a tree or an archive. The host is never asked: a link that leads
# out leads nowhere.

namespace eval ::sdx::links {
    # On one path, as Linux has it (path_resolution(7)).
    variable max 40
}

# ::sdx::links::Resolve --
#
#	Finds what a path leads to.
#
# Arguments:
#	follow -	Whether a link at the end of the path is followed too.
#	look -		Command prefix that is called with a name: returns its link's target, {} for what is no link, or
#			raises an error where there is no such name. A target is a list of one element.
#
# Results:
#	A list of three: the name, empty for the root; what is wrong, if anything: "above" (the path leads out), "out" (a
#	link does, by an absolute target), "gone" (there is no such name), "dangling" (the same behind a link) or "many"
#	(links); and the target that leads out.

proc ::sdx::links::Resolve {path follow look} {
    variable max

    set links 0
    set done {}
    set parts [split $path /]
    while {[llength $parts]} {
	set parts [lassign $parts part]
	switch -- $part {
	    "" - . {
		continue
	    }
	    .. {
		if {[llength $done] == 0} {
		    return {{} above {}}
		}
		set done [lrange $done 0 end-1]
		continue
	    }
	}
	set name [join [concat $done [list $part]] /]
	if {[catch {{*}$look $name} link]} {
	    return [list {} [expr {$links ? "dangling" : "gone"}] {}]
	}
	if {[llength $link] == 0 || !($follow || [llength $parts])} {
	    lappend done $part
	    continue
	}
	set target [lindex $link 0]
	if {[incr links] > $max} {
	    return {{} many {}}
	}
	if {[string match /* $target]} {
	    return [list {} out $target]
	}
	set parts [concat [split $target /] $parts]
    }
    return [list [join $done /] {} {}]
}
