// SPDX-License-Identifier: MIT
//
// `tclkit`, and every starpack: boot, then run what there is to run.
//
//     main.tcl in the own archive   a starpack: the application, with every argument as typed
//     a script or kit named         that
//     else                          the shell
//
// What application and script see follows the classic runtimes: argv0 is `<executable>/main.tcl` in a starpack and the
// script's name as typed otherwise; argv, argc; tcl_interactive 0; `info script`.

#include <sqlite3.h>
#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "archive/name.h"
#include "boot.h"
#include "options.h"
#include "shell.h"
#include "version.h"

namespace starlit {
namespace {

void set_variable(Tcl_Interp* interp, const char* name, Tcl_Obj* value) {
  Tcl_SetVar2Ex(interp, name, nullptr, value, TCL_GLOBAL_ONLY);
}

void set_arguments(Tcl_Interp* interp, const std::string& argv0, const std::vector<std::string>& arguments) {
  Tcl_Obj* list = Tcl_NewListObj(0, nullptr);
  for (const std::string& argument : arguments) Tcl_ListObjAppendElement(nullptr, list, from_host(argument));
  set_variable(interp, "argv0", from_host(argv0));
  set_variable(interp, "argv", list);
  set_variable(interp, "argc", Tcl_NewWideIntObj(static_cast<Tcl_WideInt>(arguments.size())));
  set_variable(interp, "tcl_interactive", Tcl_NewIntObj(0));
}

// Writes to a standard channel, which the script may have closed.
void write_channel(int which, std::string_view text) {
  if (const Tcl_Channel channel = Tcl_GetStdChannel(which)) {
    Tcl_WriteChars(channel, text.data(), static_cast<Tcl_Size>(text.size()));
    Tcl_Flush(channel);
  }
}

// What tclsh prints for a script that fails: the trace of the error.
void report_error(Tcl_Interp* interp, int code) {
  const Obj options(Tcl_GetReturnOptions(interp, code));
  const Obj key(new_string("-errorinfo"));
  Tcl_Obj* trace = nullptr;
  Tcl_DictObjGet(nullptr, options.get(), key.get(), &trace);
  write_channel(TCL_STDERR, std::string(string_of(trace != nullptr ? trace : Tcl_GetObjResult(interp))) + "\n");
}

// Evaluates a file; then, when the application has set one (as Tk does), runs the main loop. Returns the exit status.
int run_file(Tcl_Interp* interp, Tcl_Obj* path, const char* encoding) {
  const Obj held(path);
  Tcl_SetStartupScript(path, encoding);
  const int code = Tcl_FSEvalFileEx(interp, path, encoding);
  if (code == TCL_OK) return 0;
  report_error(interp, code);
  return kExitFailure;
}

std::string version_text() {
  return std::string("Starlit ") + kVersion + " (Tcl " + TCL_PATCH_LEVEL + ", SQLite " + sqlite3_libversion() +
         ", zlib " + zlibVersion() + ")\n";
}

// All licence texts lie in one directory of the archive, named after what they are for.
void print_licenses(Archive& archive) {
  constexpr const char* kDirectory = "lib/starlit/licenses";
  archive.children(kDirectory, [&](std::string_view part, const Member&) {
    const auto text = archive.open(join_name(kDirectory, part));
    const auto bytes = text->bytes();
    write_channel(TCL_STDOUT, "==== " + std::string(part) + "\n\n");
    const Obj content(from_utf8({reinterpret_cast<const char*>(bytes->data()), bytes->size()}));
    write_channel(TCL_STDOUT, std::string(string_of(content.get())) + "\n");
  });
}

int run_options(Runtime& runtime, const Options& options, const char* argv0) {
  Tcl_Interp* interp = runtime.interp.get();
  switch (options.mode) {
    case Mode::kUsage:
      write_channel(TCL_STDERR, "tclkit: " + options.message + "\n");
      return kExitUsage;
    case Mode::kHelp:
      write_channel(TCL_STDOUT, help_text());
      return 0;
    case Mode::kVersion:
      write_channel(TCL_STDOUT, version_text());
      return 0;
    case Mode::kLicenses:
      print_licenses(*runtime.archive);
      return 0;
    case Mode::kScript:
      set_arguments(interp, options.script, options.arguments);
      return run_file(interp, from_host(options.script), options.encoding.empty() ? nullptr : options.encoding.c_str());
    case Mode::kStdin:
    case Mode::kShell:
      set_arguments(interp, argv0 == nullptr ? runtime.path : argv0, options.arguments);
      return run_shell(interp);
  }
  return kExitFailure;
}

int run(int argc, char* argv[]) {
  Runtime runtime = boot(argc > 0 ? argv[0] : nullptr);
  Tcl_Interp* interp = runtime.interp.get();
  int status;
  if (runtime.archive->find("main.tcl")) {
    const std::string main = runtime.path + "/main.tcl";
    set_arguments(interp, main, {argv + std::min(argc, 1), argv + argc});
    status = run_file(interp, from_host(main), nullptr);
  } else {
    status = run_options(runtime, parse_options(argc, argv), argc > 0 ? argv[0] : nullptr);
  }
  // By the command, which a script may have replaced to clean up first.
  Tcl_Obj* const exit[] = {new_string("exit"), Tcl_NewIntObj(status)};
  const Obj call(Tcl_NewListObj(2, exit));
  Tcl_EvalObjEx(interp, call.get(), TCL_EVAL_GLOBAL);
  Tcl_Exit(status);
  return status;
}

}  // namespace
}  // namespace starlit

int main(int argc, char* argv[]) {
  try {
    return starlit::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argc > 0 && argv[0][0] != '\0' ? argv[0] : "tclkit", error.what());
    return starlit::kExitFailure;
  }
}
