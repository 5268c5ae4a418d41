// SPDX-License-Identifier: MIT
//
// What the unit tests share: a scratch directory, running the sqlite3 shell, making archives and catching errors.
//
// Archives come from three makers, so that a fault in one is not hidden by the same fault in another: our own writer
// (kit_bytes), plain SQL (sql_archive), and the sqlite3 shell (run).

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "archive/archive.h"
#include "archive/writer.h"
#include "base/error.h"
#include "catch.h"

namespace starlit {

// A new directory that is removed, with all in it, at the end of the test.
class Scratch {
 public:
  Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();

  const std::string& path() const noexcept { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

void write_host_file(const std::string& path, std::string_view content);

// A number from the environment, for tests that try the same thing very often.
unsigned number_from(const char* variable, unsigned otherwise);
// How much of that is wanted: STARLIT_CRASHES, 100 unless said. Presets with sanitizers, which are slow, say less.
unsigned percent();

std::string read_host_file(const std::string& path);

// The sorted names in a directory of the host, hidden ones too.
std::vector<std::string> host_names(const std::string& directory);

// What `command` writes (stdout and stderr) in `directory`; requires it to exit with 0.
std::string run(const std::string& directory, const std::string& command);

inline Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

NewMember new_file(std::string name, std::string content, std::uint32_t permissions = 0644);
NewMember new_directory(std::string name, std::uint32_t permissions = 0755);
NewMember new_link(std::string name, std::string target);

// Bytes that deflate cannot make smaller, the same on every machine.
std::string noise(std::size_t size_bytes);

// Bytes that deflate makes about half as large.
std::string text(std::size_t size_bytes);

// A kit of the members with a header of one page, 512-byte pages; without the header a plain archive.
std::string kit_bytes(std::vector<NewMember> members);
std::string plain_bytes(std::vector<NewMember> members);

// The columns of SQLite's own archive tool.
inline constexpr const char* kSqlar =
    "CREATE TABLE sqlar(name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB);";

// A database that was made by running SQL, by SQLite alone. `sql` may call deflate(X), X in
// the zlib format, and text(N), N bytes of text() above.
void make_database(const std::string& path, const std::string& sql);

// The bytes of such a database, with 512-byte pages.
std::string database_bytes(const std::string& sql);

// An archive over a database that was made by running `sql` after kSqlar; holds the bytes it is in.
class SqlArchive {
 public:
  explicit SqlArchive(const std::string& sql);
  Archive* operator->() const noexcept { return archive_.get(); }
  Archive& operator*() const noexcept { return *archive_; }

 private:
  std::string bytes_;
  std::shared_ptr<Archive> archive_;
};

// The archive in a kit's or a plain archive's bytes, which outlive it.
std::shared_ptr<Archive> open_kit(std::string_view bytes);

// All of a file member, read in one go; requires that it is there.
std::string content_of(Archive& archive, std::string_view name);

// The sorted names of a directory's children; the order in which the archive gives them is its own affair.
std::vector<std::string> children_of(Archive& archive, std::string_view directory);
std::vector<std::string> names_of(Archive& archive);

// The Error that `body` throws; requires that it throws one.
template <typename Body>
Error error_of(Body&& body) {
  try {
    std::forward<Body>(body)();
  } catch (const Error& error) {
    return error;
  }
  FAIL("no Error was thrown");
  return Error(0, "", "");
}

// As long as it lives, no file can grow beyond `size_bytes`: a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(std::uint64_t size_bytes);
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk();

 private:
  std::uint64_t old_limit_;
  void (*old_action_)(int);
};

using Names = std::vector<std::string>;

}  // namespace starlit
