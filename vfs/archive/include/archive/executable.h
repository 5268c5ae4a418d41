// SPDX-License-Identifier: MIT
//
// Executables that carry an archive.
//
//     file      [ ELF program          , padding to 4096 ][ archive ][ mark ]
//     memory    [ program's segments ]   ...   [ archive and mark, read-only ]
//
// One program header that the program can do without (a PT_NOTE, not the one that holds the build id) is rewritten as a
// read-only PT_LOAD that covers archive and mark, above all other segments. So the kernel maps the archive at exec, and
// the program finds it without a path, an open or /proc.
//
// Only 64-bit little-endian ELF is known. The format: elf(5) and the System V ABI, chapter 5.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "archive/mark.h"
#include "base/file.h"

namespace starlit {

// What the kernel has mapped of this process's own executable.
//
// The archive's bytes (without the mark), or nothing where there is no such segment or it no longer covers the database,
// which happens when the sqlite3 shell made it grow; then the file has to be searched for its mark. Throws Error when the
// file is shorter than the segment; `path` is for the message.
std::optional<Bytes> own_archive_segment(const std::string& path);

// Whether the file that `fd` is open on begins with the same ELF header and program headers as this process.
bool is_own_image(const Fd& fd);

// The program in front of an executable's archive, ready to be written in front of another one.
class Program {
 public:
  // Reads the prefix of the executable at `path`; throws Error when it is no executable with a spare program header.
  // `prefix_size_bytes` is where its archive begins, or the file's size when it has none.
  Program(const Fd& fd, std::int64_t prefix_size_bytes, const std::string& path);

  // The prefix, padded to kArchiveAlignment, for an archive of `size_bytes` (mark included).
  std::string with_archive(std::int64_t size_bytes) const;

  // Where the archive begins: the padded size.
  FileOffset archive_offset() const noexcept { return FileOffset(static_cast<std::int64_t>(bytes_.size())); }

 private:
  std::string bytes_;
  std::size_t header_offset_ = 0;    // of the spare program header
  std::uint64_t segment_address_ = 0;
  std::uint64_t alignment_ = 4096;   // of its segments: the largest pages that it loads with
};

// Whether the bytes begin as an ELF program does.
bool is_elf(std::string_view bytes) noexcept;

// The machine that an ELF program with these first 64 bytes is for, as uname(1) names it: "x86_64" or "aarch64"; where it is
// none that there are runtimes for, "unknown (NUMBER)", or "unknown" for programs that are not 64-bit and little-endian.
std::string machine_of(std::string_view header);

}  // namespace starlit
