// SPDX-License-Identifier: MIT
//
// The mount calls of Linux 5.2 and 5.12 (open_tree(2), mount_setattr(2)), which name what they mount by descriptors.

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

#include "base/error.h"
#include "base/file.h"
#include "jail/namespaces.h"

namespace starlit::jail {
namespace {

constexpr const char* kInner = "root";

void set_attributes(const Fd& mount, std::uint64_t attributes, bool is_whole_tree, const std::string& path) {
  struct mount_attr wanted {};
  wanted.attr_set = attributes;
  const unsigned flags = AT_EMPTY_PATH | (is_whole_tree ? AT_RECURSIVE : 0);
  if (::syscall(SYS_mount_setattr, mount.get(), "", flags, &wanted, sizeof wanted) != 0) {
    throw posix_error("couldn't protect", path);
  }
}

Fd new_tmpfs(std::uint64_t size_bytes, const char* mode, std::uint64_t attributes) {
  const Fd context(static_cast<int>(::syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
  if (!context) throw posix_error("couldn't make", "a tmpfs");
  const auto set = [&](const char* key, const std::string& value) {
    if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) != 0) {
      throw posix_error("couldn't make a tmpfs with", std::string(key) + "=" + value);
    }
  };
  set("size", std::to_string(size_bytes));
  set("mode", mode);
  if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    throw posix_error("couldn't make", "a tmpfs");
  }
  Fd mount(static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, attributes)));
  if (!mount) throw posix_error("couldn't mount", "a tmpfs");
  return mount;
}

void attach(const Fd& mount, int directory, const char* path, const std::string& name) {
  const unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | (path[0] == '\0' ? MOVE_MOUNT_T_EMPTY_PATH : 0);
  if (::syscall(SYS_move_mount, mount.get(), "", directory, path, flags) != 0) {
    throw posix_error("couldn't mount", name);
  }
}

// A copy of what is mounted at a path of the host, with all below it.
Fd clone_tree(const std::string& path) {
  return Fd(static_cast<int>(
      ::syscall(SYS_open_tree, AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)));
}

[[noreturn]] void fail_target(const std::string& target) {
  const int error = errno;
  const Error cause = posix_error("couldn't mount at", target, error);
  if (error != EROFS && error != EACCES) throw cause;
  throw Error(cause.posix(), cause.code(),
              cause.text() + " (hint: make it in the root first: it is only mounted on)");
}

