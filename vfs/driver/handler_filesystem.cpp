// SPDX-License-Identifier: MIT

#include "handler_filesystem.h"

#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include <limits>
#include <mutex>

#include "handler_channel.h"
#include "handler_glob.h"
#include "place.h"

namespace starlit {
namespace {

// More than any file has; Tcl takes memory for a pointer each.
constexpr Tcl_Size kMostAttributes = 1000;

int path_in_filesystem(Tcl_Obj* path, ClientData* place) noexcept {
  if (thread_handler_mounts == nullptr || thread_handler_mounts->all().empty()) return -1;
  try {
    Tcl_Obj* normal = normal_path_of_lookup(path);
    if (normal == nullptr || thread_handler_mounts == nullptr) return -1;
    auto found = thread_handler_mounts->find(string_of(normal));
    // The archive's mount is the longer one.
    if (!found || mount_table()->find(string_of(normal))) return -1;
    *place = new HandlerPlace(std::move(*found));
    return TCL_OK;
  } catch (const std::exception&) {
    return -1;
  }
}

ClientData dup_place(ClientData place) noexcept { return new HandlerPlace(*static_cast<const HandlerPlace*>(place)); }
void free_place(ClientData place) noexcept { delete static_cast<HandlerPlace*>(place); }

// As in tclvfs: the command.
Tcl_Obj* path_type(Tcl_Obj* path) noexcept {
  const auto* place = static_cast<const HandlerPlace*>(Tcl_FSGetInternalRep(path, &kHandlerFilesystem));
  return place == nullptr ? nullptr : Tcl_DuplicateObj(place->mount->command.get());
}

Tcl_Obj* separator(Tcl_Obj*) noexcept { return new_string("/"); }

Tcl_Obj* list_volumes() noexcept {
  if (thread_handler_mounts == nullptr) return nullptr;
  Tcl_Obj* volumes = nullptr;
  for (const auto& mount : thread_handler_mounts->all()) {
    if (!mount->is_volume) continue;
    if (volumes == nullptr) {
      volumes = Tcl_NewListObj(0, nullptr);
      Tcl_IncrRefCount(volumes);  // for Tcl
    }
    Tcl_ListObjAppendElement(nullptr, volumes, new_string(mount->point));
  }
  return volumes;
}

Obj number(std::int64_t value) { return Obj(Tcl_NewWideIntObj(value)); }

int call(Tcl_Obj* path, const char* subcommand, int plain, std::initializer_list<Obj> arguments = {}) {
  const auto answer = call_handler(place_of_handler(path), path, subcommand, PlainErrors::kInternal, arguments);
  return answer.is_ok ? 0 : errno_of(answer, plain);
}

// Stores a number where it fits.
template <typename Field>
bool store(Tcl_WideInt value, Field& field, Tcl_WideInt least = std::numeric_limits<Tcl_WideInt>::min()) {
  if (value < least) return false;
  field = static_cast<Field>(value);
  // -1 is what handlers say for a device or an owner that there is not.
  return static_cast<Tcl_WideInt>(field) == value || value == -1;
}

// One field of a stat answer; false where its value is none. Other names are the handler's own.
bool store_field(std::string_view name, Tcl_Obj* value, Tcl_StatBuf& status, std::string_view& type, bool& has_mode) {
  if (name == "type") {
    type = string_of(value);
    return true;
  }
  constexpr std::string_view kNumbers[] = {"dev",  "ino",   "mode",  "nlink", "uid",
                                           "gid",  "size",  "atime", "mtime", "ctime"};
  if (std::find(std::begin(kNumbers), std::end(kNumbers), name) == std::end(kNumbers)) return true;
  Tcl_WideInt wide;
  if (Tcl_GetWideIntFromObj(nullptr, value, &wide) != TCL_OK) return false;
  if (name == "dev") return store(wide, status.st_dev);
  if (name == "ino") return store(wide, status.st_ino);
  if (name == "nlink") return store(wide, status.st_nlink);
  if (name == "uid") return store(wide, status.st_uid);
  if (name == "gid") return store(wide, status.st_gid);
  if (name == "size") return store(wide, status.st_size, 0);
  if (name == "atime") return store(wide, status.st_atime);
  if (name == "mtime") return store(wide, status.st_mtime);
  if (name == "ctime") return store(wide, status.st_ctime);
  has_mode = true;
  return store(wide, status.st_mode, 0);
}

bool store_type(std::string_view type, bool has_mode, Tcl_StatBuf& status) {
  if (type.empty()) return (status.st_mode & S_IFMT) != 0;
  const mode_t format = type == "file" ? S_IFREG : type == "directory" ? S_IFDIR : type == "link" ? S_IFLNK : 0;
  if (format == 0) return (status.st_mode & S_IFMT) != 0;
  status.st_mode = (status.st_mode & 07777) | format;
  if (!has_mode) status.st_mode |= format == S_IFDIR ? 0755 : 0644;
  return true;
}

// Why a stat answer is none, or null.
const char* fill_status(Tcl_Obj* list, Tcl_StatBuf& status) {
  Tcl_Size count = 0;
  Tcl_Obj** words = nullptr;
  if (Tcl_ListObjGetElements(nullptr, list, &count, &words) != TCL_OK || count % 2 != 0) return "no list of fields";
  status = {};
  status.st_nlink = 1;
  std::string_view type;
  bool has_mode = false;
  for (Tcl_Size i = 0; i < count; i += 2) {
    if (!store_field(string_of(words[i]), words[i + 1], status, type, has_mode)) return "a number that is none";
  }
  if (!store_type(type, has_mode, status)) return "no type";
  status.st_blksize = 4096;
  status.st_blocks = status.st_size / 512 + (status.st_size % 512 != 0 ? 1 : 0);
  return nullptr;
}

int get_status(Tcl_Obj* path, Tcl_StatBuf& status) {
  const HandlerPlace place = place_of_handler(path);
  const auto answer = call_handler(place, path, "stat", PlainErrors::kInternal);
  if (!answer.is_ok) return errno_of(answer, ENOENT);
  const char* fault = fill_status(answer.result.get(), status);
  if (fault == nullptr) return 0;
  refuse_answer(place, "stat", fault);
  return EIO;
}

int stat(Tcl_Obj* path, Tcl_StatBuf* status) noexcept {
  return answer([&] { return get_status(path, *status); });
}

int access(Tcl_Obj* path, int mode) noexcept {
  return answer([&] { return call(path, "access", ENOENT, {number(mode)}); });
}

// Tcl hands the result of these on as the result of a command: not -1.
template <typename Body>
int change(Body&& body) noexcept {
  return answer(body) == 0 ? TCL_OK : TCL_ERROR;
}

int utime(Tcl_Obj* path, struct utimbuf* times) noexcept {
  return answer([&] { return call(path, "utime", EIO, {number(times->actime), number(times->modtime)}); });
}

int create_directory(Tcl_Obj* path) noexcept {
  return change([&] { return call(path, "createdirectory", EIO); });
}

int delete_file(Tcl_Obj* path) noexcept {
  return change([&] { return call(path, "deletefile", EIO); });
}

int remove_directory(Tcl_Obj* path, int recursive, Tcl_Obj** culprit) noexcept {
  const int result = change([&] {
    const int error = call(path, "removedirectory", EIO, {number(recursive != 0 ? 1 : 0)});
    return error == ENOTEMPTY ? EEXIST : error;  // what Tcl takes for a directory that holds something
  });
  if (result != TCL_OK && culprit != nullptr) {
    *culprit = path;
    Tcl_IncrRefCount(path);
  }
  return result;
}

Tcl_Obj* link(Tcl_Obj*, Tcl_Obj* to, int) noexcept {
  Tcl_SetErrno(to == nullptr ? EINVAL : EOPNOTSUPP);
  return nullptr;
}

// A list of its own with elements of its own: Tcl keeps pointers into them while it asks the handler for the values.
const char* const* attribute_names(Tcl_Obj* path, Tcl_Obj** list) noexcept {
  answer([&] {
    const HandlerPlace place = place_of_handler(path);
    const auto names = call_handler(place, path, "fileattributes", PlainErrors::kInternal);
    if (!names.is_ok) return errno_of(names, EIO);
    Tcl_Size count = 0;
    Tcl_Obj** words = nullptr;
    if (Tcl_ListObjGetElements(nullptr, names.result.get(), &count, &words) != TCL_OK || count > kMostAttributes) {
      refuse_answer(place, "fileattributes", "no list of names");
      return EIO;
    }
    *list = Tcl_NewListObj(0, nullptr);
    for (Tcl_Size i = 0; i < count; ++i) Tcl_ListObjAppendElement(nullptr, *list, new_string(string_of(words[i])));
    return 0;
  });
  return nullptr;
}

int get_attribute(Tcl_Interp* interp, int index, Tcl_Obj* path, Tcl_Obj** value) noexcept {
  try {
    const auto answer =
        call_handler(place_of_handler(path), path, "fileattributes", PlainErrors::kToCaller, {number(index)});
    if (!answer.is_ok) return hand_on(interp, answer, "couldn't read attributes for", path);
    *value = Tcl_DuplicateObj(answer.result.get());
    return TCL_OK;
  } catch (const Error& error) {
    return set_error(interp, error);
  } catch (const std::exception&) {
    return TCL_ERROR;
  }
}

int set_attribute(Tcl_Interp* interp, int index, Tcl_Obj* path, Tcl_Obj* value) noexcept {
  try {
    const auto answer = call_handler(place_of_handler(path), path, "fileattributes", PlainErrors::kToCaller,
                                     {number(index), Obj(value)});
    return answer.is_ok ? TCL_OK : hand_on(interp, answer, "couldn't set attributes for", path);
  } catch (const Error& error) {
    return set_error(interp, error);
  } catch (const std::exception&) {
    return TCL_ERROR;
  }
}

int change_directory(Tcl_Obj* path) noexcept {
  return answer([&] {
    Tcl_StatBuf status;
    if (const int error = get_status(path, status); error != 0) return error;
    if (!S_ISDIR(status.st_mode)) return ENOTDIR;
    if (const int error = call(path, "access", EACCES, {number(R_OK)}); error != 0) return error;
    const HandlerPlace place = place_of_handler(path);
    std::string directory = place.mount->is_volume ? "" : to_host(place.mount->point);
    while (directory.starts_with('/') && ::chdir(directory.c_str()) != 0) directory = parent_name(directory);
    return 0;
  });
}

}  // namespace

// Tcl keeps the address, so it is the same in every thread. The name is one that scripts ask for by `file system`.
const Tcl_Filesystem kHandlerFilesystem = {
    "tclvfs",
    sizeof(Tcl_Filesystem),
    TCL_FILESYSTEM_VERSION_1,
    path_in_filesystem,
    dup_place,
    free_place,
    nullptr,  // no path is made from a place alone
    nullptr,
    nullptr,  // no links to follow
    path_type,
    separator,
    stat,
    access,
    open_by_handler,
    match_by_handler,
    utime,
    link,
    list_volumes,
    attribute_names,
    get_attribute,
    set_attribute,
    create_directory,
    remove_directory,
    delete_file,
    nullptr,  // copies and renames are made by Tcl
    nullptr,
    nullptr,
    nullptr,  // no links to look at
    reinterpret_cast<Tcl_FSLoadFileProc*>(refuse_load),
    nullptr,
    change_directory,
};

void register_handler_filesystem() {
  static std::once_flag once;
  std::call_once(once, [] {
    register_driver();
    if (Tcl_FSRegister(nullptr, &kHandlerFilesystem) != TCL_OK) {
      throw Error(ENOMEM, "", "couldn't register the file system of handlers");
    }
    // Not one of a thread's: then a channel of `chan create` that is closed leaves what Tcl frees a second time.
    Tcl_CreateExitHandler([](ClientData) { finish_handler_channels(); }, nullptr);
  });
}

HandlerPlace place_of_handler(Tcl_Obj* path) {
  Tcl_FSGetNormalizedPath(nullptr, path);  // as in place_of()
  const auto* place = static_cast<const HandlerPlace*>(Tcl_FSGetInternalRep(path, &kHandlerFilesystem));
  if (place == nullptr) throw posix_error("couldn't use path", string_of(path), ENOENT);
  return *place;
}

int hand_on(Tcl_Interp* interp, const HandlerAnswer& answer, const char* verb, Tcl_Obj* path) noexcept {
  Tcl_SetErrno(errno_of(answer, EIO));
  if (interp == nullptr) return TCL_ERROR;
  if (answer.posix == 0 && answer.result) {
    Tcl_SetObjResult(interp, answer.result.get());
    if (answer.error_code) Tcl_SetObjErrorCode(interp, answer.error_code.get());
  } else {
    Tcl_SetObjResult(interp, Tcl_ObjPrintf("%s \"%s\": %s", verb, Tcl_GetString(path), Tcl_PosixError(interp)));
  }
  return TCL_ERROR;
}

}  // namespace starlit
