// SPDX-License-Identifier: MIT

#include "run.h"

#include <sqlite3.h>
#include <zlib.h>

#include "options.h"
#include "version.h"

namespace starlit {
namespace {

void set_variable(Tcl_Interp* interp, const char* name, Tcl_Obj* value) {
  Tcl_SetVar2Ex(interp, name, nullptr, value, TCL_GLOBAL_ONLY);
}

// What tclsh prints for a script that fails: the trace of the error.
void report_error(Tcl_Interp* interp, int code) {
  const Obj options(Tcl_GetReturnOptions(interp, code));
  const Obj key(new_string("-errorinfo"));
  Tcl_Obj* trace = nullptr;
  Tcl_DictObjGet(nullptr, options.get(), key.get(), &trace);
  write_channel(TCL_STDERR, std::string(string_of(trace != nullptr ? trace : Tcl_GetObjResult(interp))) + "\n");
}

}  // namespace

void set_arguments(Tcl_Interp* interp, const std::string& argv0, const std::vector<std::string>& arguments) {
  Tcl_Obj* list = Tcl_NewListObj(0, nullptr);
  for (const std::string& argument : arguments) Tcl_ListObjAppendElement(nullptr, list, from_host(argument));
  set_variable(interp, "argv0", from_host(argv0));
  set_variable(interp, "argv", list);
  set_variable(interp, "argc", Tcl_NewWideIntObj(static_cast<Tcl_WideInt>(arguments.size())));
  set_variable(interp, "tcl_interactive", Tcl_NewIntObj(0));
}

bool write_channel(int which, std::string_view text) {
  const Tcl_Channel channel = Tcl_GetStdChannel(which);
  return channel != nullptr && Tcl_WriteChars(channel, text.data(), static_cast<Tcl_Size>(text.size())) >= 0 &&
         Tcl_Flush(channel) == TCL_OK;
}

int status_of(Tcl_Interp* interp, int code) {
  if (code == TCL_OK) return 0;
  report_error(interp, code);
  return kExitFailure;
}

int run_file(Tcl_Interp* interp, const std::string& path, const char* encoding) {
  const Obj file(from_host(path));
  Tcl_SetStartupScript(file.get(), encoding);
  return status_of(interp, Tcl_FSEvalFileEx(interp, file.get(), encoding));
}

std::string version_text() {
  return std::string("Starlit ") + kVersion + " (Tcl " + TCL_PATCH_LEVEL + ", SQLite " + sqlite3_libversion() +
         ", zlib " + zlibVersion() + ")\n";
}

[[noreturn]] void leave(Tcl_Interp* interp, int status) {
  Tcl_Obj* const exit[] = {new_string("exit"), Tcl_NewIntObj(status)};
  const Obj call(Tcl_NewListObj(2, exit));
  Tcl_EvalObjEx(interp, call.get(), TCL_EVAL_GLOBAL);
  Tcl_Exit(status);
}

}  // namespace starlit
