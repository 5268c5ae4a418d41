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

#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "archive/name.h"
#include "jailed.h"
#include "options.h"
#include "run.h"
#include "script_file.h"
#include "self.h"
#include "shell.h"

namespace starlit {
namespace {

// What an option prints. Returns the exit status.
int print(std::string_view text) {
  if (write_channel(TCL_STDOUT, text)) return 0;
  write_channel(TCL_STDERR, std::string("tclkit: couldn't write: ") + Tcl_ErrnoMsg(Tcl_GetErrno()) + "\n");
  return kExitFailure;
}

// Evaluates all of standard input as one script.
int run_stdin(Tcl_Interp* interp, const char* encoding) {
  const Tcl_Channel input = Tcl_GetStdChannel(TCL_STDIN);
  const Obj script(Tcl_NewObj());
  if (input == nullptr) return 0;
  if (encoding != nullptr && Tcl_SetChannelOption(interp, input, "-encoding", encoding) != TCL_OK) {
    return status_of(interp, TCL_ERROR);
  }
  if (Tcl_ReadChars(input, script.get(), -1, 0) < 0) {
    write_channel(TCL_STDERR, std::string("tclkit: couldn't read standard input: ") + Tcl_ErrnoMsg(Tcl_GetErrno()) + "\n");
    return kExitFailure;
  }
  return status_of(interp, Tcl_EvalObjEx(interp, script.get(), TCL_EVAL_GLOBAL));
}

// All licence texts lie in one directory of the archive, named after what they are for.
std::string license_text(Archive& archive) {
  constexpr const char* kDirectory = "lib/starlit/licenses";
  std::string text;
  for (const std::string& part : archive.child_names(kDirectory)) {
    const auto license = archive.open(join_name(kDirectory, part));
    const auto bytes = license ? license->bytes() : std::nullopt;
    if (!bytes) continue;
    text += "==== " + part + "\n\n";
    text += utf8_to_tcl({reinterpret_cast<const char*>(bytes->data()), bytes->size()}) + "\n";
  }
  return text;
}

int run_script(Runtime& runtime, const Options& options, const char* encoding) {
  Tcl_Interp* interp = runtime.interp.get();
  set_arguments(interp, options.script, options.arguments);
  switch (kind_of_script(options.script)) {
    case ScriptKind::kPlainArchive:
      return run_file(interp, runtime.home + "/lib/starlit/plain.tcl", nullptr);
    case ScriptKind::kScript:
      break;
  }
  return run_file(interp, options.script, encoding);
}

int run_options(Runtime& runtime, const Options& options, const char* argv0) {
  Tcl_Interp* interp = runtime.interp.get();
  const char* encoding = options.encoding.empty() ? nullptr : options.encoding.c_str();
  switch (options.mode) {
    case Mode::kUsage:
      write_channel(TCL_STDERR, "tclkit: " + options.message + "\n");
      return kExitUsage;
    case Mode::kHelp:
      return print(help_text());
    case Mode::kVersion:
      return print(version_text());
    case Mode::kLicenses:
      return print(license_text(*runtime.archive));
    case Mode::kScript:
      return run_script(runtime, options, encoding);
    case Mode::kStdin:
      set_arguments(interp, argv0 == nullptr ? runtime.path : argv0, options.arguments);
      return run_stdin(interp, encoding);
    case Mode::kShell:
      set_arguments(interp, argv0 == nullptr ? runtime.path : argv0, options.arguments);
      return run_shell(interp);
  }
  return kExitFailure;
}

// Looked at and closed again: a jail comes before everything else.
bool is_application(const char* argv0) { return open_own_archive(own_path(argv0))->find("main.tcl").has_value(); }

int run(int argc, char* argv[]) {
  if (argc > 1 && std::string_view(argv[1]) == "--jail" && !is_application(argv[0])) {
    return run_jailed({argv + 2, argv + argc}, argv[0]);
  }
  Runtime runtime = boot(argc > 0 ? argv[0] : nullptr);
  Tcl_Interp* interp = runtime.interp.get();
  int status;
  if (runtime.archive->find("main.tcl")) {
    const std::string main = runtime.path + "/main.tcl";
    set_arguments(interp, main, {argv + std::min(argc, 1), argv + argc});
    status = run_file(interp, main, nullptr);
  } else {
    status = run_options(runtime, parse_options(argc, argv), argc > 0 ? argv[0] : nullptr);
  }
  leave(interp, status);
}

// A file that would grow beyond its limit (RLIMIT_FSIZE) is an error of the write, as Tcl programs can catch, and not the
// end of the process. A handler and not SIG_IGN: programs that are started from here have the default again.
void write_errors_for_file_size() {
  struct sigaction now;
  if (::sigaction(SIGXFSZ, nullptr, &now) != 0 || now.sa_handler != SIG_DFL) return;
  now.sa_handler = [](int) {};
  now.sa_flags = SA_RESTART;
  static_cast<void>(::sigaction(SIGXFSZ, &now, nullptr));
}

}  // namespace
}  // namespace starlit

int main(int argc, char* argv[]) {
  starlit::write_errors_for_file_size();
  try {
    return starlit::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argc > 0 && argv[0][0] != '\0' ? argv[0] : "tclkit", error.what());
    return starlit::kExitFailure;
  }
}
