// SPDX-License-Identifier: MIT
//
// Between the host and an archive, or two archives. What Tcl does there by itself (tclIOUtil.c, in
// TclCrossFilesystemCopy(); init.tcl, tcl::CopyDirectory) follows links, forgets permissions and the times of
// directories, and writes into what has the target's name. Here it is as within the host (tclUnixFCmd.c):
//
// 1. A link stays a link. A file or link of the target's name is replaced, not written into.
// 2. Permissions and times are kept; to the host without set-id bits.
// 3. What comes into an archive comes as one change, a whole tree as well.

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "archive/editor.h"
#include "base/file.h"
#include "change.h"
#include "place.h"

namespace starlit {
namespace {

using Directory = std::unique_ptr<DIR, Calls<::closedir>>;

constexpr std::size_t kBufferBytes = 256 << 10;

[[noreturn]] void fail(int posix) { throw Error(posix, "", ""); }

// One side of a copy: in an archive, on the host, or in a file system of somebody else's.
struct Side {
  explicit Side(Tcl_Obj* object) : path(object) {
    if (Tcl_FSGetFileSystemForPath(object) == &kArchiveFilesystem) {
      place = *place_of(object);
      session = place->mount->session();
    } else if (const auto* native = static_cast<const char*>(Tcl_FSGetNativePath(object))) {
      host = native;
    }
  }

  bool is_known() const noexcept { return place || !host.empty(); }
  const std::string& name() const noexcept { return place->name; }

  // Nothing where there is nothing; links are not followed.
  std::optional<Tcl_StatBuf> stat() const {
    Tcl_StatBuf status;
    if (Tcl_FSLstat(path, &status) == 0) return status;
    if (Tcl_GetErrno() != ENOENT) fail(Tcl_GetErrno());
    return std::nullopt;
  }

  Side child(std::string_view part) const;

