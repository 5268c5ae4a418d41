// SPDX-License-Identifier: MIT
//
// The mark: the last 25 bytes of a file that has a prefix in front of its archive.
//
//     offset  0                17               25
//             +----------------+----------------+
//             | Start-Of-      | archive offset |
//             | SQLite3-       | big endian     |
//             +----------------+----------------+
//
// It is SQLite's own mark for appended databases (ext/misc/appendvfs.c), so `sqlite3 --append FILE` finds the archive
// too. The offset counts from the start of the file and is a multiple of 4096 in what we write; what SQLite writes is
// so as well, and SQLite accepts multiples of 512.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/file.h"

namespace starlit {

inline constexpr std::string_view kMarkMagic = "Start-Of-SQLite3-";
inline constexpr std::size_t kMarkBytes = 25;
// What an SQLite database begins with (https://sqlite.org/fileformat2.html, 1.3).
inline constexpr std::string_view kDatabaseMagic("SQLite format 3\0", 16);
inline constexpr std::size_t kDatabaseHeaderBytes = 100;
inline constexpr std::int64_t kArchiveAlignment = 4096;

// An offset in a file; an offset in the database is counted from there.
enum class FileOffset : std::int64_t {};

std::array<char, kMarkBytes> encode_mark(FileOffset archive);

// The offset that 25 bytes name, or nothing where they are no mark.
std::optional<std::uint64_t> decode_mark(std::string_view bytes);

// Where an archive lies in its file, without the mark.
struct Location {
  FileOffset offset{};
  std::int64_t size_bytes = 0;
  bool has_mark = false;  // false: the file is a plain archive
};

// Finds the archive in a file, or in bytes: a plain archive by SQLite's magic at offset 0, else by the mark.
//
// Throws Error that tells the cases apart: an empty file, no mark (also: a file cut short), a mark with bytes behind it,
// a mark whose offset points nowhere, an archive that is encrypted or no database, one in WAL mode.
//
// `is_changing`: a writer is at work on the file or was stopped in the middle, so the size that the header states need not
// be there; SQLite sees to that.
Location locate_archive(const Fd& fd, const std::string& path, bool is_changing = false);
Location locate_archive(Bytes file, const std::string& path);

// Throws Error unless `header` (the first 100 bytes of an archive) can be that of a database we can read.
// `size_bytes` is what there is of the archive; `object` names it in the message.
void check_database_header(std::string_view header, std::int64_t size_bytes, std::string_view object);

// The size that a database header states (page size times page count), or 0 where it states none.
std::int64_t database_size(std::string_view header);

}  // namespace starlit
