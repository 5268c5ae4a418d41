# SPDX-License-Identifier: MIT
#
# preinit.tcl: evaluated by Tcl_Init in every trusted interpreter before anything of the script library. In front of it
# boot.cpp puts one line that sets ::starlit::home, the directory that the runtime's own archive is mounted at.
#
# It names the runtime's own library, so that neither TCL_LIBRARY nor the folders around the executable are looked at, and
# an empty auto_path, so that TCLLIBPATH is not. Tcl_Init then calls tclInit.

proc tclInit {} {
    rename tclInit {}
    load {} Starlit
    set ::tcl_library $::starlit::home/lib/tcl8.6
    encoding dirs [list $::tcl_library/encoding]
    set ::auto_path {}
    unset -nocomplain ::tcl_pkgPath
    uplevel #0 {
	source $::tcl_library/init.tcl
	source $::starlit::home/lib/starlit/boot.tcl
    }
}
