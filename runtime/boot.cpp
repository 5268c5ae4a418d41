// SPDX-License-Identifier: MIT

#include "boot.h"

#include <sys/stat.h>

#include "driver/commands.h"
#include "host.h"
#include "self.h"
#include "version.h"

namespace starlit {
namespace {

constexpr const char* kPackage = "Starlit";

// Creates our commands in an interpreter: what preinit.tcl's `load {} Starlit` calls. Safe interpreters get none.
int init_commands(Tcl_Interp* interp) noexcept {
  return command(interp, [&] {
    Tcl_CreateNamespace(interp, "::starlit", nullptr, nullptr);
    Tcl_CreateNamespace(interp, "::vfs", nullptr, nullptr);
    Tcl_CreateNamespace(interp, "::vfs::sqlar", nullptr, nullptr);
    create_mount_commands(interp);
    create_package_commands(interp);
    create_archive_commands(interp);
    Tcl_SetVar2Ex(interp, "::starlit::version", nullptr, Tcl_NewStringObj(kVersion, -1), TCL_GLOBAL_ONLY);
    Tcl_PkgProvide(interp, kPackage, kVersion);
  });
}

std::string read_member(Archive& archive, std::string_view name) {
  const auto reader = archive.open(name);
  const auto bytes = reader ? reader->bytes() : std::nullopt;
  if (!bytes) throw Error(ENOENT, "NOTRUNTIME", quoted("couldn't start", archive.path()) + ": it has no " + std::string(name));
  return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

// preinit.tcl behind the line that tells it where the archive is mounted. Tcl keeps the pointer for all interpreters to
// come, so the text lives as long as the process.
const char* preinit_script(Archive& archive, const std::string& point) {
  static std::string script;
  const char* const body[] = {"variable", "home", point.c_str()};
  const std::unique_ptr<char, Calls<Tcl_Free>> variable(Tcl_Merge(3, body));
  const char* const words[] = {"namespace", "eval", "::starlit", variable.get()};
  const std::unique_ptr<char, Calls<Tcl_Free>> line(Tcl_Merge(4, words));
  script = std::string(line.get()) + "\n" + read_member(archive, "lib/starlit/preinit.tcl");
  return script.c_str();
}

}  // namespace

extern "C" void TclSetPreInitScript(const char* script);  // Tcl_SetPreInitScript() from Tcl 8.7 on

Runtime boot(const char* argv0) {
  Runtime runtime;
  runtime.path = own_path(argv0);
  runtime.archive = open_own_archive(runtime.path);

  Tcl_FindExecutable(runtime.path.c_str());
  runtime.interp.reset(Tcl_CreateInterp());
  Tcl_Interp* interp = runtime.interp.get();

  struct stat status;
  const std::int64_t mtime_s = ::stat(runtime.path.c_str(), &status) == 0 ? status.st_mtime : 0;
  // Resolved, so that the files beside the executable are found when it was started by a link to it.
  const Obj path(from_host(runtime.path + "/."));
  const std::string point(normalized(interp, path.get()));
  mount_archive(point, runtime.archive, mtime_s);

  Tcl_StaticPackage(nullptr, kPackage, init_commands, nullptr);
  TclSetPreInitScript(preinit_script(*runtime.archive, point));
  if (Tcl_Init(interp) != TCL_OK) {
    throw Error(EINVAL, "NOTRUNTIME",
                quoted("couldn't start", runtime.path) + ": " + std::string(string_of(Tcl_GetObjResult(interp))));
  }
  // Only now can the table of an encoding be read.
  if (const std::string encoding = locale_encoding(); encoding != "utf-8") {
    Tcl_SetSystemEncoding(nullptr, encoding.c_str());
  }
  return runtime;
}

}  // namespace starlit
