// SPDX-License-Identifier: MIT
//
// Changing what the file system looks like: mounts, namespaces, files by handle. The stage gives these attempts a
// mount namespace of their own, so that they do no harm where they succeed.

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "attempt.h"

extern "C" {
// <sys/mount.h> and <linux/mount.h> of Debian 12 do not go together.
int mount(const char* source, const char* target, const char* type, unsigned long flags, const void* data);
int umount2(const char* target, int flags);
}

namespace escape {
namespace {

constexpr unsigned long kBind = 4096;
constexpr unsigned long kRemount = 32;
constexpr int kDetach = 2;

Outcome mount_proc(const Facts& facts) {
  const std::string target = facts.path("/w");
  if (mount("proc", target.c_str(), "proc", 0, nullptr) != 0) return failed("mount of proc");
  const std::string path = target + "/" + facts.text("victim") + "/root" + facts.text("canary");
  return content_of("mount of proc", open(path.c_str(), O_RDONLY));
}

Outcome mount_type(const Facts& facts, const char* type) {
  return outcome_of(std::string("mount of ") + type, mount(type, facts.path("/w").c_str(), type, 0, nullptr));
}

Outcome mount_tmpfs(const Facts& facts) { return mount_type(facts, "tmpfs"); }
Outcome mount_devtmpfs(const Facts& facts) { return mount_type(facts, "devtmpfs"); }
Outcome mount_sysfs(const Facts& facts) { return mount_type(facts, "sysfs"); }

Outcome mount_bind(const Facts& facts) {
  return outcome_of("mount(MS_BIND)",
                    mount(facts.path("/").c_str(), facts.path("/w").c_str(), nullptr, kBind, nullptr));
}

Outcome unmount(const Facts& facts) {
  const std::string cover = facts.path("/covered");
  if (umount2(cover.c_str(), kDetach) != 0) return failed("umount2");
  return content_of("umount2", open((cover + "/canary").c_str(), O_RDONLY));
}

Outcome remount(const Facts& facts) {
  return outcome_of("mount(MS_REMOUNT)",
                    mount(nullptr, facts.path("/covered").c_str(), nullptr, kBind | kRemount, nullptr));
}

Outcome clone_tree(const Facts& facts) {
  const long tree = syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | AT_RECURSIVE);
  return tree < 0 ? failed("open_tree") : use_directory("open_tree", static_cast<int>(tree), facts);
}

Outcome move_tree(const Facts& facts) {
  const std::string from = facts.path("/covered");
  const std::string to = facts.path("/w");
  return outcome_of("move_mount", syscall(SYS_move_mount, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), 0));
}

Outcome new_mount(const Facts& facts) {
  const long context = syscall(SYS_fsopen, "proc", 0);
  if (context < 0) return failed("fsopen");
  if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return failed("fsconfig");
  const long root = syscall(SYS_fsmount, context, 0, 0);
  if (root < 0) return failed("fsmount");
  const std::string path = facts.text("victim") + "/root" + facts.text("canary");
  return content_of("fsmount of proc", openat(static_cast<int>(root), path.c_str(), O_RDONLY));
}

Outcome pick_mount(const Facts& facts) {
  return outcome_of("fspick", syscall(SYS_fspick, AT_FDCWD, facts.path("/covered").c_str(), 0));
}

Outcome set_attributes(const Facts& facts) {
  struct mount_attr attributes {};
  attributes.attr_clr = MOUNT_ATTR_RDONLY;
  return outcome_of("mount_setattr", syscall(SYS_mount_setattr, AT_FDCWD, facts.path("/covered").c_str(), 0,
                                             &attributes, sizeof attributes));
}

Outcome pivot(const Facts& facts) {
  if (chdir(facts.path("/covered").c_str()) != 0) return failed("chdir");
  if (syscall(SYS_pivot_root, ".", ".") != 0) return failed("pivot_root");
  umount2(".", kDetach);
  return escaped("pivot_root returned 0");
}

Outcome join(const Facts& facts, int type, std::string_view name) {
  const long pidfd = syscall(SYS_pidfd_open, facts.number("victim"), 0);
  if (pidfd < 0) return failed("pidfd_open");
  if (setns(static_cast<int>(pidfd), type) != 0) return failed("setns");
  if (type != CLONE_NEWNS) return escaped("setns: in the host's " + std::string(name) + " namespace");
  return content_of("setns", open(facts.text("canary").c_str(), O_RDONLY));
}

Outcome join_mounts(const Facts& facts) { return join(facts, CLONE_NEWNS, "mount"); }
Outcome join_network(const Facts& facts) { return join(facts, CLONE_NEWNET, "network"); }

Outcome join_by_file(const Facts& facts) {
  const std::string path = "/proc/" + facts.text("victim") + "/ns/mnt";
  const int fd = open(path.c_str(), O_RDONLY);
  if (fd < 0) return failed("open(\"/proc/PID/ns/mnt\")");
  if (setns(fd, CLONE_NEWNS) != 0) return failed("setns");
  return content_of("setns", open(facts.text("canary").c_str(), O_RDONLY));
}

Outcome new_user(const Facts&) { return outcome_of("unshare(CLONE_NEWUSER)", unshare(CLONE_NEWUSER)); }

Outcome new_user_mount(const Facts& facts) {
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return failed("unshare(CLONE_NEWUSER | CLONE_NEWNS)");
  return outcome_of("mount of tmpfs", mount("tmpfs", facts.path("/w").c_str(), "tmpfs", 0, nullptr));
}

