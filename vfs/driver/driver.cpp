// SPDX-License-Identifier: MIT

#include "driver/driver.h"

#include <sys/stat.h>
#include <unistd.h>

#include <mutex>

#include "archive/name.h"
#include "base/file.h"
#include "change.h"
#include "channel.h"
#include "glob.h"
#include "handler_mounts.h"
#include "inspect.h"
#include "place.h"

namespace starlit {
namespace {

int path_in_filesystem(Tcl_Obj* path, ClientData* place) noexcept {
  try {
    Tcl_Obj* normal = normal_path_of_lookup(path);
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
    const auto session = place->mount->session();
    Archive& archive = session->archive();
    if (!archive.may_hold_links()) return static_cast<int>(text.size());
    const std::string name = to_utf8(place->name);
    std::string_view directory = parent_name(name);
    const std::string point = to_utf8(place->mount->point);
    auto resolved = archive.resolve(directory, true, {point});
    while (!resolved && !directory.empty()) {
      directory = parent_name(directory);
      resolved = archive.resolve(directory, true, {point});
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
    reinterpret_cast<Tcl_FSLoadFileProc*>(refuse_load),
    nullptr,
    change_directory,
};

int refuse_load(Tcl_Interp* interp, Tcl_Obj* path, Tcl_LoadHandle*, Tcl_FSUnloadFileProc**) noexcept {
  Tcl_SetErrno(ENOEXEC);
  return set_error(interp, Error(ENOEXEC, "STATIC",
                                 quoted("couldn't load file", string_of(path)) +
                                     ": this program is statically linked and cannot load shared libraries (hint: use "
                                     "a package written in Tcl, or one that is linked in)"));
}

MountTable* mount_table() noexcept { return static_cast<MountTable*>(Tcl_FSData(&kArchiveFilesystem)); }

MountTable& register_driver() {
  static std::mutex turn;  // two threads may be the first
  const std::lock_guard lock(turn);
  if (MountTable* table = mount_table()) return *table;
  auto table = std::make_unique<MountTable>();
  if (Tcl_FSRegister(table.get(), &kArchiveFilesystem) != TCL_OK) {
    throw Error(ENOMEM, "", "couldn't register the archive file system");
  }
  return *table.release();
}

namespace {

// A file that is itself a member of a mounted archive.
struct InnerFile {
  std::unique_ptr<MemberReader> reader;
  std::int64_t mtime_s = 0;
};

std::optional<InnerFile> find_inner_file(std::string_view path, const std::string& host_path) {
  MountTable* table = mount_table();
  const auto place = table == nullptr ? std::nullopt : table->find(path);
  if (!place || place->name.empty()) return std::nullopt;
  Archive& archive = place->mount->session()->archive();
  const auto name = archive.resolve(to_utf8(place->name), true);
  const auto member = name ? archive.find(*name) : std::nullopt;
  auto reader = name ? archive.open(*name) : nullptr;
  if (!reader) throw posix_error("couldn't open", host_path, member ? EISDIR : ENOENT);
  return InnerFile{std::move(reader), member->mtime_s};
}

}  // namespace

OpenedArchive open_archive(Tcl_Interp* interp, Tcl_Obj* path, Access access) {
  const std::string host_path = to_host(normalized(interp, path));
  if (const auto inner = find_inner_file(normalized(interp, path), host_path)) {
    auto archive = Archive::open_content(*inner->reader, host_path);
    if (access == Access::kWrite) {
      throw Error(EROFS, "NESTED",
                  quoted("couldn't open", host_path) +
                      " for writing: it lies in another archive (hint: mount it with -readonly)");
    }
    return {std::move(archive), inner->mtime_s};
  }
  auto archive = Archive::open_file(host_path, access);
  struct stat status;
  return {std::move(archive), ::stat(host_path.c_str(), &status) == 0 ? status.st_mtime : 0};
}

OpenedArchive open_foreign_archive(Tcl_Interp* interp, Tcl_Obj* path, ForeignFormat format) {
  const std::string host_path = to_host(normalized(interp, path));
  if (const auto inner = find_inner_file(normalized(interp, path), host_path)) {
    return {open_foreign(std::make_shared<ForeignFile>(Archive::content_bytes(*inner->reader, host_path), host_path), format),
            inner->mtime_s};
  }
  const auto file = std::make_shared<const ForeignFile>(host_path);
  return {open_foreign(file, format), file->mtime_s()};
}

const char* driver_name(std::optional<ForeignFormat> format) noexcept {
  return !format ? "sqlar" : *format == ForeignFormat::kMetakit ? "mk4" : "zip";
}

void mount_archive(const std::string& point, std::shared_ptr<Archive> archive, std::int64_t root_mtime_s,
                   const char* driver) {
  register_driver().add(point, std::move(archive), root_mtime_s, driver);
  Tcl_FSMountsChanged(&kArchiveFilesystem);
}

void unmount_archive(const std::string& point) {
  register_driver().remove(point);
  Tcl_FSMountsChanged(&kArchiveFilesystem);
}

void hold_mounts() {
  const MountTable* table = mount_table();
  if (table == nullptr) return;
  for (const auto& mount : table->all()) mount->session()->archive().hold();
}

int temporary_file(Tcl_Interp* interp, Tcl_Obj* variable, Tcl_Obj* path_template) noexcept {
  try {
    const MountTable* table = mount_table();
    auto place = table == nullptr ? std::nullopt : table->find(normalized(nullptr, path_template));
    if (!place || !place->mount->is_writable || place->name.empty()) return TCL_CONTINUE;
    const std::string name = to_utf8(place->name);
    place->name = parent_name(name);
    const std::string_view tail = last_part(name);
    const auto dot = tail.rfind('.');
    const bool has_extension = dot != std::string_view::npos && dot != 0;
    Obj path;
    const Tcl_Channel channel = open_temporary(*place, tail.substr(0, has_extension ? dot : tail.size()),
                                               has_extension ? tail.substr(dot) : "", path);
    Tcl_RegisterChannel(interp, channel);
    if (Tcl_ObjSetVar2(interp, variable, nullptr, path.get(), TCL_LEAVE_ERR_MSG) == nullptr) {
      Tcl_UnregisterChannel(interp, channel);
      return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, new_string(Tcl_GetChannelName(channel)));
    return TCL_OK;
  } catch (const Error& error) {
    Tcl_SetErrno(error.posix());
    Tcl_SetObjResult(interp, Tcl_ObjPrintf("can't create temporary file: %s", Tcl_PosixError(interp)));
    return TCL_ERROR;
  } catch (const std::exception&) {
    return TCL_CONTINUE;
  }
}

std::optional<std::size_t> mounted_prefix(std::string_view path) noexcept {
  try {
    const MountTable* table = mount_table();
    if (table == nullptr) return std::nullopt;
    if (const auto place = table->find(path)) return place->mount->point.size();
    const std::size_t prefix = handler_prefix(path);
    return prefix > 0 ? std::optional(prefix) : std::nullopt;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace starlit
