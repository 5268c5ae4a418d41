// SPDX-License-Identifier: MIT
//
// starlit::beneath: files of the host below a directory that is held open, for those who serve a script that is not
// trusted (library/safekit).
//
// Rules:
// 1. A name is followed part by part, each with openat(2) and O_NOFOLLOW from the directory before it. So no link is
//    ever followed, and whoever exchanges a directory for a link meanwhile gains nothing: there is no path that is
//    checked first and used later.
// 2. A name is relative and has no part that is empty, `.` or `..`; the empty name is the directory itself.
// 3. Only regular files are opened: a FIFO would block, and a device may act.
//
// openat2(2) with RESOLVE_BENEATH would do the same in one call, but not on kernels before 5.6, and filters of system calls
// deny it because they cannot see its flags.

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>

#include "base/handle.h"
#include "command_table.h"
#include "driver/commands.h"

namespace starlit {
namespace {

constexpr const char* kAssociation = "starlit::beneath";

using Directory = std::unique_ptr<DIR, Calls<::closedir>>;

// The directories that an interpreter holds, by number. They are closed with the interpreter.
struct Roots {
  std::map<std::int64_t, Fd> open;
  std::int64_t last = 0;
};

Roots& roots_of(Tcl_Interp* interp) {
  auto* roots = static_cast<Roots*>(Tcl_GetAssocData(interp, kAssociation, nullptr));
  if (roots == nullptr) {
    roots = new Roots;
    Tcl_SetAssocData(interp, kAssociation, [](ClientData data, Tcl_Interp*) { delete static_cast<Roots*>(data); }, roots);
  }
  return *roots;
}

int root_of(Tcl_Interp* interp, Tcl_Obj* number) {
  const Roots& roots = roots_of(interp);
  const auto found = roots.open.find(wide_of(interp, number));
  if (found == roots.open.end()) throw Error(EBADF, "NOROOT", quoted("unknown directory", string_of(number)));
  return found->second.get();
}

bool is_link(int directory, const std::string& part) {
  struct stat status;
  return ::fstatat(directory, part.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
}

// The last part of a name and the directory it is in.
class Entry {
 public:
  Entry(Tcl_Interp* interp, Tcl_Obj* root, Tcl_Obj* name) : at_(root_of(interp, root)), name_(to_host(string_of(name))) {
    if (name_.find('\0') != std::string::npos) throw posix_error("couldn't use", name_, EINVAL);
    if (name_.empty()) {
      part_ = ".";
      return;
    }
    std::size_t begin = 0;
    for (;;) {
      const std::size_t end = name_.find('/', begin);
      part_ = name_.substr(begin, end == std::string::npos ? end : end - begin);
      if (part_.empty() || part_ == "." || part_ == "..") throw posix_error("couldn't use", name_, EINVAL);
      if (end == std::string::npos) return;
      descend();
      begin = end + 1;
    }
  }

  int at() const noexcept { return at_; }
  const char* part() const noexcept { return part_.c_str(); }
  const std::string& name() const noexcept { return name_; }

  [[noreturn]] void fail(const char* verb, int error = errno) const {
    // What O_NOFOLLOW says of a link depends on the flags beside it.
    throw posix_error(verb, name_, (error == ENOTDIR || error == ELOOP) && is_link(at_, part_) ? ELOOP : error);
  }

  struct stat status(const char* verb) const {
    struct stat status;
    if (::fstatat(at_, part(), &status, AT_SYMLINK_NOFOLLOW) != 0) fail(verb);
    return status;
  }

 private:
  void descend() {
    Fd next(::openat(at_, part(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next) fail("couldn't find");
    directory_ = std::move(next);
    at_ = directory_.get();
  }

  int at_;
  Fd directory_;
  std::string name_;
  std::string part_;
};

const char* type_of(mode_t mode) {
  if (S_ISREG(mode)) return "file";
  if (S_ISDIR(mode)) return "directory";
  if (S_ISLNK(mode)) return "link";
  if (S_ISFIFO(mode)) return "fifo";
  if (S_ISSOCK(mode)) return "socket";
  return S_ISCHR(mode) ? "characterSpecial" : "blockSpecial";
}

Obj hold(Tcl_Interp* interp, Arguments arguments) {
  const std::string path(to_host(normalized(interp, arguments[0])));
  Fd directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) throw posix_error("couldn't open", path);
  Roots& roots = roots_of(interp);
  roots.open.emplace(++roots.last, std::move(directory));
  return Obj(Tcl_NewWideIntObj(roots.last));
}

Obj release(Tcl_Interp* interp, Arguments arguments) {
  roots_of(interp).open.erase(wide_of(interp, arguments[0]));
  return Obj();
}

int open_flags(Tcl_Interp* interp, Tcl_Obj* words) {
  constexpr std::array<std::pair<const char*, int>, 7> kFlags = {{{"RDONLY", O_RDONLY},
                                                                  {"WRONLY", O_WRONLY},
                                                                  {"RDWR", O_RDWR},
                                                                  {"APPEND", O_APPEND},
                                                                  {"CREAT", O_CREAT},
                                                                  {"EXCL", O_EXCL},
                                                                  {"TRUNC", O_TRUNC}}};
  int flags = 0;
  for (Tcl_Obj* const word : list_of(interp, words)) {
    const auto* const found =
        std::find_if(kFlags.begin(), kFlags.end(), [&](const auto& flag) { return string_of(word) == flag.first; });
    if (found == kFlags.end()) throw Error(EINVAL, "MODE", quoted("unknown access mode", string_of(word)));
    flags |= found->second;
  }
  return flags;
}

Obj open_beneath(Tcl_Interp* interp, Arguments arguments) {
  constexpr const char* kVerb = "couldn't open";
  const Entry entry(interp, arguments[0], arguments[1]);
  const int flags = open_flags(interp, arguments[2]);
  const auto mode = static_cast<mode_t>(arguments.size() > 3 ? wide_of(interp, arguments[3]) : 0666);
  struct stat status;
  if (::fstatat(entry.at(), entry.part(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISDIR(status.st_mode)) throw posix_error(kVerb, entry.name(), EISDIR);
    if (!S_ISREG(status.st_mode)) throw posix_error(kVerb, entry.name(), S_ISLNK(status.st_mode) ? ELOOP : EACCES);
  }
  // O_NONBLOCK for what may have come in its place since.
  Fd file(::openat(entry.at(), entry.part(), flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode & 0777));
  if (!file) entry.fail(kVerb);
  if (::fstat(file.get(), &status) != 0) throw posix_error(kVerb, entry.name());
  if (!S_ISREG(status.st_mode)) throw posix_error(kVerb, entry.name(), EACCES);
  const int access = flags & O_ACCMODE;
  const int readable = access != O_WRONLY ? TCL_READABLE : 0;
  const int writable = access != O_RDONLY ? TCL_WRITABLE : 0;
  const Tcl_Channel channel =
      Tcl_MakeFileChannel(reinterpret_cast<ClientData>(static_cast<std::intptr_t>(file.release())), readable | writable);
  Tcl_RegisterChannel(interp, channel);
  return Obj(new_string(Tcl_GetChannelName(channel)));
}

Obj stat_beneath(Tcl_Interp* interp, Arguments arguments) {
  const Entry entry(interp, arguments[0], arguments[1]);
  const struct stat status = entry.status("couldn't read");
  Obj dict(Tcl_NewDictObj());
  const auto put = [&](const char* key, Tcl_Obj* value) {
    Tcl_DictObjPut(nullptr, dict.get(), new_string(key), value);
  };
  put("type", new_string(type_of(status.st_mode)));
  put("mode", Tcl_NewWideIntObj(status.st_mode));
  put("size", Tcl_NewWideIntObj(status.st_size));
  put("atime", Tcl_NewWideIntObj(status.st_atime));
  put("mtime", Tcl_NewWideIntObj(status.st_mtime));
  put("ctime", Tcl_NewWideIntObj(status.st_ctime));
  return dict;
}

Obj list_beneath(Tcl_Interp* interp, Arguments arguments) {
  constexpr const char* kVerb = "couldn't read directory";
  const Entry entry(interp, arguments[0], arguments[1]);
  Fd fd(::openat(entry.at(), entry.part(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) entry.fail(kVerb);
  const Directory directory(::fdopendir(fd.get()));
  if (!directory) throw posix_error(kVerb, entry.name());
  fd.release();
  Obj list(Tcl_NewListObj(0, nullptr));
  for (;;) {
    errno = 0;
    const dirent* const child = ::readdir(directory.get());
    if (child == nullptr) {
      if (errno != 0) throw posix_error(kVerb, entry.name());
      return list;
    }
    const std::string name(child->d_name);
    struct stat status;
    if (name == "." || name == ".." ||
        ::fstatat(::dirfd(directory.get()), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      continue;
    }
    Tcl_ListObjAppendElement(nullptr, list.get(), from_host(name));
    Tcl_ListObjAppendElement(nullptr, list.get(), new_string(type_of(status.st_mode)));
  }
}

Obj make_directory(Tcl_Interp* interp, Arguments arguments) {
  const Entry entry(interp, arguments[0], arguments[1]);
  if (::mkdirat(entry.at(), entry.part(), 0777) != 0) throw posix_error("couldn't make directory", entry.name());
  return Obj();
}

Obj remove_entry(Tcl_Interp* interp, Arguments arguments) {
  constexpr const char* kVerb = "couldn't delete";
  const Entry entry(interp, arguments[0], arguments[1]);
  const bool is_directory = S_ISDIR(entry.status(kVerb).st_mode);
  if (::unlinkat(entry.at(), entry.part(), is_directory ? AT_REMOVEDIR : 0) != 0) {
    throw posix_error(kVerb, entry.name());
  }
  return Obj();
}

Obj rename_entry(Tcl_Interp* interp, Arguments arguments) {
  const Entry from(interp, arguments[0], arguments[1]);
  const Entry to(interp, arguments[2], arguments[3]);
  if (::renameat(from.at(), from.part(), to.at(), to.part()) != 0) throw posix_error("couldn't rename", from.name());
  return Obj();
}

constexpr CommandRow kSubcommands[] = {
    {"hold", "directory", 1, 1, hold},
    {"release", "root", 1, 1, release},
    {"open", "root name flags ?permissions?", 3, 4, open_beneath},
    {"stat", "root name", 2, 2, stat_beneath},
    {"list", "root name", 2, 2, list_beneath},
    {"mkdir", "root name", 2, 2, make_directory},
    {"delete", "root name", 2, 2, remove_entry},
    {"rename", "root name newRoot newName", 4, 4, rename_entry},
};

}  // namespace

void create_beneath_command(Tcl_Interp* interp) { create_ensemble(interp, "::starlit::beneath", kSubcommands); }

}  // namespace starlit
