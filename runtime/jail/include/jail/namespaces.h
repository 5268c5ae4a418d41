// SPDX-License-Identifier: MIT
//
// Namespaces (namespaces(7)) and the new root. Works without privilege: the user namespace comes first, and within it
// the process may make the others (user_namespaces(7)).
//
//     host mounts ... [ tmpfs, read-only ]          what pivot_root(2) makes the root; holds one directory:
//                       `-- root/                   the program's /, entered by chroot(2): within a chroot no further
//                           `-- what was asked for  user namespace can be made

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file.h"

namespace starlit::jail {

// Moves the calling process into new namespaces; `flags` are CLONE_NEW*. Of a new pid namespace only later children
// are part. With a user namespace the process keeps its ids there, and has all capabilities within. Throws Error,
// which says what the system refuses and where it can be allowed.
void enter_namespaces(int flags);

struct Mount {
  enum class Kind { kReadOnly, kWritable, kTmpfs, kDevices };
  Kind kind;
  std::string source;      // on the host; "" for a tmpfs and for devices
  std::string target;      // in the new root, absolute
  std::uint64_t size_bytes = 0;  // of a tmpfs
  bool may_be_missing = false;
};

// What is shown in a directory of kind kDevices: the devices of the host that hold nothing and give nothing away.
inline constexpr const char* kHarmlessDevices[] = {"null", "zero", "full", "random", "urandom"};

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

// Opens a directory to be entered with chroot(2), which needs no rights. Refuses one that others than root and the
// caller may write, unless `is_writable`, and the root that the process has. Throws Error.
Fd open_chroot(const std::string& directory, bool is_writable);

// Enters it: what was opened, whatever its path leads to by now. Needs CAP_SYS_CHROOT. Throws Error.
void enter_chroot(const Fd& directory, const std::string& name);

// Throws Error unless the process is one that chroot(2) was called for: such a one can have no user namespace
// (user_namespaces(7), EPERM), and the root is another than the host's.
void prove_chroot(const FileId& host);

// A new, empty directory that nobody may write, for that. Throws Error.
std::string make_empty_directory();

// The host name that the program sees. Needs a UTS namespace of its own.
void set_host_name(const std::string& name);

// Switches the loopback interface of the network namespace on.
void start_loopback();

}  // namespace starlit::jail
