// SPDX-License-Identifier: MIT
//
// Archives of other formats, read-only: kits of the classic runtimes, in Metakit's format, and zip files. Each is read
// once for what is in it; then it is an Archive like our own (archive/listing.h), and a content is read where it lies.
//
// All of it is untrusted. Sizes and places must lie in the file and contents must not lie over one another, so memory
// and work are bounded by the file's size; names are checked as those of our own members are.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/listing.h"
#include "base/file.h"

namespace starlit {

// The bytes of a file, or of a member of an archive. Safe from any thread.
class ForeignFile {
 public:
  // Opens a regular file of the host. Throws Error.
  explicit ForeignFile(const std::string& path);

  // A regular file that was opened before; `path` is for messages.
  ForeignFile(Fd file, std::string path);

  // A content that is already in memory; `path` is for messages.
  ForeignFile(std::vector<std::byte> bytes, std::string path);

  const std::string& path() const noexcept { return path_; }
  std::int64_t size_bytes() const noexcept { return size_bytes_; }
  std::int64_t mtime_s() const noexcept { return mtime_s_; }

  // Fills `out` from `offset` on. Throws Error{EIO, "CUT"} where the file ends before, and Error{ESTALE, "CHANGED"} where
  // it has been changed since it was opened.
  void read(std::int64_t offset, std::span<std::byte> out) const;

  // The same as a text.
  std::string text(std::int64_t offset, std::int64_t size_bytes) const;

 private:
  std::string path_;
  Fd fd_;
  struct timespec changed_ {};
  std::vector<std::byte> bytes_;
  std::int64_t size_bytes_ = 0;
  std::int64_t mtime_s_ = 0;
};

enum class ForeignFormat { kMetakit, kZip };

// What the end of a file says of its format, or nothing. That the rest keeps to it shows when it is opened.
std::optional<ForeignFormat> foreign_format(const ForeignFile& file);

// What the first bytes of a file say of it, where nothing is in front of the archive.
std::optional<ForeignFormat> foreign_magic(std::string_view begin) noexcept;

// Throws Error with the code METAKIT or ZIP for what is not of that format, or damaged, or beyond what we can read; NAME
// for a member's name that is none.
std::shared_ptr<Archive> open_metakit(std::shared_ptr<const ForeignFile> file);
std::shared_ptr<Archive> open_zip(std::shared_ptr<const ForeignFile> file);
std::shared_ptr<Archive> open_foreign(std::shared_ptr<const ForeignFile> file, ForeignFormat format);

// Where in the file the archive begins: what is in front of that is no part of it. Throws Error like those above.
std::int64_t foreign_start(const ForeignFile& file, ForeignFormat format);

}  // namespace starlit
