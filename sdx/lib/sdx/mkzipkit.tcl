# SPDX-License-Identifier: MIT
#
# mkzipkit.tcl: sdx mkzipkit, the classic name and form of convert -to zipkit.

::sdx::Load convert

namespace eval ::sdx::mkzipkit {
    variable operands {{IN required} {OUT required} {STUB optional}}
    variable options {
	{{-interp} PROGRAM {} {what the kit's first line starts, found by PATH; default tclkit}}
	{{-quiet} {} {} {print nothing when all goes well}}
	{{-json} {} {} {print the result as JSON}}
    }
    variable description {
	Makes OUT, a zip file with a script in front that mounts it and runs its main.tcl, out of IN: a zip file, or anything
	else that sdx convert takes. Any tclsh with the packages starkit and vfs::zip runs it. With STUB, that file stands in
	front instead, as for a Tcl module; ^Z is put behind a script that doesn't end with it.
    }
    variable result {
	what sdx::convert returns.
    }
}

proc ::sdx::mkzipkit::Run {values} {
    set arguments [list -to zipkit]
    foreach {option argument} {-interp -interp STUB -stub} {
	if {[dict exists $values $option]} {
	    lappend arguments $argument [dict get $values $option]
	}
    }
    lappend arguments -- [dict get $values IN] [dict get $values OUT]
    return [::sdx::convert::Run [::sdx::options::Parse ::sdx::convert $arguments]]
}

proc ::sdx::mkzipkit::Show {values result} {
    ::sdx::convert::Show $values $result
}
