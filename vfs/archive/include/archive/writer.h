// SPDX-License-Identifier: MIT
//
// Writing a new archive: plain, behind a script header, or as a segment of an executable.
//
// 1. The output appears whole or not at all (OutputFile).
// 2. The same input gives the same bytes: members are sorted by name, nothing of the clock or the machine goes in.
// 3. Files are read and deflated by all processors; the database is written by the calling thread.
// 4. A directory is not added for a member whose directories are missing: readers imply them.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "archive/archive.h"

namespace starlit {

// Written into the header of every archive: `application_id` is "Strl", `user_version` the format's.
inline constexpr int kApplicationId = 0x5374726c;
inline constexpr int kFormatVersion = 1;

// One member to be written.
struct NewMember {
  std::string name;
  MemberType type = MemberType::kFile;
  std::uint32_t permissions = 0644;
  std::int64_t mtime_s = 0;
  std::string path;     // a file's content is read from here when not empty
  std::shared_ptr<Archive> source;  // else from a file in this archive, of whatever format, when there is one,
  std::string source_name;          // which has this name
  std::string content;  // else this is the content, or the link's target
  std::int64_t size_bytes = 0;  // of the content, for progress
  bool stored = false;          // its content is not deflated
  bool attributes_only = false; // of a member that is there: only permissions and mtime are set (member_changes.h)
};

// The member that a file of the host makes: type, permissions, mtime and, for a link, its target come from lstat(2).
// Throws Error for what is neither a file nor a directory nor a link.
NewMember member_from_file(std::string name, const std::string& path);

// The file `name` with the content, permissions and mtime of a file in another archive. Throws Error where that is none.
NewMember member_from_archive(std::string name, std::shared_ptr<Archive> source, std::string source_name);

// A row of the package index: package `name` in `version` is provided by the pkgIndex.tcl in `directory`, or by the Tcl
// module `module`. A row without a name: the pkgIndex.tcl must always be read.
struct PackageRecord {
  std::string name, version, directory, module;
};

struct NewArchive {
  std::vector<NewMember> members;
  std::optional<std::vector<PackageRecord>> packages;  // the packages of all members; without it no index is recorded
  std::string script;                // a kit's header, or empty
  std::string runtime_path;          // take program and runtime members from here, or empty
  std::string program_path;          // an ELF program without an archive becomes a runtime: all members are the runtime's
  std::optional<std::uint32_t> permissions;  // of the output; default 0755 with a prefix, else 0644
  int level = kLevelDefault;
  int page_size_bytes = 0;           // 0: chosen by the size of the content
  bool for_writing = false;          // the archive will be changed in place: then not below 4096
  std::int64_t mtime_max_s = INT64_MAX;      // later times become this one (SOURCE_DATE_EPOCH)
  unsigned threads = 0;              // 0: all processors
  std::function<void(std::int64_t done_bytes, std::int64_t total_bytes)> progress;  // may throw to abandon
};

struct Written {
  std::int64_t members = 0;
  std::int64_t content_bytes = 0;
  std::int64_t file_bytes = 0;
};

// Writes the archive to `path`. Throws Error for bad names, two members of one name, unreadable files.
Written write_archive(const std::string& path, NewArchive archive);

}  // namespace starlit
