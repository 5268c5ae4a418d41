// SPDX-License-Identifier: MIT

#include "command_table.h"
#include "driver/commands.h"
#include "driver/driver.h"

namespace starlit {
namespace {

// Mounts are read-only whether -readonly is given or not, and starlit::mounts says so.
Obj mount(Tcl_Interp* interp, Arguments arguments) {
  Tcl_Obj* archive = arguments[0];
  Tcl_Obj* point = archive;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    if (string_of(arguments[i]) == "-readonly") continue;
    if (i > 1 || string_of(arguments[i]).starts_with('-')) {
      throw Error(EINVAL, "OPTION", quoted("unknown option", string_of(arguments[i])) + ": must be -readonly");
    }
    point = arguments[i];
  }
  // Looked up before anything is mounted there.
  const std::string where(normalized(interp, point));
  OpenedArchive opened = open_archive(interp, archive);
  mount_archive(where, std::move(opened.archive), opened.mtime_s);
  return Obj(new_string(where));
}

Obj unmount(Tcl_Interp* interp, Arguments arguments) {
  unmount_archive(std::string(normalized(interp, arguments[0])));
  return Obj();
}

Tcl_Obj* describe(const Mount& mount) {
  Tcl_Obj* const words[] = {new_string(mount.point), from_host(mount.archive->path()), new_string("readonly")};
  return Tcl_NewListObj(3, words);
}

Obj mounts(Tcl_Interp* interp, Arguments arguments) {
  const MountTable& table = register_driver();
  if (!arguments.empty()) {
    const auto place = table.find(normalized(interp, arguments[0]));
    if (!place) {
      throw Error(ENOENT, "NOTMOUNTED", quoted("couldn't find a mount that holds", string_of(arguments[0])));
    }
    return Obj(describe(*place->mount));
  }
  Obj list(Tcl_NewListObj(0, nullptr));
  for (const auto& each : table.all()) Tcl_ListObjAppendElement(nullptr, list.get(), describe(*each));
  return list;
}

constexpr CommandRow kCommands[] = {
    {"::vfs::sqlar::Mount", "archive ?mountpoint? ?-readonly?", 1, 3, mount},
    {"::vfs::sqlar::Unmount", "mountpoint", 1, 1, unmount},
    {"::starlit::mounts", "?path?", 0, 1, mounts},
};

}  // namespace

void create_mount_commands(Tcl_Interp* interp) { create_commands(interp, kCommands); }

}  // namespace starlit
