// SPDX-License-Identifier: MIT
//
// floor: the least that a Tcl program can be: an interpreter and one `puts`, without a Tcl library, without a start-up
// script, without an archive. What tclkit takes beyond this is ours and init.tcl's.
// Linked like `empty` (static, at a fixed address), so that the two differ by Tcl alone.

#include <tcl.h>

int main(int, char** argv) {
    Tcl_FindExecutable(argv[0]);
    Tcl_Interp* interp = Tcl_CreateInterp();
    const int status = Tcl_Eval(interp, "puts hello") == TCL_OK ? 0 : 1;
    Tcl_DeleteInterp(interp);
    Tcl_Finalize();
    return status;
}
