// SPDX-License-Identifier: MIT
//
// The database header's fields: https://www.sqlite.org/fileformat2.html#the_database_header

#include "archive/mark.h"

#include <algorithm>
#include <functional>
#include <string>

#include "base/error.h"

namespace starlit {
namespace {

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::uint64_t page_size(std::string_view header) {
  const std::uint64_t size = big_endian(header.substr(16, 2));
  return size == 1 ? 65536 : size;
}

[[noreturn]] void fail(std::string_view object, std::string code, const std::string& cause) {
  throw Error(EINVAL, std::move(code), quoted("couldn't open", object) + ": " + cause);
}

// Reads up to `size` bytes at an offset.
using ReadAt = std::function<std::string(std::int64_t offset, std::size_t size)>;

// Looks for a mark that is not the last thing in the file, so that the message can say so.
std::optional<std::int64_t> bytes_after_mark(const ReadAt& read, std::int64_t size) {
  const std::int64_t tail_size = std::min<std::int64_t>(size, 65536);
  const std::string tail = read(size - tail_size, static_cast<std::size_t>(tail_size));
  const auto at = tail.rfind(kMarkMagic);
  if (at == std::string::npos || at + kMarkBytes >= tail.size()) return std::nullopt;
  return static_cast<std::int64_t>(tail.size() - at - kMarkBytes);
}

Location locate(const ReadAt& read, std::int64_t size, const std::string& path, bool is_changing) {
  if (size == 0) fail(path, "EMPTY", "the file is empty");
  Location location;
  const bool is_database = read(0, kDatabaseMagic.size()) == kDatabaseMagic;
  // As appendvfs.c tells a plain database: its last page may end with a mark of something inside.
  const bool is_plain = size % 512 == 0 && is_database;
  if (!is_plain && size >= static_cast<std::int64_t>(kMarkBytes)) {
    const std::int64_t end = size - static_cast<std::int64_t>(kMarkBytes);
    if (const auto offset = decode_mark(read(end, kMarkBytes))) {
      if (*offset % 512 == 0 && *offset < static_cast<std::uint64_t>(end)) {
        location.offset = FileOffset(static_cast<std::int64_t>(*offset));
        location.size_bytes = end - static_cast<std::int64_t>(*offset);
        location.has_mark = true;
      } else if (!is_database) {
        fail(path, "MARK", "its mark is invalid: it names offset " + std::to_string(*offset) + " in a file of " +
                               std::to_string(size) + " bytes");
      }
      // Else what was in front of it has been cut off (sdx mksplit), and the rest is a plain archive again.
    }
  }
  if (!location.has_mark) location.size_bytes = size;

  const std::string header = read(static_cast<std::int64_t>(location.offset), kDatabaseHeaderBytes);
  if (!location.has_mark && !header.starts_with(kDatabaseMagic)) {
    if (const auto after = bytes_after_mark(read, size)) {
      fail(path, "MARKNOTLAST", std::to_string(*after) + (*after == 1 ? " byte follows" : " bytes follow") + " its mark (hint: remove what was appended)");
    }
    fail(path, "NOTKIT", "not a kit (hint: it has no mark at its end; was it cut short?)");
  }
  check_database_header(header, is_changing ? INT64_MAX : location.size_bytes, path);
  return location;
}

}  // namespace

std::array<char, kMarkBytes> encode_mark(FileOffset archive) {
  std::array<char, kMarkBytes> mark;
  std::copy(kMarkMagic.begin(), kMarkMagic.end(), mark.begin());
  const auto offset = static_cast<std::uint64_t>(archive);
  for (std::size_t i = 0; i < 8; ++i) mark[kMarkMagic.size() + i] = static_cast<char>(offset >> (56 - 8 * i));
  return mark;
}

std::optional<std::uint64_t> decode_mark(std::string_view bytes) {
  if (bytes.size() != kMarkBytes || !bytes.starts_with(kMarkMagic)) return std::nullopt;
  return big_endian(bytes.substr(kMarkMagic.size()));
}

std::int64_t database_size(std::string_view header) {
  if (header.size() < kDatabaseHeaderBytes) return 0;
  // The page count is only valid where the version-valid-for number equals the change counter.
  if (header.substr(24, 4) != header.substr(92, 4)) return 0;
  return static_cast<std::int64_t>(page_size(header) * big_endian(header.substr(28, 4)));
}

void check_database_header(std::string_view header, std::int64_t size_bytes, std::string_view object) {
  if (header.size() < kDatabaseHeaderBytes) fail(object, "CUT", "the archive is cut short");
  if (!header.starts_with(kDatabaseMagic)) {
    fail(object, "NOTDB", "the archive is encrypted or damaged (hint: it does not begin as an SQLite database)");
  }
  const std::uint64_t page = page_size(header);
  if (page < 512 || page > 65536 || (page & (page - 1)) != 0) {
    fail(object, "CORRUPT", "the archive is damaged: its page size is " + std::to_string(page));
  }
  // Write and read version 2 is WAL mode: its readers need files beside the database that a kit has no place for.
  if (header[18] != 1 || header[19] != 1) {
    fail(object, "WAL",
         "the archive is in WAL mode (hint: take it out of it with the sqlite3 shell: PRAGMA journal_mode=delete)");
  }
  if (big_endian(header.substr(56, 4)) > 1) {
    fail(object, "ENCODING", "the archive's text is UTF-16 (hint: make it again with PRAGMA encoding='UTF-8')");
  }
  if (size_bytes < database_size(header)) {
    fail(object, "CUT",
         "the archive is cut short: " + std::to_string(size_bytes) + " of " + std::to_string(database_size(header)) +
             " bytes are there");
  }
}

Location locate_archive(const Fd& fd, const std::string& path, bool is_changing) {
  return locate(
      [&](std::int64_t offset, std::size_t size) {
        std::string bytes(size, '\0');
        bytes.resize(read_at(fd, bytes.data(), size, offset, path));
        return bytes;
      },
      stat_fd(fd, path).st_size, path, is_changing);
}

Location locate_archive(Bytes file, const std::string& path) {
  const std::string_view bytes(reinterpret_cast<const char*>(file.data()), file.size());
  return locate(
      [&](std::int64_t offset, std::size_t size) {
        return std::string(bytes.substr(static_cast<std::size_t>(offset), size));
      },
      static_cast<std::int64_t>(bytes.size()), path, false);
}

}  // namespace starlit
