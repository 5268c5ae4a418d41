# SPDX-License-Identifier: MIT
#
# add.tcl: sdx add, members into a kit that is there.

::sdx::Load entries
::sdx::Load index
::sdx::Load json
::sdx::Load kit
::sdx::Load members
::sdx::Load progress

namespace eval ::sdx::add {
    variable operands {{KIT required} {FILE some}}
    variable options {
	{{-as} NAME {} {the name that a single FILE gets in KIT}}
	{{-under} DIRECTORY {} {put each FILE below this directory of KIT, under the last part of its name}}
	{{-verbose} {} {} {print the name of each member}}
	{{-quiet} {} {} {print nothing when all goes well}}
	{{-json} {} {} {print the result as JSON}}
    }
    variable description {
	Adds files, directories with all that is below them, and symbolic links to a kit, a starpack or a plain archive, or
	replaces what is there, with permissions and times. All of it is done, or nothing. A starpack is made anew and takes
	its own place in one step, also while it runs.

	A FILE gets the name it is given by, so that must be relative; "." is what the current directory holds. Directories
	that are missing in KIT are made. A directory that is there already stays, with what is in it and not replaced.

	SOURCE_DATE_EPOCH in the environment is the latest time a member gets.
    }
    variable examples {
	{sdx add app.kit logo.png -under images} {the file images/logo.png}
	{cd app.vfs && sdx add ../app.kit .} {all of the tree}
    }
    variable result {
	a dict: file, added and replaced (how many members), bytes (of the file), names (of all of these).
    }
}

proc ::sdx::add::Run {values} {
    set kit [dict get $values KIT]
    set files [dict get $values FILE]
    ::sdx::options::Exclude $values -as -under
    if {[dict exists $values -as] && [llength $files] != 1} {
	::sdx::options::Misuse "option \"-as\" names one FILE, but there are [llength $files]"
    }
    ::sdx::members::NeedOwn $kit "add to"
    set entries {}
    set links 0
    foreach file $files {
	foreach entry [Entries $file [Name $file $values]] {
	    lappend entries $entry
	    incr links [expr {[file type [lindex $entry 2]] eq "link"}]
	}
    }
    set options {}
    set epoch [::sdx::kit::Epoch none]
    if {$epoch ne "none"} {
	lappend options -clamp $epoch
    }
    try {
	set added [::starlit::archive add $kit $entries {*}$options \
		{*}[::sdx::progress::Options "adding to [::sdx::members::Tail $kit]"]]
    } finally {
	::sdx::progress::End
    }
    # A new link may be another way to a package.
    if {$links || ![dict get [::starlit::archive info $kit] valid]} {
	::sdx::index::Renew $kit
    }
    return [dict create file $kit added [dict get $added made] replaced [dict get $added replaced] \
	    bytes [file size [::sdx::entries::Plain $kit]] names [lmap entry $entries {lindex $entry 0}]]
}

proc ::sdx::add::Show {values result} {
    dict with result {}
    if {[dict get $values -json]} {
	puts [::sdx::json::Object [list file [::sdx::json::Text $file] added $added replaced $replaced bytes $bytes]]
	return
    }
    if {[dict get $values -verbose]} {
	foreach name $names {
	    puts [::sdx::lsk::Printable $name]
	}
    }
    if {![dict get $values -quiet]} {
	puts "[::sdx::lsk::Printable $file]: $added added, $replaced replaced, $bytes bytes"
    }
}

# ::sdx::add::Name --
#
#	The name that a file gets; empty for a directory whose content goes to the root.

proc ::sdx::add::Name {file values} {
    if {[dict exists $values -under]} {
	set tail [::sdx::members::Tail [file normalize [::sdx::entries::Plain $file]]]
	return [::sdx::entries::Clean [dict get $values -under]/$tail]
    }
    if {[dict exists $values -as]} {
	return [::sdx::entries::Clean [dict get $values -as]]
    }
    if {[string match /* $file] || ".." in [split $file /]} {
	return -code error -errorcode [list SDX NAME $file] \
	    "couldn't add \"$file\": its name leads out of the kit (hint: name it by -as or -under)"
    }
    return [::sdx::entries::Clean $file]
}

# ::sdx::add::Entries --
#
#	A file, or a directory and what is below it, as starlit::archive add takes them.

proc ::sdx::add::Entries {file name} {
    set path [::sdx::entries::Plain $file]
    try {
	set type [file type $path]
    } on error {message options} {
	return -options $options "couldn't add \"$file\": [regsub {.*": } $message ""]"
    }
    if {$type ni {file directory link}} {
	return -code error -errorcode [list SDX TYPE $path] "couldn't add \"$file\": it is a special file\
	    (hint: only files, directories and links can be members)"
    }
    if {$name eq "" && $type ne "directory"} {
	return -code error -errorcode [list SDX NAME $file] "couldn't add \"$file\": it needs a name"
    }
    set entries {}
    set prefix ""
    if {$name ne ""} {
	lappend entries [list $name file $path]
	set prefix $name/
    }
    if {$type eq "directory"} {
	foreach entry [lindex [::sdx::entries::Walk $path] 0] {
	    lassign $entry tail - below
	    lappend entries [list $prefix$tail file $below]
	}
    }
    return $entries
}
