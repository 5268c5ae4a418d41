# SPDX-License-Identifier: MIT
#
# plan.tcl: what has to be done to make one side hold what another holds: for update and sync.
#
# A plan is a list of {NAME ACTION WHY}, in the order of the names:
#
#	add		it is not there yet; WHY is the type
#	replace		a file or link of another content, target or type; WHY "directory" says that one is a directory
#	attributes	a file or directory of another time or other permissions
#	delete		it is not in the source
#
# Rules:
# 1. Of files of the same size and time the content is taken to be the same, as rsync(1) does it, unless the time is that
#    of the target itself or later: such a file may have been changed again within the second it was copied in.
# 2. A file of the same content and another time is not copied.
# 3. What a directory is given is what was seen, once it is all there: an update right after an update finds nothing.

::sdx::Load sides

namespace eval ::sdx::plan {}

# ::sdx::plan::Make --
#
#	Compares.
#
# Arguments:
#	source, target -	Dicts: members, and root, the directory in which their contents can be read.
#	options -		A dict:
#	    delete		whether what is not in the source is deleted
#	    excluded		names in the target that are left as they are, with all below
#	    foreign		names of members of a runtime: they are never deleted, nor changed where contents agree
#	    checksum		whether contents are always compared
#	    tolerance		a difference in seconds that is none, or less
#	    clamp		the latest time that the target holds
#	    since		rule 1: the time of the target
#	    modes		the bits of permissions that both hold
#	    linktimes		whether both hold times of links
#	    name		of the target, for messages

proc ::sdx::plan::Make {source target options} {
    set sourceMembers [dict get $source members]
    set targetMembers [dict get $target members]
    set plan {}
    dict for {name member} $sourceMembers {
	lassign $member type
	if {![dict exists $targetMembers $name]} {
	    # What is implied by what is in it comes with that.
	    if {[lindex $member 1] ne ""} {
		lappend plan [list $name add $type]
	    }
	    continue
	}
	set there [dict get $targetMembers $name]
	set foreign [dict exists $options foreign $name]
	if {$type ne [lindex $there 0]} {
	    if {"directory" in [list $type [lindex $there 0]]} {
		lappend plan {*}[Exchange $name $member $targetMembers $options]
	    } else {
		lappend plan [list $name replace type]
	    }
	    continue
	}
	set why [Difference $name $member $there $source $target $options]
	if {$why eq "" || ($foreign && $why in {time mode})} {
	    continue
	}
	lappend plan [list $name [expr {$why in {time mode} && $type ne "link" ? "attributes" : "replace"}] $why]
    }
    if {[dict get $options delete]} {
	lappend plan {*}[Deletions $sourceMembers $targetMembers $options]
    }
    return [lsort -index 0 $plan]
}

# ::sdx::plan::Difference --
#
#	What differs of two members of a type and a name; empty when nothing does.

proc ::sdx::plan::Difference {name a b source target options} {
    lassign $a type modeOfA mtimeOfA sizeOfA - targetOfA
    lassign $b - modeOfB mtimeOfB sizeOfB - targetOfB
    set timeDiffers [expr {$mtimeOfA ne "" && ($mtimeOfB eq ""
	    || abs(min($mtimeOfA, [dict get $options clamp]) - $mtimeOfB) >= [dict get $options tolerance])}]
    switch -- $type {
	link {
	    if {$targetOfA ne $targetOfB} {
		return target
	    }
	    return [expr {$timeDiffers && [dict get $options linktimes] ? "time" : ""}]
	}
	file {
	    if {$sizeOfA != $sizeOfB} {
		return content
	    }
	    if {($timeDiffers || [dict get $options checksum] || $mtimeOfA >= [dict get $options clamp]
		    || $mtimeOfB >= [dict get $options since])
		    && ![::sdx::sides::Same [dict get $source root]/$name [dict get $target root]/$name]} {
		return content
	    }
	}
    }
    set modes [dict get $options modes]
    if {$modes && $modeOfA ne "" && ($modeOfB eq "" || ($modeOfA & $modes) != ($modeOfB & $modes))} {
	return mode
    }
    return [expr {$timeDiffers ? "time" : ""}]
}

# ::sdx::plan::Exchange --
#
#	A file in place of a directory, or the other way round.

proc ::sdx::plan::Exchange {name member targetMembers options} {
    if {[lindex $member 0] ne "directory" && ![dict get $options delete] && [Holds $targetMembers $name]} {
	return -code error -errorcode {POSIX ENOTEMPTY {directory not empty}} "couldn't put a [lindex $member 0] in place\
	    of the directory \"[dict get $options name]/$name\": it isn't empty (hint: -delete)"
    }
    foreach left [concat [dict get $options excluded] [dict keys [dict get $options foreign]]] {
	if {[string first $name/ $left] == 0} {
	    return -code error -errorcode [list SDX KEPT $left] "couldn't put a [lindex $member 0] in place of the directory\
		\"[dict get $options name]/$name\": \"$left\" is to stay as it is"
	}
    }
    return [list [list $name replace directory]]
}

# ::sdx::plan::Holds --
#
#	Whether there is anything in a directory.

proc ::sdx::plan::Holds {members name} {
    set names [dict keys $members]
    set next [lindex $names [lsearch -sorted -bisect $names $name/]+1]
    return [expr {[string first $name/ $next] == 0}]
}

# ::sdx::plan::Deletions --
#
#	What the source does not have, but for what is to be left and for the directories that hold such.

proc ::sdx::plan::Deletions {sourceMembers targetMembers options} {
    set kept {}
    foreach name [concat [dict get $options excluded] [dict keys [dict get $options foreign]]] {
	while {$name ne "" && ![dict exists $kept $name]} {
	    dict set kept $name 1
	    set name [string range $name 0 [string last / $name]-1]
	}
    }
    set plan {}
    dict for {name member} $targetMembers {
	if {![dict exists $sourceMembers $name] && ![dict exists $kept $name]} {
	    lappend plan [list $name delete [lindex $member 0]]
	}
    }
    return $plan
}
