// SPDX-License-Identifier: MIT

#include "driver/driver.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/name.h"
#include "base/file.h"
#include "channel.h"
#include "glob.h"
#include "place.h"

namespace starlit {
namespace {

// Runs the body of a procedure that returns 0 or sets errno and returns -1.
template <typename Body>
int answer(Body&& body) noexcept {
  try {
    const int error = body();
    if (error == 0) return 0;
    Tcl_SetErrno(error);
  } catch (const Error& error) {
    Tcl_SetErrno(error.posix());
  } catch (const std::exception&) {
    Tcl_SetErrno(ENOMEM);
  }
  return -1;
}

// What changes something: Tcl hands the result on as the result of a command.
int read_only() noexcept {
  Tcl_SetErrno(EROFS);
  return TCL_ERROR;
}

int path_in_filesystem(Tcl_Obj* path, ClientData* place) noexcept {
  try {
    Tcl_Obj* normal = Tcl_FSGetNormalizedPath(nullptr, path);
    if (normal == nullptr) return -1;
    auto found = mount_table()->find(string_of(normal));
    if (!found) return -1;
    found->name = to_utf8(found->name);
    *place = new Place(std::move(*found));
    return TCL_OK;
  } catch (const std::exception&) {
    return -1;
  }
}

ClientData dup_place(ClientData place) noexcept { return new Place(*static_cast<const Place*>(place)); }
void free_place(ClientData place) noexcept { delete static_cast<Place*>(place); }

Tcl_Obj* path_type(Tcl_Obj*) noexcept { return new_string("sqlar"); }
Tcl_Obj* separator(Tcl_Obj*) noexcept { return new_string("/"); }

// Follows the links in all parts of a path but the last, as far as there is something, as the host's own normalisation
// does.
int normalize_path(Tcl_Interp*, Tcl_Obj* path, int checked) noexcept {
  try {
    const std::string_view text = string_of(path);
    const auto place = mount_table()->find(text);
    if (!place || place->name.empty()) return checked;
    Archive& archive = *place->mount->archive;
    if (!archive.may_hold_links()) return static_cast<int>(text.size());
    const std::string name = to_utf8(place->name);
    std::string_view directory = parent_name(name);
    auto resolved = archive.resolve(directory, true);
    while (!resolved && !directory.empty()) {
      directory = parent_name(directory);
      resolved = archive.resolve(directory, true);
    }
    if (!resolved) return checked;
    const std::string_view rest = std::string_view(name).substr(directory.empty() ? 0 : directory.size() + 1);
    const std::string full = join_name(place->mount->point == "/" ? "" : place->mount->point,
                                       utf8_to_tcl(join_name(*resolved, rest)));
    if (full != text) Tcl_SetStringObj(path, full.data(), static_cast<Tcl_Size>(full.size()));
    return static_cast<int>(full.size());
  } catch (const std::exception&) {
    return checked;
  }
}

void fill_stat(const Place& place, const Member& member, Tcl_StatBuf* status) {
  *status = {};
  status->st_dev = place.mount->device;
  status->st_ino = member.inode;
  status->st_mode = member.mode();
  status->st_nlink = 1;
  status->st_uid = ::geteuid();
  status->st_gid = ::getegid();
  status->st_size = member.size_bytes;
  status->st_blksize = 4096;
  status->st_blocks = (member.size_bytes + 511) / 512;
  const bool is_root = place.name.empty();
  status->st_mtime = status->st_atime = status->st_ctime =
      is_root && member.mtime_s == 0 ? place.mount->root_mtime_s : member.mtime_s;
}

int stat_path(Tcl_Obj* path, Tcl_StatBuf* status) noexcept {
  return answer([&] {
    const Place* place = place_of(path);
    const auto member = find_followed(*place);
    if (!member) return missing(*place);
    fill_stat(*place, *member, status);
    return 0;
  });
}

int lstat_path(Tcl_Obj* path, Tcl_StatBuf* status) noexcept {
  return answer([&] {
    const Place* place = place_of(path);
    const auto member = place->mount->archive->find(place->name);
    if (!member) return missing(*place);
    fill_stat(*place, *member, status);
    return 0;
  });
}

int access_path(Tcl_Obj* path, int mode) noexcept {
  return answer([&] {
    // Not missing(): what is asked most, `file exists`, does not ask why.
    const auto member = find_followed(*place_of(path));
    if (!member) return ENOENT;
    if ((mode & W_OK) != 0) return EROFS;
    if ((mode & X_OK) != 0 && !is_executable(*member)) return EACCES;
    return 0;
  });
}

Tcl_Channel open_path(Tcl_Interp* interp, Tcl_Obj* path, int mode, int) noexcept {
  int error = EROFS;
  std::string text;
  try {
    const Place* place = place_of(path);
    const auto& archive = place->mount->archive;
    if ((mode & O_ACCMODE) == O_RDONLY && (mode & O_TRUNC) == 0) {
      if (auto reader = archive->open(place->name)) {
        if ((mode & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL)) {
          return open_member_channel(place->mount, std::move(reader));
        }
        error = EEXIST;
      } else if (const auto name = archive->resolve(place->name, true); !name) {
        error = (mode & O_CREAT) != 0 ? EROFS : missing(*place);
      } else if (const auto member = archive->find(*name); !member || member->type == MemberType::kDirectory) {
        error = member ? EISDIR : ENOENT;
      } else if (auto target = archive->open(*name)) {
        return open_member_channel(place->mount, std::move(target));
      }
    }
  } catch (const Error& failure) {
    error = failure.posix();
    if (!failure.code().empty()) {
      set_error(interp, failure);
      return nullptr;
    }
  } catch (const std::exception&) {
    error = ENOMEM;
  }
  Tcl_SetErrno(error);
  if (interp != nullptr) {
    Tcl_SetObjResult(interp,
                     Tcl_ObjPrintf("couldn't open \"%s\": %s", Tcl_GetString(path), Tcl_PosixError(interp)));
  }
  return nullptr;
}

int utime_path(Tcl_Obj*, struct utimbuf*) noexcept {
  read_only();
  return -1;
}

Tcl_Obj* link_path(Tcl_Obj* path, Tcl_Obj* to, int) noexcept {
  Tcl_Obj* target = nullptr;
  answer([&] {
    if (to != nullptr) return EROFS;
    const Place* place = place_of(path);
    const auto text = place->mount->archive->link_target(place->name);
    if (!text) return place->mount->archive->find(place->name) ? EINVAL : missing(*place);
    target = from_utf8(*text);
    Tcl_IncrRefCount(target);
    return 0;
  });
  return target;
}

constexpr const char* kAttributes[] = {"-permissions", "-stored", nullptr};

const char* const* attribute_names(Tcl_Obj*, Tcl_Obj**) noexcept { return kAttributes; }

int get_attribute(Tcl_Interp* interp, int index, Tcl_Obj* path, Tcl_Obj** value) noexcept {
  const int result = answer([&] {
    const Place* place = place_of(path);
    const auto member = find_followed(*place);
    if (!member) return missing(*place);
    *value = index == 0 ? Tcl_ObjPrintf("%05o", member->permissions) : Tcl_NewWideIntObj(member->stored_bytes);
    return 0;
  });
  if (result != 0 && interp != nullptr) {
    Tcl_SetObjResult(interp, Tcl_ObjPrintf("could not read \"%s\": %s", Tcl_GetString(path), Tcl_PosixError(interp)));
  }
  return result == 0 ? TCL_OK : TCL_ERROR;
}

int set_attribute(Tcl_Interp* interp, int, Tcl_Obj* path, Tcl_Obj*) noexcept {
  read_only();
  if (interp != nullptr) {
    Tcl_SetObjResult(interp,
                     Tcl_ObjPrintf("could not change \"%s\": %s", Tcl_GetString(path), Tcl_PosixError(interp)));
  }
  return TCL_ERROR;
}

int create_directory(Tcl_Obj*) noexcept { return read_only(); }

int remove_directory(Tcl_Obj* path, int, Tcl_Obj** culprit) noexcept {
  if (culprit != nullptr) {
    *culprit = path;
    Tcl_IncrRefCount(path);
  }
  return read_only();
}

int delete_file(Tcl_Obj*) noexcept { return read_only(); }
int copy_file(Tcl_Obj*, Tcl_Obj*) noexcept { return read_only(); }
int rename_file(Tcl_Obj*, Tcl_Obj*) noexcept { return read_only(); }

int copy_directory(Tcl_Obj*, Tcl_Obj* to, Tcl_Obj** culprit) noexcept {
  if (culprit != nullptr) {
    *culprit = to;
    Tcl_IncrRefCount(to);
  }
  return read_only();
}

int load_file(Tcl_Interp* interp, Tcl_Obj* path, Tcl_LoadHandle*, Tcl_FSUnloadFileProc**) noexcept {
  Tcl_SetErrno(ENOEXEC);
  return set_error(interp, Error(ENOEXEC, "STATIC",
                                 quoted("couldn't load file", string_of(path)) +
                                     ": this program is statically linked and cannot load shared libraries (hint: use "
                                     "a package written in Tcl, or one that is linked in)"));
}

int change_directory(Tcl_Obj* path) noexcept {
  return answer([&] {
    const Place* place = place_of(path);
    const auto member = find_followed(*place);
    if (!member) return missing(*place);
    if (member->type != MemberType::kDirectory) return ENOTDIR;
    std::string directory = to_host(place->mount->point);
    do {
      directory = parent_name(directory);
    } while (::chdir(directory.empty() ? "/" : directory.c_str()) != 0 && !directory.empty());
    return 0;
  });
}

}  // namespace

// Tcl keeps the address, so it is the same in every thread.
const Tcl_Filesystem kArchiveFilesystem = {
    "starlit",
    sizeof(Tcl_Filesystem),
    TCL_FILESYSTEM_VERSION_1,
    path_in_filesystem,
    dup_place,
    free_place,
    nullptr,  // no path is made from a place alone
    nullptr,
    normalize_path,
    path_type,
    separator,
    stat_path,
    access_path,
    open_path,
    match_in_directory,
    utime_path,
    link_path,
    nullptr,  // no volumes
    attribute_names,
    get_attribute,
    set_attribute,
    create_directory,
    remove_directory,
    delete_file,
    copy_file,
    rename_file,
    copy_directory,
    lstat_path,
    reinterpret_cast<Tcl_FSLoadFileProc*>(load_file),
    nullptr,
    change_directory,
};

MountTable* mount_table() noexcept { return static_cast<MountTable*>(Tcl_FSData(&kArchiveFilesystem)); }

MountTable& register_driver() {
  if (MountTable* table = mount_table()) return *table;
  auto table = std::make_unique<MountTable>();
  if (Tcl_FSRegister(table.get(), &kArchiveFilesystem) != TCL_OK) {
    throw Error(ENOMEM, "", "couldn't register the archive file system");
  }
  return *table.release();
}

OpenedArchive open_archive(Tcl_Interp* interp, Tcl_Obj* path) {
  const std::string host_path = to_host(normalized(interp, path));
  if (MountTable* table = mount_table()) {
    if (const auto place = table->find(normalized(interp, path)); place && !place->name.empty()) {
      const auto name = place->mount->archive->resolve(to_utf8(place->name), true);
      const auto member = name ? place->mount->archive->find(*name) : std::nullopt;
      auto reader = name ? place->mount->archive->open(*name) : nullptr;
      if (!reader) throw posix_error("couldn't open", host_path, member ? EISDIR : ENOENT);
      return {Archive::open_content(*reader, host_path), member->mtime_s};
    }
  }
  auto archive = Archive::open_file(host_path);
  struct stat status;
  return {std::move(archive), ::stat(host_path.c_str(), &status) == 0 ? status.st_mtime : 0};
}

void mount_archive(const std::string& point, std::shared_ptr<Archive> archive, std::int64_t root_mtime_s) {
  register_driver().add(point, std::move(archive), root_mtime_s);
  Tcl_FSMountsChanged(&kArchiveFilesystem);
}

void unmount_archive(const std::string& point) {
  register_driver().remove(point);
  Tcl_FSMountsChanged(&kArchiveFilesystem);
}

std::optional<std::size_t> mounted_prefix(std::string_view path) noexcept {
  try {
    const MountTable* table = mount_table();
    if (table == nullptr) return std::nullopt;
    const auto place = table->find(path);
    if (!place) return std::nullopt;
    return place->mount->point.size();
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace starlit
