# SPDX-License-Identifier: MIT
#
# tgz2kit.tcl: sdx tgz2kit, the classic name and form of convert for tar files.

::sdx::Load convert

namespace eval ::sdx::tgz2kit {
    variable operands {{IN required} {OUT optional}}
    variable options {
	{{-notop} {} {} {leave out the directory that all is in: what is in it takes its place}}
	{{-quiet} {} {} {print nothing when all goes well}}
	{{-json} {} {} {print the result as JSON}}
    }
    variable description {
	Makes the kit OUT of the tar file IN, compressed by gzip or not. OUT is by default the last part of IN's name with
	.kit in place of .tar.gz, .tgz or .tar, in the current directory. sdx convert has more options.
    }
    variable result {
	what sdx::convert returns.
    }
}

proc ::sdx::tgz2kit::Run {values} {
    set in [dict get $values IN]
    if {[dict exists $values OUT]} {
	set out [dict get $values OUT]
    } else {
	set out [regsub {\.(tar\.gz|tgz|tar)$} [::sdx::members::Tail $in] ""].kit
    }
    set arguments [list -to kit]
    if {[dict get $values -notop]} {
	lappend arguments -notop
    }
    return [::sdx::convert::Run [::sdx::options::Parse ::sdx::convert [list {*}$arguments -- $in $out]]]
}

proc ::sdx::tgz2kit::Show {values result} {
    ::sdx::convert::Show $values $result
}
