// SPDX-License-Identifier: MIT
//
// This process's own executable: its path, and the archive in it.
//
// The path is what `info nameofexecutable` answers and where the archive is mounted. It is found without trusting
// argv[0], in this order:
//
//   1. AT_EXECFN, the path the kernel was given, made absolute (getauxval(3)), when the file there is this program
//   2. /proc/self/exe, for a program started by descriptor or as the interpreter of a script
//   3. argv[0], looked up in PATH, when the file there is this program
//   4. "/tclkit": without /proc, from a memfd, there is no path at all, and any name serves
//
// "Is this program": the same file as /proc/self/exe, or without /proc the same ELF headers, or unreadable (mode 0111).

#pragma once

#include <memory>
#include <string>

#include "archive/archive.h"

namespace starlit {

// `argv0` may be null.
std::string own_path(const char* argv0);

// The archive of this executable: its mapped segment, else found in its file by the mark. Throws Error that says what is
// wrong with a truncated or damaged executable.
std::shared_ptr<Archive> open_own_archive(const std::string& path);

}  // namespace starlit
