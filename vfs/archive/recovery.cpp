// SPDX-License-Identifier: MIT

#include "recovery.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>

#include "archive/locks.h"
#include "archive/mark.h"
#include "base/file.h"
#include "file_vfs.h"

namespace starlit {
namespace {


// A file that was growing may end with zeros for which the mark has not been moved yet: no more than these.
constexpr std::int64_t kGrowthMax = 8 << 20;

// Where the file's mark is: at its end, or in front of the zeros there. Nothing without one.
std::optional<std::int64_t> find_mark(const std::string& tail, std::int64_t tail_offset) {
  const auto at = tail.rfind(kMarkMagic);
  if (at == std::string::npos || at + kMarkBytes > tail.size()) return std::nullopt;
  if (tail.find_first_not_of('\0', at + kMarkBytes) != std::string::npos) return std::nullopt;
  return tail_offset + static_cast<std::int64_t>(at);
}

// Without a look at the database's header.
Location locate_by_mark(const Fd& file, const std::string& path) {
  Location location;
  const std::int64_t size = stat_fd(file, path).st_size;
  const auto read = [&](std::int64_t offset, std::int64_t bytes) {
    std::string text(static_cast<std::size_t>(bytes), '\0');
    text.resize(read_at(file, text.data(), text.size(), offset, path));
    return text;
  };
  location.size_bytes = size;
  if (read(0, static_cast<std::int64_t>(kDatabaseMagic.size())) == kDatabaseMagic) return location;
  const std::int64_t tail_size = std::min(size, kGrowthMax);
  const auto mark = find_mark(read(size - tail_size, tail_size), size - tail_size);
  // 1 is no offset.
  const std::uint64_t offset = mark ? decode_mark(read(*mark, kMarkBytes)).value_or(1) : 1;
  if (offset % 512 != 0 || offset >= static_cast<std::uint64_t>(mark.value_or(0))) {
    throw Error(EINVAL, "MARK",
                quoted("couldn't roll back", path) + ": the file has no mark that leads to an archive");
  }
  location.offset = FileOffset(static_cast<std::int64_t>(offset));
  location.size_bytes = *mark - static_cast<std::int64_t>(offset);
  location.has_mark = true;
  return location;
}

}  // namespace

bool has_hot_journal(const HostFile& host) {
  if (!host.has_journal()) return false;
  const Fd journal(host.open_journal(O_RDONLY));
  if (!journal) host.check_journal();
  char first = 0;
  if (!journal || ::pread(journal.get(), &first, 1, 0) != 1 || first == 0) return false;
  return !is_reserved(host.open(Access::kRead).get()).value_or(false);
}

namespace {

// The journal of somebody who took the file for an empty database would empty it. The sqlite3 shell does, with
// --append, when the file's end changes while it looks for the mark there. Where a journal states the size before:
// https://www.sqlite.org/fileformat2.html#the_rollback_journal
void need_size_before(const HostFile& host) {
  const Fd journal(host.open_journal(O_RDONLY));
  char header[20];
  if (!journal || ::pread(journal.get(), header, sizeof header, 0) != sizeof header) return;
  if (header[0] == 0 || std::string_view(header + 16, 4) != std::string_view("\0\0\0\0", 4)) return;
  throw Error(EINVAL, "JOURNAL",
              quoted("couldn't roll back", host.path()) +
                  ": the journal beside it is that of an empty database (hint: move it away, and check the archive)");
}

}  // namespace

void roll_back(const std::shared_ptr<const HostFile>& host) {
  need_size_before(*host);
  const Fd file = host->open(Access::kWrite);
  FileDatabase database(host, locate_by_mark(file, host->path()), Access::kWrite);
  // The first look at it rolls back.
  execute(database.get(), "SELECT 1 FROM sqlite_schema", host->path(), kWriting);
  database.trim();
}

namespace {

// Where in the file an archive begins that is not at its beginning.
std::optional<std::int64_t> find_database(const Fd& file, const std::string& path, std::int64_t size) {
  constexpr std::int64_t kPiece = 256 * kArchiveAlignment;
  std::string piece(static_cast<std::size_t>(kPiece), '\0');
  for (std::int64_t at = 0; at < size; at += kPiece) {
    const std::size_t got = read_at(file, piece.data(), piece.size(), at, path);
    const std::string_view bytes(piece.data(), got);
    for (std::size_t i = at == 0 ? kArchiveAlignment : 0; i < got; i += kArchiveAlignment) {
      const std::string_view header = bytes.substr(i, kDatabaseHeaderBytes);
      if (!header.starts_with(kDatabaseMagic)) continue;
      const std::int64_t offset = at + static_cast<std::int64_t>(i);
      try {
        check_database_header(header, size - offset, path);
        if (database_size(header) > 0) return offset;
      } catch (const Error&) {
        // Something else that begins so.
      }
    }
  }
  return std::nullopt;
}

bool has_table_sqlar(sqlite3* database, const std::string& path) {
  const Statement table = prepare(database, "SELECT 1 FROM sqlite_schema WHERE name = 'sqlar'", path);
  return sqlite3_step(table.get()) == SQLITE_ROW;
}

}  // namespace

bool restore_mark(const std::shared_ptr<const HostFile>& host) {
  const std::string& path = host->path();
  const Fd file = host->open(Access::kWrite);
  const std::int64_t size = stat_fd(file, path).st_size;
  const auto offset = find_database(file, path, size);
  if (!offset) return false;
  const Location location{FileOffset(*offset), size - *offset, false};
  if (!has_table_sqlar(FileDatabase(host, location, Access::kRead).get(), path)) return false;
  if (set_lock(file.get(), F_WRLCK, kPendingByte, 2 + kSharedSize) != 0) {
    throw posix_error("couldn't restore the mark of", path, EAGAIN);
  }
  const auto mark = encode_mark(FileOffset(*offset));
  // Where the sqlite3 shell looks for one: behind a multiple of 512 bytes.
  const std::int64_t end = (size + 511) / 512 * 512;
  if (::pwrite(file.get(), mark.data(), mark.size(), end) != static_cast<ssize_t>(mark.size()) ||
      sync_file(file.get()) != 0) {
    const Error error = posix_error("couldn't restore the mark of", path);
    static_cast<void>(::ftruncate(file.get(), size));
    throw error;
  }
  return true;
}

}  // namespace starlit