  Tcl_Obj* path;
  Obj owned;
  std::optional<Place> place;
  std::shared_ptr<Session> session;
  std::string host;
};

Side Side::child(std::string_view part) const {
  const Obj above = translated(path);
  std::string text(string_of(above ? above.get() : path));
  if (!text.ends_with('/')) text += '/';
  Obj object(new_string(text + std::string(part)));
  Side side(object.get());
  side.owned = std::move(object);
  return side;
}

void check(int result) {
  if (result != 0) fail(errno);
}

void remove_old(const Side& target) {
  if (target.place) {
    target.session->remove_file(target.name());
  } else if (::unlink(target.host.c_str()) != 0 && errno != ENOENT) {
    fail(errno);
  }
}

void copy_link(const Side& source, const Side& target, bool is_there) {
  const Obj text(Tcl_FSLink(source.path, nullptr, 0));
  if (!text) fail(Tcl_GetErrno());
  Tcl_DecrRefCount(text.get());  // it came with a count of its own
  if (!target.place) {
    if (is_there) remove_old(target);
    return check(::symlink(to_host(string_of(text.get())).c_str(), target.host.c_str()));
  }
  Transaction transaction(target.session->archive());
  if (is_there) remove_old(target);
  target.session->make_link(target.name(), to_utf8(string_of(text.get())));
  transaction.commit();
}

// Calls `write` with one piece of the content after another.
template <typename Write>
void read_file(const Side& source, Write&& write) {
  std::vector<std::byte> buffer(kBufferBytes);
  if (source.place) {
    const auto file = source.session->open(source.name(), O_RDONLY, 0);
    for (std::int64_t at = 0;;) {
      const std::size_t got = file->read(at, buffer);
      if (got == 0) return;
      write(at, Bytes(buffer).first(got));
      at += static_cast<std::int64_t>(got);
    }
  }
  const Fd fd = open_regular(source.host);
  for (std::int64_t at = 0;;) {
    const std::size_t got = read_at(fd, buffer.data(), buffer.size(), at, source.host);
    if (got == 0) return;
    write(at, Bytes(buffer).first(got));
    at += static_cast<std::int64_t>(got);
  }
}

void copy_file_into(const Side& source, const Side& target, const Tcl_StatBuf& status) {
  const auto permissions = static_cast<std::uint32_t>(status.st_mode & 06777);
  Session& session = *target.session;
  if (!source.place) {
    WorkingFile content(open_regular(source.host), status.st_size);
    return session.put_file(target.name(), permissions, status.st_mtime, content);
  }
  const auto content = session.new_content();
  read_file(source, [&](std::int64_t at, Bytes piece) { content->write(at, piece); });
  session.put_file(target.name(), permissions, status.st_mtime, *content);
}

void set_host(const std::string& path, mode_t permissions, std::int64_t mtime_s) {
  check(::chmod(path.c_str(), permissions & 0777));
  const struct timespec times[2] = {{mtime_s, 0}, {mtime_s, 0}};
  check(::utimensat(AT_FDCWD, path.c_str(), times, 0));
}

void copy_file_out(const Side& source, const Side& target, const Tcl_StatBuf& status, bool is_there) {
  if (is_there) remove_old(target);
  const Fd fd = open_file(target.host, O_WRONLY | O_CREAT | O_EXCL, 0600);
  try {
    read_file(source, [&](std::int64_t, Bytes piece) {
      write_all(fd, {reinterpret_cast<const char*>(piece.data()), piece.size()}, target.host);
    });
    set_host(target.host, status.st_mode, status.st_mtime);
  } catch (const Error&) {
    static_cast<void>(::unlink(target.host.c_str()));
    throw;
  }
}

void copy_one(const Side& source, const Side& target) {
  const auto from = source.stat();
  if (!from) fail(ENOENT);
  const auto to = target.stat();
  if (S_ISDIR(from->st_mode) || (to && S_ISDIR(to->st_mode))) fail(EISDIR);
  if (S_ISLNK(from->st_mode)) {
    copy_link(source, target, to.has_value());
  } else if (target.place) {
    copy_file_into(source, target, *from);
  } else {
    copy_file_out(source, target, *from, to.has_value());
  }
}

std::vector<std::string> names_in(const Side& directory) {
  std::vector<std::string> names;
  if (directory.place) {
    const auto member = directory.session->find(directory.name());
    if (member && !directory.session->permits(*member, 4)) fail(EACCES);
    for (const std::string& part : directory.session->child_names(directory.name())) {
      names.push_back(utf8_to_tcl(part));
    }
    return names;
  }
  const Directory list(::opendir(directory.host.c_str()));
  if (!list) fail(errno);
  while (const struct dirent* entry = ::readdir(list.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(string_of(Obj(from_host(name)).get()));
  }
  return names;
}

void make_directory(const Side& target) {
  const auto there = target.stat();
  if (there && !S_ISDIR(there->st_mode)) fail(EEXIST);
  if (there && !names_in(target).empty()) fail(EEXIST);
  if (there) return;
  // Closed to others until it has its own permissions.
  if (target.place) {
    target.session->make_directory(target.name(), 0700);
  } else {
    check(::mkdir(target.host.c_str(), 0700));
  }
}

// `culprit` is the last path that was tried.
void copy_tree(const Side& source, const Side& target, Obj& culprit) {
  culprit = Obj(target.path);
  const auto status = source.stat();
  if (!status) fail(ENOENT);
  if (!S_ISDIR(status->st_mode)) return copy_one(source, target);
  make_directory(target);
  culprit = Obj(source.path);
  for (const std::string& name : names_in(source)) {
    const Side child = source.child(name);
    if (child.place && !child.session->may_reach(child.name())) {
      culprit = Obj(child.path);
      fail(EACCES);
    }
    copy_tree(child, target.child(name), culprit);
  }
  culprit = Obj(target.path);
  if (target.place) {
    target.session->set_permissions(target.name(), static_cast<std::uint32_t>(status->st_mode & 07777));
    target.session->set_mtime(target.name(), status->st_mtime);
  } else {
    set_host(target.host, status->st_mode, status->st_mtime);
  }
}

// Adds what lies below a directory of the host, directories before what is in them. False where there is more than
// files and directories.
bool list_tree(const std::string& path, const std::string& name, std::vector<NewMember>& members) {
  const Directory directory(::opendir(path.c_str()));
  if (!directory) fail(errno);
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string part = entry->d_name;
    if (part == "." || part == "..") continue;
    if (entry->d_type != DT_REG && entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN) return false;
    NewMember member = member_from_file(join_name(name, part), path + "/" + part);
    if (member.type == MemberType::kLink) return false;
    const bool is_directory = member.type == MemberType::kDirectory;
    members.push_back(std::move(member));
    if (is_directory && !list_tree(path + "/" + part, join_name(name, part), members)) return false;
  }
  return true;
}

// The usual case, by all processors: files and directories of the host to a name that is not there yet.
bool copy_tree_at_once(const Side& source, const Side& target) {
  if (source.place || target.stat()) return false;
  try {
    const NewMember directory = member_from_file("", source.host);
    std::vector<NewMember> members;
    if (directory.type != MemberType::kDirectory || !list_tree(source.host, "", members)) return false;
    target.session->put_tree(target.name(), directory, std::move(members));
  } catch (const Error& error) {
    if (error.posix() != EACCES) throw;
    return false;  // one file after the other, it turns out which it is
  }
  return true;
}

bool is_across(const Side& source, const Side& target) {
  return source.is_known() && target.is_known() && (source.place || target.place);
}

// Whether a path is another's, or below it.
bool holds(Tcl_Obj* above, Tcl_Obj* path) {
  const std::string_view directory = normalized(nullptr, above);
  const std::string_view text = normalized(nullptr, path);
  return directory == "/" || text == directory ||
         (text.starts_with(directory) && text[directory.size()] == '/');
}

// Two mounts of one archive.
bool is_same_archive(const Side& source, const Side& target) {
  if (!source.place || !target.place) return false;
  struct stat one, other;
  return ::stat(source.place->mount->archive_path.c_str(), &one) == 0 &&
         ::stat(target.place->mount->archive_path.c_str(), &other) == 0 && is_same_file(one, other);
}

// Whether what is to be moved away or copied is the target, or holds it, by another mount of the same archive.
bool holds_elsewhere(const Side& source, const Side& target) {
  return is_same_archive(source, target) &&
         (target.name() == source.name() || target.name().starts_with(source.name() + "/"));
}

// Whether what is to be moved away is the file of the archive that it is to go into, or a directory with that.
bool holds_archive(const Side& source, const Side& target) {
  if (source.place || !target.place) return false;
  if (const auto status = source.stat(); !status || S_ISLNK(status->st_mode)) return false;
  const std::unique_ptr<char, Calls<std::free>> moved(::realpath(source.host.c_str(), nullptr));
  const std::unique_ptr<char, Calls<std::free>> archive(::realpath(target.place->mount->archive_path.c_str(), nullptr));
  if (!moved || !archive) return false;
  const std::string_view above = moved.get(), file = archive.get();
  return file == above || (file.starts_with(above) && (above == "/" || file[above.size()] == '/'));
}

}  // namespace

std::optional<int> copy_across(Tcl_Obj* source_path, Tcl_Obj* target_path) noexcept {
  try {
    const Side source(source_path);
    const Side target(target_path);
    if (!is_across(source, target)) return std::nullopt;
    copy_one(source, target);
    return 0;
  } catch (const Error& error) {
    return error.posix();
  } catch (const std::exception&) {
    return ENOMEM;
  }
}

bool may_move_across(Tcl_Obj* source_path, Tcl_Obj* target_path) noexcept {
  try {
    const Side source(source_path);
    const Side target(target_path);
    if (!is_across(source, target)) return true;
    return !(source.place && source.name().empty()) && !holds(source_path, target_path) &&
           !holds_elsewhere(source, target) && !holds_archive(source, target);
  } catch (const std::exception&) {
    return true;
  }
}

std::optional<int> copy_directory_across(Tcl_Obj* source_path, Tcl_Obj* target_path, Tcl_Obj** culprit) noexcept {
  Obj tried(target_path);
  int result = 0;
  try {
    const Side source(source_path);
    const Side target(target_path);
    if (!is_across(source, target)) return std::nullopt;
    if (holds(source_path, target_path) || holds_elsewhere(source, target)) fail(EINVAL);
    if (!target.place) {
      copy_tree(source, target, tried);
      return 0;
    }
    if (copy_tree_at_once(source, target)) return 0;
    Transaction transaction(target.session->archive());
    copy_tree(source, target, tried);
    transaction.commit();
    return 0;
  } catch (const Error& error) {
    result = error.posix();
  } catch (const std::exception&) {
    result = ENOMEM;
  }
  if (culprit != nullptr) {
    *culprit = tried.get();
    Tcl_IncrRefCount(*culprit);
  }
  return result;
}

}  // namespace starlit
