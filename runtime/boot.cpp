// SPDX-License-Identifier: MIT

#include "boot.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <cstdlib>

#include "driver/commands.h"
#include "host.h"
#include "jailed.h"
#include "self.h"
#include "version.h"

namespace starlit {
namespace {

constexpr const char* kPackage = "Starlit";

// Where the runtime's own archive is. Set once, before there is any interpreter but the first.
struct Home {
  std::string point;
  std::shared_ptr<Archive> archive;
};
Home& home() {
  static Home home;
  return home;
}

// Evaluates a script of the archive as it lies there: it is ASCII, so there is nothing to decode.
void evaluate_member(Tcl_Interp* interp, Archive& archive, std::string_view name) {
  const auto reader = archive.open(name);
  const auto bytes = reader ? reader->bytes() : std::nullopt;
  if (!bytes) {
    throw Error(ENOENT, "NOTRUNTIME", quoted("couldn't start", archive.path()) + ": it has no " + std::string(name));
  }
  if (Tcl_EvalEx(interp, reinterpret_cast<const char*>(bytes->data()), static_cast<Tcl_Size>(bytes->size()),
                 TCL_EVAL_GLOBAL) != TCL_OK) {
    throw Error(EINVAL, "NOTRUNTIME",
                quoted("couldn't start", archive.path()) + ": " + std::string(string_of(Tcl_GetObjResult(interp))));
  }
}

void set_variable(Tcl_Interp* interp, const char* name, const std::string& value) {
  Tcl_SetVar2Ex(interp, name, nullptr, new_string(value), TCL_GLOBAL_ONLY);
}

void init_interpreter(Tcl_Interp* interp) {
  Tcl_CreateNamespace(interp, "::starlit", nullptr, nullptr);
  create_digest_commands(interp);
  create_script_commands(interp);
  Tcl_CreateNamespace(interp, "::vfs::sqlar", nullptr, nullptr);
  create_beneath_command(interp);
  create_mount_commands(interp);
  create_handler_command(interp);
  create_package_commands(interp);
  create_archive_commands(interp);
  if (Tcl_IsSafe(interp) == 0) {
    create_interrupt_command(interp);
    create_confined_command(interp);
    create_jail_commands(interp);
  }
  set_variable(interp, "::starlit::version", kVersion);
  set_variable(interp, "::starlit::sqlite", SQLITE_VERSION);
  set_variable(interp, "::starlit::home", home().point);
  set_variable(interp, "tcl_library", home().point + "/lib/tcl8.6");
  evaluate_member(interp, *home().archive, "lib/starlit/start.tcl");
  Tcl_PkgProvide(interp, kPackage, kVersion);
}

// Sets tcl_platform(user) when it is first read.
char* read_user(ClientData, Tcl_Interp* interp, const char* array, const char* element, int flags) noexcept {
  Tcl_UntraceVar2(interp, array, element, TCL_GLOBAL_ONLY | TCL_TRACE_READS | TCL_TRACE_WRITES, read_user, nullptr);
  if ((flags & TCL_TRACE_READS) != 0) {
    Tcl_SetVar2Ex(interp, array, element, from_host(user_name()), TCL_GLOBAL_ONLY);
  }
  return nullptr;
}

// Comes before what Tcl_Init would do, and stands in for it.
constexpr const char* kPreInitScript = "load {} Starlit; proc tclInit {} {rename tclInit {}}";

}  // namespace

extern "C" int Sqlite3_Init(Tcl_Interp* interp);  // tclsqlite.cmake
extern "C" void TclSetPreInitScript(const char* script);  // Tcl_SetPreInitScript() from Tcl 8.7 on

Runtime boot(const char* argv0) {
  keep_to_own_name_services();
  Runtime runtime;
  runtime.path = own_path(argv0);
  runtime.archive = open_own_archive(runtime.path);

  Tcl_FindExecutable(runtime.path.c_str());
  runtime.interp.reset(create_first_interpreter());
  Tcl_Interp* interp = runtime.interp.get();
  Tcl_TraceVar2(interp, "tcl_platform", "user", TCL_GLOBAL_ONLY | TCL_TRACE_READS | TCL_TRACE_WRITES, read_user,
                nullptr);

  struct stat status;
  const std::int64_t mtime_s = ::stat(runtime.path.c_str(), &status) == 0 ? status.st_mtime : 0;
  // Resolved, so that the files beside the executable are found when it was started by a link to it.
  const std::unique_ptr<char, Calls<std::free>> resolved(::realpath(runtime.path.c_str(), nullptr));
  const Obj path(from_host(resolved ? resolved.get() : runtime.path));
  const std::string point(string_of(path.get()));
  mount_archive(point, runtime.archive, mtime_s);

  home() = {point, runtime.archive};
  runtime.home = point;

  Tcl_StaticPackage(
      nullptr, kPackage, [](Tcl_Interp* child) { return command(child, [&] { init_interpreter(child); }); }, nullptr);
  // Not for safe interpreters: it opens files.
  Tcl_StaticPackage(nullptr, "Sqlite3", Sqlite3_Init, nullptr);
  TclSetPreInitScript(kPreInitScript);
  init_interpreter(interp);
  // Only now can the table of an encoding be read.
  if (const std::string encoding = locale_encoding(); encoding != "utf-8") {
    Tcl_SetSystemEncoding(nullptr, encoding.c_str());
  }
  return runtime;
}

}  // namespace starlit
