// SPDX-License-Identifier: MIT
//
// Namespaces (namespaces(7)) and the new root. Works without privilege: the user namespace comes first, and within it the
// process may make the others (user_namespaces(7)).
//
//     host mounts ... [ tmpfs, read-only ]            what pivot_root(2) makes the root; holds one directory:
//                       `-- root/                     the program's /, entered by chroot(2): within a chroot no further
//                             `-- what was asked for  user namespace can be made

#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace starlit::jail {

// Moves the calling process into new namespaces; `flags` are CLONE_NEW*. Of a new pid namespace only later children are
// part. With a user namespace the process keeps its ids there, and has all capabilities within. Throws Error, which says
// what the system refuses and where it can be allowed.
void enter_namespaces(int flags);

struct Mount {
  enum class Kind { kReadOnly, kWritable, kTmpfs };
  Kind kind;
  std::string source;      // on the host; "" for a tmpfs
  std::string target;      // in the new root, absolute
  std::uint64_t size_bytes = 0;  // of a tmpfs
  bool may_be_missing = false;
  bool is_device = false;  // else devices in it cannot be used (MS_NODEV)
};

// What the new root is. An empty `directory` is an empty tmpfs.
struct Root {
  std::string directory;
  bool is_writable = false;
  bool is_temporary = false;  // the supervisor removes it
  bool has_programs = false;  // else nothing in it can be run (MS_NOEXEC)
  std::vector<Mount> mounts;  // in this order
};

// Makes the root and enters it. Needs a mount namespace of its own and CAP_SYS_ADMIN in it. Throws Error.
void enter_root(const Root& root);

// Enters a directory with chroot(2) alone. Needs CAP_SYS_CHROOT. Refuses a directory that others than root and the caller
// may write, unless `is_writable`. Throws Error.
void enter_chroot(const std::string& directory, bool is_writable);

// A new, empty directory that nobody may write, for that. Throws Error.
std::string make_empty_directory();

// The host name that the program sees. Needs a UTS namespace of its own.
void set_host_name(const std::string& name);

// Switches the loopback interface of the network namespace on.
void start_loopback();

}  // namespace starlit::jail
