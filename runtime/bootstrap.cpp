// SPDX-License-Identifier: MIT
//
// A Tcl with the archive commands for the build itself: `bootstrap SCRIPT ARG...`. It puts the first runtime together,
// before there is one, with the host's Tcl library. It is not installed.

#include <cstdio>

#include "driver/commands.h"

int main(int argc, char* argv[]) {
  Tcl_FindExecutable(argv[0]);
  Tcl_Interp* interp = Tcl_CreateInterp();
  if (argc < 2 || Tcl_Init(interp) != TCL_OK) {
    std::fprintf(stderr, "bootstrap: %s\n", argc < 2 ? "no script" : Tcl_GetStringResult(interp));
    return 1;
  }
  Tcl_CreateNamespace(interp, "::starlit", nullptr, nullptr);
  starlit::create_archive_commands(interp);
  Tcl_Obj* arguments = Tcl_NewListObj(0, nullptr);
  for (int i = 2; i < argc; ++i) Tcl_ListObjAppendElement(nullptr, arguments, starlit::from_host(argv[i]));
  Tcl_SetVar2Ex(interp, "argv", nullptr, arguments, TCL_GLOBAL_ONLY);
  if (Tcl_EvalFile(interp, argv[1]) != TCL_OK) {
    std::fprintf(stderr, "%s\n", Tcl_GetVar(interp, "errorInfo", TCL_GLOBAL_ONLY));
    return 1;
  }
  return 0;
}
