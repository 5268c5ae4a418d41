// SPDX-License-Identifier: MIT

#include "command_table.h"
#include "driver/commands.h"
#include "driver/driver.h"
#include "place.h"

namespace starlit {
namespace {

// One more, while it lives.
class Counted {
 public:
  explicit Counted(std::atomic<int>& count) : count_(count) { ++count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --count_; }

 private:
  std::atomic<int>& count_;
};

Obj mount(Tcl_Interp* interp, Arguments arguments) {
  Tcl_Obj* archive = arguments[0];
  Tcl_Obj* point = archive;
  Access access = Access::kWrite;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    if (string_of(arguments[i]) == "-readonly") {
      access = Access::kRead;
      continue;
    }
    if (i > 1 || string_of(arguments[i]).starts_with('-')) {
      throw Error(EINVAL, "OPTION", quoted("unknown option", string_of(arguments[i])) + ": must be -readonly");
    }
    point = arguments[i];
  }
  // Looked up before anything is mounted there.
  const std::string where(normalized(interp, point));
  // All paths would lie below it.
  if (where.empty()) throw Error(EINVAL, "PATH", "couldn't mount at \"\": it is no path");
  OpenedArchive opened = open_archive(interp, archive, access);
  mount_archive(where, std::move(opened.archive), opened.mtime_s);
  return Obj(new_string(where));
}

// What a classic kit asks for: `-nocommit` let it write what nobody would keep.
Obj mount_foreign(Tcl_Interp* interp, Arguments arguments, ForeignFormat format) {
  const bool has_point = arguments.size() > 1 && !string_of(arguments[1]).starts_with('-');
  Tcl_Obj* point = arguments[has_point ? 1 : 0];
  for (Tcl_Obj* option : arguments.subspan(has_point ? 2 : 1)) {
    if (string_of(option) != "-readonly" && string_of(option) != "-nocommit") {
      throw Error(EINVAL, "OPTION", quoted("unknown option", string_of(option)) + ": must be -readonly or -nocommit");
    }
  }
  const std::string where(normalized(interp, point));
  if (where.empty()) throw Error(EINVAL, "PATH", "couldn't mount at \"\": it is no path");
  OpenedArchive opened = open_foreign_archive(interp, arguments[0], format);
  mount_archive(where, std::move(opened.archive), opened.mtime_s, driver_name(format));
  return Obj(new_string(where));
}

Obj mount_metakit(Tcl_Interp* interp, Arguments arguments) {
  return mount_foreign(interp, arguments, ForeignFormat::kMetakit);
}

Obj mount_zip(Tcl_Interp* interp, Arguments arguments) { return mount_foreign(interp, arguments, ForeignFormat::kZip); }

// All changes that a script makes in a mount are one. As with [db transaction] of SQLite's own package, an error undoes
// them, and every other way out of the script keeps them.
Obj transaction(Tcl_Interp* interp, Arguments arguments) {
  const auto place = register_driver().find(normalized(interp, arguments[0]));
  if (!place) {
    throw Error(ENOENT, "NOTMOUNTED", quoted("couldn't find a mount that holds", string_of(arguments[0])));
  }
  const auto session = place->mount->session();
  const Session::Handles handles(*session);
  const Counted counted(place->mount->transactions);
  int code;
  try {
    Transaction changes(session->archive());
    code = Tcl_EvalObjEx(interp, arguments[1], 0);
    if (code != TCL_ERROR) changes.commit();
  } catch (const Error&) {
    handles.restore();
    throw;
  }
  if (code == TCL_ERROR) handles.restore();
  if (code != TCL_OK) throw TclError{code};
  return Obj(Tcl_GetObjResult(interp));
}

// For starkit::remount: where the archive cannot be opened as asked for, the mount stays as it was.
Obj remount(Tcl_Interp* interp, Arguments arguments) {
  const std::string point(normalized(interp, arguments[0]));
  Access access = Access::kWrite;
  if (arguments.size() == 2) {
    if (string_of(arguments[1]) != "-readonly") {
      throw Error(EINVAL, "OPTION", quoted("unknown option", string_of(arguments[1])) + ": must be -readonly");
    }
    access = Access::kRead;
  }
  const auto place = register_driver().find(point);
  if (!place || !place->name.empty()) {
    throw Error(EINVAL, "NOTMOUNTED", quoted("couldn't remount", point) + ": nothing is mounted there");
  }
  if (place->mount->driver != std::string_view(driver_name(std::nullopt))) {
    if (access == Access::kRead) return Obj(new_string(point));  // as it is
    throw Error(EROFS, "", quoted("couldn't remount", point) + ": Metakit kits and zip files are read-only" +
                               " (hint: sdx convert makes a kit that can be written)");
  }
  auto archive = Archive::open_file(place->mount->archive_path, access);
  register_driver().replace(point, std::move(archive), place->mount->root_mtime_s);
  Tcl_FSMountsChanged(&kArchiveFilesystem);
  return Obj(new_string(point));
}

Obj unmount(Tcl_Interp* interp, Arguments arguments) {
  unmount_archive(std::string(normalized(interp, arguments[0])));
  return Obj();
}

// With the handle that Mount gave, which is the mount point here, in front.
Obj unmount_foreign(Tcl_Interp* interp, Arguments arguments) { return unmount(interp, arguments.subspan(1)); }

Tcl_Obj* describe(const Mount& mount) {
  Tcl_Obj* const words[] = {new_string(mount.point), from_host(mount.archive_path),
                            new_string(mount.is_writable ? "readwrite" : "readonly"), new_string(mount.driver)};
  return Tcl_NewListObj(4, words);
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
    {"::vfs::mk4::Mount", "file ?mountpoint? ?-readonly? ?-nocommit?", 1, 4, mount_metakit},
    {"::vfs::mk4::Unmount", "handle mountpoint", 2, 2, unmount_foreign},
    {"::vfs::zip::Mount", "file ?mountpoint? ?-readonly?", 1, 4, mount_zip},
    {"::vfs::zip::Unmount", "handle mountpoint", 2, 2, unmount_foreign},
    {"::vfs::sqlar::transaction", "mountpoint script", 2, 2, transaction},
    {"::starlit::remount", "mountpoint ?-readonly?", 1, 2, remount},
    {"::starlit::mounts", "?path?", 0, 1, mounts},
};

}  // namespace

void create_mount_commands(Tcl_Interp* interp) { create_commands(interp, kCommands); }

}  // namespace starlit