Outcome new_user_chroot(const Facts& facts) {
  if (unshare(CLONE_NEWUSER) != 0) return failed("unshare(CLONE_NEWUSER)");
  return outcome_of("chroot", chroot(facts.path("/w").c_str()));
}

Outcome after_clone(std::string_view call, long pid) {
  if (pid == 0) _exit(0);
  if (pid < 0) return failed(call);
  waitpid(static_cast<pid_t>(pid), nullptr, 0);
  return escaped(std::string(call) + " made a process");
}

Outcome clone_user(const Facts&) {
  return after_clone("clone(CLONE_NEWUSER)", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
}

Outcome clone3_user(const Facts&) {
  std::array<unsigned long long, 8> arguments{};  // struct clone_args, first version
  arguments[0] = CLONE_NEWUSER;
  arguments[4] = SIGCHLD;
  return after_clone("clone3(CLONE_NEWUSER)", syscall(SYS_clone3, arguments.data(), sizeof arguments));
}

Outcome new_mounts(const Facts&) { return outcome_of("unshare(CLONE_NEWNS)", unshare(CLONE_NEWNS)); }
Outcome new_network(const Facts&) { return outcome_of("unshare(CLONE_NEWNET)", unshare(CLONE_NEWNET)); }

// "Shocker": a file by its handle, which is little more than an inode number, wherever it lies on the file system.
Outcome by_handle(const Facts& facts) {
  alignas(file_handle) std::array<char, sizeof(file_handle) + MAX_HANDLE_SZ> buffer{};
  auto* handle = reinterpret_cast<file_handle*>(buffer.data());
  const std::string digits = facts.text("handle");
  if (digits.empty()) return unavailable("name_to_handle_at of the canary: " + facts.text("handle_error"));
  handle->handle_type = static_cast<int>(facts.number("handle_type"));
  handle->handle_bytes = static_cast<unsigned>(digits.size() / 2);
  for (std::size_t i = 0; i < digits.size() / 2; ++i) {
    buffer[sizeof(file_handle) + i] = static_cast<char>(std::stoi(digits.substr(2 * i, 2), nullptr, 16));
  }
  const int mounted = open(facts.path("/").c_str(), O_RDONLY | O_DIRECTORY);
  if (mounted < 0) return failed("open(\"/\")");
  return content_of("open_by_handle_at", open_by_handle_at(mounted, handle, O_RDONLY));
}

Outcome make_handle(const Facts& facts) {
  alignas(file_handle) std::array<char, sizeof(file_handle) + MAX_HANDLE_SZ> buffer{};
  auto* handle = reinterpret_cast<file_handle*>(buffer.data());
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount_id = 0;
  return outcome_of("name_to_handle_at", name_to_handle_at(AT_FDCWD, facts.path("/").c_str(), handle, &mount_id, 0));
}

constexpr Attempt kAttempts[] = {
    {"user-namespace", "15", "both", "", "makes a user namespace", new_user},
    {"user-namespace-mount", "15", "both", "", "makes one, and mounts in it", new_user_mount},
    {"user-namespace-chroot", "15", "both", "", "makes one, and changes the root in it", new_user_chroot},
    {"user-namespace-clone", "15", "both", "", "makes one by clone", clone_user},
    {"user-namespace-clone3", "15", "both", "", "makes one by clone3", clone3_user},
    {"mount-namespace", "16", "root", "", "makes a mount namespace", new_mounts},
    {"network-namespace", "16", "root", "", "makes a network namespace", new_network},
    {"mount-proc", "16", "root", "evidence=token mounts", "mounts proc and reads the host through it", mount_proc},
    {"mount-tmpfs", "16", "root", "mounts", "mounts memory", mount_tmpfs},
    {"mount-devtmpfs", "16", "root", "mounts", "mounts the devices", mount_devtmpfs},
    {"mount-sysfs", "16", "root", "mounts", "mounts sysfs", mount_sysfs},
    {"mount-bind", "16", "root", "mounts", "mounts a directory a second time", mount_bind},
    {"unmount", "16", "root", "evidence=token mounts", "unmounts what covers a directory", unmount},
    {"remount", "16", "root", "mounts", "makes a read-only mount writable", remount},
    {"open-tree", "16", "root", "evidence=token mounts", "clones the tree of mounts", clone_tree},
    {"move-mount", "16", "root", "mounts", "moves a mount", move_tree},
    {"fsopen", "16", "root", "evidence=token mounts", "mounts proc by the new calls", new_mount},
    {"fspick", "16", "root", "mounts", "takes a mount to change it", pick_mount},
    {"mount-setattr", "16", "root", "mounts", "makes a read-only mount writable by the new call", set_attributes},
    {"pivot-root", "16", "root", "mounts", "makes another mount the root", pivot},
    {"setns-mounts", "16", "root", "evidence=token mounts", "joins the mount namespace of a process outside",
     join_mounts},
    {"setns-network", "16", "root", "mounts", "joins the network of a process outside", join_network},
    {"setns-file", "16", "root", "evidence=token mounts", "joins a mount namespace by its file in /proc",
     join_by_file},
    {"handle-open", "17", "root", "evidence=token", "opens a file outside by its handle", by_handle},
    {"handle-make", "17", "both", "", "makes a handle", make_handle},
};

}  // namespace

std::span<const Attempt> mount_attempts() { return kAttempts; }

}  // namespace escape