// Opens `target` below the root, without leaving it through links; makes what is missing of it: directories, and at
// the end a directory or file. O_PATH.
Fd make_target(const Fd& root, const std::string& target, bool is_directory) {
  Fd at(::fcntl(root.get(), F_DUPFD_CLOEXEC, 0));
  std::string rest = target;
  while (!rest.empty()) {
    const auto slash = rest.find('/');
    const std::string part = rest.substr(0, slash);
    rest = slash == std::string::npos ? "" : rest.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") throw Error(EINVAL, "TARGET", quoted("couldn't mount at", target) + ": it has .. in it");
    const bool is_last = rest.find_first_not_of('/') == std::string::npos;
    if (!is_last || is_directory) {
      if (::mkdirat(at.get(), part.c_str(), 0755) != 0 && errno != EEXIST) fail_target(target);
    } else {
      Fd made(::openat(at.get(), part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
      if (!made && errno != EEXIST) fail_target(target);
    }
    at = Fd(::openat(at.get(), part.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!at) throw posix_error("couldn't mount at", target);
  }
  return at;
}

// What is to be mounted, still nowhere; no tree where it may be missing and is.
struct Prepared {
  Fd tree;
  std::vector<Fd> devices;  // for places in it
};

// A read-only directory of their own, since a root that cannot be written has no place for them; devices work there
// alone.
Prepared prepare_devices() {
  Prepared prepared;
  prepared.tree = new_tmpfs(64 << 10, "0755", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  for (const char* name : kHarmlessDevices) {
    const std::string path = std::string("/dev/") + name;
    Fd device = clone_tree(path);
    if (!device) throw posix_error("couldn't bind", path);
    if (!S_ISCHR(stat_fd(device, path).st_mode)) throw posix_error("couldn't bind", path, ENOTTY);
    set_attributes(device, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, true, path);
    prepared.devices.push_back(std::move(device));
    const Fd place(::openat(prepared.tree.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!place) throw posix_error("couldn't make a place for", path);
  }
  return prepared;
}

Prepared prepare_mount(const Mount& mount, std::uint64_t attributes) {
  if (mount.kind == Mount::Kind::kDevices) return prepare_devices();
  if (mount.kind == Mount::Kind::kTmpfs) return {new_tmpfs(mount.size_bytes, "1777", attributes), {}};
  Fd tree = clone_tree(mount.source);
  if (!tree && mount.may_be_missing && errno == ENOENT) return {};
  if (!tree) throw posix_error("couldn't bind", mount.source);
  if (mount.kind == Mount::Kind::kReadOnly) attributes |= MOUNT_ATTR_RDONLY;
  set_attributes(tree, attributes, true, mount.source);
  return {std::move(tree), {}};
}

void add_mount(const Fd& root, const Mount& mount, const Prepared& prepared) {
  if (!prepared.tree) return;
  const Fd target = make_target(root, mount.target, S_ISDIR(stat_fd(prepared.tree, mount.target).st_mode));
  attach(prepared.tree, target.get(), "", mount.target);
  for (std::size_t i = 0; i < prepared.devices.size(); ++i) {
    attach(prepared.devices[i], prepared.tree.get(), kHarmlessDevices[i], mount.target);
  }
  if (!prepared.devices.empty()) set_attributes(prepared.tree, MOUNT_ATTR_RDONLY, false, mount.target);
}

// Any directory will do to mount on: it is hidden in this namespace alone, and only until the new root is entered.
void attach_anywhere(const Fd& mount) {
  for (const char* path : {"/tmp", "/run", "/var", "/usr", "/proc", "/dev", "/etc", "."}) {
    if (::syscall(SYS_move_mount, mount.get(), "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) == 0) return;
    if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) break;
  }
  throw posix_error("couldn't mount", "the new root");
}

// Goes to the root, and sees that it is one.
void go_to_root() {
  char path[2];
  if (::chdir("/") != 0) throw posix_error("couldn't enter", "the new root");
  if (::getcwd(path, sizeof path) == nullptr || path[0] != '/') {
    throw Error(EPERM, "ROOT", "couldn't enter the new root: the working directory lies outside");
  }
}

// The same, and that it is this directory.
void go_to_root(const Fd& directory, const std::string& name) {
  go_to_root();
  struct stat root;
  if (::stat("/", &root) != 0) throw posix_error("couldn't stat", "/");
  if (!is_same_file(root, stat_fd(directory, name))) {
    throw Error(EPERM, "ROOT", quoted("couldn't enter", name) + ": the root is another directory");
  }
}

}  // namespace

void enter_root(const Root& root) {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    throw posix_error("couldn't part with", "the host's mounts");
  }
  const std::uint64_t attributes =
      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (root.has_programs ? 0 : MOUNT_ATTR_NOEXEC);
  const Fd outer = new_tmpfs(1 << 20, "0755", attributes);
  // What lies on the host is found by paths of the host, so it comes first.
  Fd tree;
  if (!root.directory.empty()) {
    tree = clone_tree(root.directory);
    if (!tree) throw posix_error("couldn't use as the root", root.directory);
    if (!S_ISDIR(stat_fd(tree, root.directory).st_mode)) {
      throw posix_error("couldn't use as the root", root.directory, ENOTDIR);
    }
    set_attributes(tree, attributes | (root.is_writable ? 0 : MOUNT_ATTR_RDONLY), true, root.directory);
  }
  std::vector<Prepared> trees;
  for (const Mount& mount : root.mounts) trees.push_back(prepare_mount(mount, attributes));
  attach_anywhere(outer);
  if (::mkdirat(outer.get(), kInner, 0755) != 0) throw posix_error("couldn't make", "the new root");
  if (tree) attach(tree, outer.get(), kInner, root.directory);
  const Fd inner(::openat(outer.get(), kInner, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!inner) throw posix_error("couldn't open", "the new root");
  for (std::size_t i = 0; i < trees.size(); ++i) add_mount(inner, root.mounts[i], trees[i]);
  set_attributes(outer, MOUNT_ATTR_RDONLY, false, "the new root");

  // pivot_root(2), "pivot_root(".", ".")": no directory for the old root is needed.
  if (::fchdir(outer.get()) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0 || ::umount2(".", MNT_DETACH) != 0) {
    throw posix_error("couldn't change", "the root");
  }
  if (::chroot((std::string("/") + kInner).c_str()) != 0) throw posix_error("couldn't enter", "the new root");
  go_to_root(inner, "the new root");
}

std::string make_empty_directory() {
  std::string path = "/tmp/safekit.XXXXXX";
  if (::mkdtemp(path.data()) == nullptr || ::chmod(path.c_str(), 0555) != 0) {
    throw posix_error("couldn't make", "an empty root");
  }
  return path;
}

Fd open_chroot(const std::string& directory, bool is_writable) {
  Fd fd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) throw posix_error("couldn't use as the root", directory);
  const struct stat status = stat_fd(fd, directory);
  if (!is_writable && ((status.st_uid != 0 && status.st_uid != ::getuid()) || (status.st_mode & 022) != 0)) {
    throw Error(EPERM, "ROOT",
                quoted("couldn't use as the root", directory) +
                    ": others may write to it (hint: give it to root with mode 0755, or allow it with "
                    "--writable-root)");
  }
  struct stat host;
  if (::stat("/", &host) != 0) throw posix_error("couldn't stat", "/");
  if (is_same_file(host, status)) {
    throw Error(EINVAL, "ROOT", quoted("couldn't use as the root", directory) + ": it is the root already");
  }
  return fd;
}

void enter_chroot(const Fd& directory, const std::string& name) {
  if (::fchdir(directory.get()) != 0) throw posix_error("couldn't enter", name);
  if (::chroot(".") != 0) {
    const Error cause = posix_error("couldn't enter", name);
    throw Error(cause.posix(), cause.code(),
                cause.text() + (cause.posix() == EPERM
                                    ? " (hint: chroot(2) is for root, or for safekit-chroot with the file capability "
                                      "cap_sys_chroot; --mode namespaces needs neither)"
                                    : ""));
  }
  go_to_root(directory, name);
}

void prove_chroot(const FileId& host) {
  struct stat root;
  if (::stat("/", &root) != 0) throw posix_error("couldn't stat", "/");
  if (id_of(root) == host) throw Error(EPERM, "ROOT", "the root is the host's");
  if (::unshare(CLONE_NEWUSER) == 0) throw Error(EPERM, "ROOT", "the root was not changed by chroot(2)");
  go_to_root();
}

}  // namespace starlit::jail
