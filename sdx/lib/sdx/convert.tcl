# SPDX-License-Identifier: MIT
#
# convert.tcl: sdx convert, one format into another.

::sdx::Load json
::sdx::Load kit
::sdx::Load losses
::sdx::Load output
::sdx::Load progress
::sdx::Load source

namespace eval ::sdx::convert {
    variable operands {{FROM required} {TO required}}
    variable options {
	{{-to} FORMAT {choice kit starpack plain zip zipkit tar tar.gz directory metakit} {the format of TO, whatever its
	    name: kit, starpack, plain (an SQLite archive and nothing else), zip, zipkit (a zip file that runs as a kit),
	    tar, tar.gz or directory}}
	{{-runtime} FILE {} {make a starpack: take the program and the Tcl library from this runtime or starpack. "self" is
	    the executable that runs sdx.}}
	{{-interp} PROGRAM {} {what the first line of a kit or zipkit starts, found by PATH; default tclkit}}
	{{-writable -writeable} {} {} {leave -readonly out of the kit's header}}
	{{-stub} FILE {} {make a zipkit with this in front of the zip file, in place of a kit's header; ^Z is put behind a
	    script that doesn't end with it}}
	{{-level} N {integer 0 12} {how hard to compress, 0 (not) to 12 (best, slow; zip and tar.gz have 9); default 6}}
	{{-notop} {} {} {leave out the directory that all is in: what is in it takes its place}}
	{{-all} {} {} {of a starpack or a runtime, also the members that belong to the runtime}}
	{{-skip} {} {} {leave out the devices and FIFOs of a tar file, where they are errors otherwise}}
	{{-encoding} NAME {} {that names in a tar file are in; default utf-8}}
	{{-quiet} {} {} {print nothing when all goes well, whatever is lost}}
	{{-json} {} {} {print the result as JSON}}
    }
    variable description {
	Makes TO, of another format, out of FROM: a kit, a starpack, a plain SQLite archive, a Metakit kit, a zip file, a tar
	file, plain or compressed by gzip, or a directory. What FROM is its content says, not its name. What TO becomes its
	name says: .kit, .zip, .tar, .tar.gz, .tgz, .db, .sqlite or .sqlar, and .vfs or a slash at its end for a directory.
	Metakit can be read only.

	Names, permissions, times and symbolic links are kept where a format has them. What is lost is told on standard
	error, a line for each kind of loss. Never kept and not told: owners, times but that of the last change, comments,
	and the fractions of seconds that a directory's files have. A hard link in a tar file becomes a copy; of two members
	of one name in it the later one counts.

	A kit that was made of another one starts the same way, mounts itself writable if that did, and has an index of its
	packages. TO appears whole or not at all, in place of a file that is there; a directory must not exist. The same
	members give the same bytes; SOURCE_DATE_EPOCH in the environment is the latest time a member gets.
    }
    variable examples {
	{sdx convert old.kit new.kit} {a Metakit kit becomes one that tclkit runs faster, and writes}
	{sdx convert app.kit app.tar.gz} {its files for those who have no sdx}
	{sdx convert app.vfs app.kit -to zipkit} {a kit that any tclsh with tcl-vfs runs}
	{sdx convert lib-1.0.tgz lib.vfs -notop} {a tar file without its top directory, as a tree to be wrapped}
    }
    variable result {
	a dict: file, format (of TO), from (the format of FROM), main (whether there is a main.tcl), members (how many),
	bytes (of TO; 0 for a directory), lost (a list of dicts: kind, text, members, first).
    }
    # By the end of a name.
    variable endings {
	*.kit kit  *.zip zip  *.tar tar  *.tar.gz tar.gz  *.tgz tar.gz  *.db plain  *.sqlite plain  *.sqlar plain
	*.vfs directory  */ directory
    }
    # For which formats options of the output mean something. -level may be given always, for scripts.
    variable meanings {-interp {kit zipkit} -writable kit}
    # The script in front of a kit, as sdx and the classic one write it.
    variable kitHeader {(?x)\A (?: \#!/bin/sh\n \#[ ]\\\n exec[ ]\S+[ ]"\$0"[ ]\$\{1\+"\$@"\}\n )?
	package[ ]require[ ]starkit\n \s* starkit::header\s+(mk4|sqlar|zip)([^\n]*)\n \x1a}
}

proc ::sdx::convert::Run {values} {
    ::sdx::losses::Clear
    set from [Plain [dict get $values FROM]]
    set to [Plain [dict get $values TO]]
    set format [Format $to $values]
    if {$format eq "directory"} {
	set to [expr {[string trimright $to /] eq "" ? $to : [string trimright $to /]}]
	CheckDirectory $to
    } else {
	::sdx::output::Check $to
    }
    CheckPlaces $from $to
    set sourceOptions [dict create runtime [dict get $values -all] top [dict get $values -notop] \
	skip [dict get $values -skip] encoding utf-8]
    if {[dict exists $values -encoding]} {
	if {[dict get $values -encoding] ni [encoding names]} {
	    ::sdx::options::Misuse "bad argument \"[dict get $values -encoding]\" of option \"-encoding\": no such encoding"
	}
	dict set sourceOptions encoding [dict get $values -encoding]
    }
    set epoch [::sdx::kit::Epoch none]
    if {$epoch ne "none" && $format ne "directory"} {
	dict set sourceOptions clamp $epoch
    }
    set result [dict create file $to format $format]
    ::sdx::source::Use $from $to $sourceOptions source {
	dict set result from [dict get $source format]
	dict set result members [dict size [dict get $source members]]
	dict set result main [dict exists $source members main.tcl]
	if {[dict exists $values -encoding] && [dict get $source format] ni {tar tar.gz}} {
	    ::sdx::options::Misuse "option \"-encoding\" means nothing for FROM, which is no tar file"
	}
	try {
	    Write $format $source $to $values
	} finally {
	    ::sdx::progress::End
	}
    }
    dict set result bytes [expr {$format eq "directory" ? 0 : [file size $to]}]
    dict set result lost [::sdx::losses::List]
    return $result
}

proc ::sdx::convert::Show {values result} {
    ::sdx::Load lsk

    if {![dict get $values -quiet]} {
	Warn $result
    }
    if {[dict get $values -json]} {
	puts [::sdx::json::Object [list file [::sdx::json::Text [dict get $result file]] \
	    format \"[dict get $result format]\" from \"[dict get $result from]\" \
	    main [::sdx::json::Boolean [dict get $result main]] \
	    members [dict get $result members] bytes [dict get $result bytes] \
	    lost [::sdx::json::Array [lmap loss [dict get $result lost] {::sdx::losses::Json $loss}]]]]
    } elseif {![dict get $values -quiet]} {
	set size [expr {[dict get $result format] eq "directory" ? "" : ", [dict get $result bytes] bytes"}]
	puts "[::sdx::lsk::Printable [dict get $result file]]: [dict get $result members] members$size"
    }
}

# ::sdx::convert::Warn --
#
#	Tells what is lost.

proc ::sdx::convert::Warn {result} {
    foreach loss [dict get $result lost] {
	puts stderr "sdx: lost: [::sdx::lsk::Printable [::sdx::losses::Line $loss]]"
    }
    if {[dict get $result format] in {kit zipkit} && ![dict get $result main]} {
	puts stderr "sdx: [::sdx::lsk::Printable [dict get $result file]] has no main.tcl: it can be mounted, but not run"
    }
}

# A path in which a tilde is a letter as everywhere.
proc ::sdx::convert::Plain {path} {
    return [regsub ^~ $path ./~]
}

# ::sdx::convert::Format --
#
#	The format of the output.

proc ::sdx::convert::Format {to values} {
    variable endings
    variable meanings

    foreach {option format} {-runtime starpack -stub zipkit} {
	if {[dict exists $values $option]} {
	    if {[dict exists $values -to] && [dict get $values -to] ne $format} {
		::sdx::options::Misuse "option \"$option\" makes a $format, not \"-to [dict get $values -to]\""
	    }
	    dict set values -to $format
	}
    }
    if {[dict exists $values -to]} {
	set format [dict get $values -to]
    } else {
	set format ""
	foreach {pattern named} $endings {
	    if {[string match -nocase $pattern $to]} {
		set format $named
	    }
	}
    }
    switch -- $format {
	"" {
	    ::sdx::options::Misuse "the name \"$to\" doesn't tell a format (hint: -to kit, or another one)"
	}
	starpack {
	    if {![dict exists $values -runtime]} {
		::sdx::options::Misuse "a starpack needs a runtime (hint: -runtime self)"
	    }
	}
	metakit {
	    return -code error -errorcode {SDX METAKIT} "couldn't write \"$to\": Metakit's format can be read only (hint:\
		-to kit for tclkit; for an old tclkit, -to zipkit, or -to directory and that tclkit's own sdx)"
	}
    }
    ::sdx::options::Exclude $values -stub -interp
    foreach {option formats} $meanings {
	if {[::sdx::options::Given $values $option] && $format ni $formats} {
	    ::sdx::options::Misuse "option \"$option\" means nothing for TO as $format, only as [join $formats ", "]"
	}
    }
    return $format
}

proc ::sdx::convert::CheckDirectory {to} {
    # [file exists] is false for a dangling link.
    if {![catch {file lstat $to status}]} {
	return -code error -errorcode {POSIX EEXIST {file already exists}} \
	    "couldn't write \"$to\": it already exists (hint: name another directory)"
    }
}

# ::sdx::convert::CheckPlaces --
#
#	Refuses an output that is the input, or lies in it.

proc ::sdx::convert::CheckPlaces {from to} {
    if {[::sdx::output::Is $from $to]} {
	return -code error -errorcode {SDX SAME} "couldn't write \"$to\": it is what is to be converted"
    }
    for {set above [file dirname [file normalize $to]]} {1} {set above [file dirname $above]} {
	if {[file isdirectory $from] && [::sdx::output::Is $from $above]} {
	    return -code error -errorcode {SDX INSIDE} \
		"couldn't write \"$to\": it would be inside of what is to be converted (hint: name an output elsewhere)"
	}
	if {$above eq [file dirname $above]} {
	    return
	}
    }
}

# ::sdx::convert::Write --
#
#	Writes the output.

proc ::sdx::convert::Write {format source to values} {
    set progress [::sdx::progress::Options "converting [file tail [dict get $source path]]"]
    set level [expr {[dict exists $values -level] ? [dict get $values -level] : 6}]
    set level9 [expr {min($level, 9)}]
    switch -- $format {
	kit - starpack - plain {
	    Archive $format $source $to $values [list -level $level {*}$progress]
	}
	directory {
	    ::starlit::archive extract [::sdx::source::Stored $source $to] $to -runtime [dict get $values -all] \
		{*}$progress
	}
	zip - zipkit {
	    set prefix [expr {$format eq "zip" ? "" : [Stub $source $values]}]
	    ::sdx::Load zip_writer
	    ::sdx::source::Opened $source root {
		::sdx::output::Write $to [expr {$format eq "zip" ? 0o666 : 0o777}] out {
		    ::sdx::zip_writer::Write $out $prefix $source $root $level9 [lindex $progress 1]
		}
	    }
	}
	tar - tar.gz {
	    ::sdx::Load tar_writer
	    ::sdx::source::Opened $source root {
		::sdx::output::Write $to 0o666 out {
		    ::sdx::tar_writer::Write $out [expr {$format eq "tar.gz"}] $source $root $level9 [lindex $progress 1]
		}
	    }
	}
    }
}

# ::sdx::convert::Archive --
#
#	Writes a kit, a starpack or a plain archive.

proc ::sdx::convert::Archive {format source to values options} {
    if {$format eq "starpack"} {
	CheckMain $source
	set runtime [dict get $values -runtime]
	lappend options -runtime [expr {$runtime eq "self" ? [info nameofexecutable] : $runtime}]
    } elseif {$format eq "kit"} {
	lassign [OldHeader $source] writable
	set writable [expr {$writable || [dict get $values -writable]}]
	lappend options -script [::sdx::kit::Header [Program $values] $writable] -writable $writable
    }
    if {$format ne "plain"} {
	::sdx::Load packages
	::sdx::source::Seen $source $to entries {
	    # What is seen through a link to a directory has packages, too.
	    lappend options -packages [::sdx::packages::Record $entries [::sdx::members::Links [dict get $source members]]]
	}
    }
    ::starlit::archive create $to [::sdx::source::Entries $source] {*}$options
}

proc ::sdx::convert::Program {values} {
    return [expr {[dict exists $values -interp] ? [dict get $values -interp] : "tclkit"}]
}

# ::sdx::convert::CheckMain --
#
#	An executable without a main.tcl would be a runtime.

proc ::sdx::convert::CheckMain {source} {
    if {![dict exists $source members main.tcl]} {
	return -code error -errorcode {SDX NOMAIN} "couldn't convert \"[dict get $source path]\": it has no main.tcl (hint:\
	    main.tcl is the script that runs first)"
    }
}

# ::sdx::convert::OldHeader --
#
#	What the script in front of an archive does: mounts it writable, or not.

proc ::sdx::convert::OldHeader {source} {
    variable kitHeader

    if {[dict get $source format] ni {kit metakit zip}} {
	return 0
    }
    set path [dict get $source path]
    set size [dict get [::starlit::archive info $path] prefix]
    set in [open $path rb]
    set prefix [read $in [expr {min($size, 65536)}]]
    close $in
    if {[regexp $kitHeader $prefix - driver arguments]} {
	return [expr {$driver ne "zip" && "-readonly" ni [split $arguments]}]
    }
    if {$size > 0} {
	::sdx::losses::Add header "the program or script in front, which is not that of a kit"
    }
    return 0
}

# ::sdx::convert::Stub --
#
#	What is in front of a zip file that runs.

proc ::sdx::convert::Stub {source values} {
    if {[dict exists $values -stub]} {
	set in [open [Plain [dict get $values -stub]] rb]
	try {
	    set stub [read $in]
	} finally {
	    close $in
	}
	return [expr {[string first \x1a $stub] < 0 ? "$stub\n\x1a" : $stub}]
    }
    set header [::sdx::kit::Header [Program $values] 1]
    return [string map {"starkit::header sqlar" "starkit::header zip"} $header]
}
