// SPDX-License-Identifier: MIT

#include "archive/editor.h"

#include <time.h>

#include <algorithm>
#include <optional>

#include "archive/chunks.h"
#include "archive/facts.h"
#include "archive/name.h"
#include "deflate_pool.h"
#include "host_file.h"
#include "starpack.h"

namespace starlit {
namespace {

// What is written file by file is deflated fast; `sdx vacuum` deflates it again, well.
constexpr int kLevelEdit = 1;

// Contents up to this size are deflated in one piece.
constexpr std::int64_t kWholeMax = 4 << 20;

// So many chunks are one transaction while a new large content is written, which nobody sees until it is complete: other
// writers need not wait for all of it.
constexpr std::int64_t kChunksPerTransaction = 32;

constexpr std::string_view kPut =
    "INSERT INTO sqlar(name, mode, mtime, sz, data) VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(name) DO UPDATE SET "
    "mode = excluded.mode, mtime = excluded.mtime, sz = excluded.sz, data = excluded.data";
// A large content gets a row number that no content had before: those who read it piece by piece know it by that.
constexpr std::string_view kPutLarge =
    "INSERT INTO sqlar(name, mode, mtime, sz, data, rowid) VALUES(?1, ?2, ?3, ?4, ?5, random() & 0x3fffffffffffffff) ON "
    "CONFLICT(name) DO UPDATE SET mode = excluded.mode, mtime = excluded.mtime, sz = excluded.sz, data = excluded.data, "
    "rowid = excluded.rowid";
constexpr std::string_view kRenameRow = "UPDATE sqlar SET name = ?2 WHERE name = ?1";
constexpr std::string_view kRenameBelow =
    "UPDATE sqlar SET name = ?3 || CAST(substr(CAST(name AS BLOB), ?4) AS TEXT) WHERE name >= ?1 AND name < ?2";
constexpr std::string_view kPutChunk = "INSERT OR REPLACE INTO starlit_chunk(id, data) VALUES(?1, ?2)";

std::int64_t chunk_id(std::int64_t number, std::int64_t index) { return number * kChunkIdsPerContent + index; }
std::int64_t version_id(std::int64_t number) { return chunk_id(number, kChunkIdsPerContent - 1); }
std::int64_t chunk_count(std::int64_t size_bytes) { return (size_bytes + kChunkBytes - 1) / kChunkBytes; }

std::int64_t now_s() { return ::time(nullptr); }

// Whether a package index depends on a member of this name.
bool is_index(std::string_view name) { return name.ends_with("pkgIndex.tcl") || name.ends_with(".tm"); }

}  // namespace

Transaction::Transaction(Archive& archive) : archive_(archive), turn_(archive.lock()) {
  if (!archive.is_writable()) throw posix_error("couldn't write", archive.path(), EROFS);
  level_ = archive.transactions_;
  if (level_ == 0) {
    archive.release();
    archive.end_leftover();
    // When it is needed there may be no memory for it.
    if (!archive.rollback_) archive.rollback_ = prepare(archive.database_, "ROLLBACK", archive.path(), kWriting);
    if (archive.starpack_ && archive.starpack_->begin()) {
      sqlite3_file_control(archive.database_, "main", SQLITE_FCNTL_RESET_CACHE, nullptr);
    }
    try {
      execute(archive.database_, "BEGIN IMMEDIATE", archive.path(), kWriting);
    } catch (...) {
      if (archive.starpack_) archive.starpack_->end();
      throw;
    }
    archive.has_changed_ = archive.hides_linkless_ = archive.hides_packages_ = false;
  } else if (sqlite3_get_autocommit(archive.database_) != 0) {
    // SQLite undoes a whole transaction itself after some failures, such as a full disk.
    throw Error(EIO, "UNDONE", quoted("couldn't write", archive.path()) + ": the transaction has failed and was undone");
  } else {
    execute(archive.database_, ("SAVEPOINT s" + std::to_string(level_)).c_str(), archive.path(), kWriting);
  }
  ++archive.transactions_;
  open_ = true;
}

Transaction::~Transaction() {
  if (open_) undo();
}

void Transaction::undo() noexcept {
  open_ = false;
  --archive_.transactions_;
  archive_.release();
  if (level_ == 0) {
    sqlite3_step(archive_.rollback_.get());
    sqlite3_reset(archive_.rollback_.get());
    if (archive_.starpack_) {
      // SQLite cannot undo what failed in the middle of writing the copy: its journal was in memory.
      if (archive_.has_changed_) {
        // What is still to be written must not be written over what is copied now.
        sqlite3_file_control(archive_.database_, "main", SQLITE_FCNTL_SYNC, nullptr);
        try {
          archive_.starpack_->forget();
          archive_.starpack_->renew();
        } catch (const std::exception&) {
          // The next transaction, or whoever asks for the session, does.
        }
        sqlite3_file_control(archive_.database_, "main", SQLITE_FCNTL_RESET_CACHE, nullptr);
      }
      archive_.starpack_->end();
    }
    archive_.has_changed_ = archive_.hides_linkless_ = archive_.hides_packages_ = false;
  } else {
    char sql[80];
    std::snprintf(sql, sizeof sql, "ROLLBACK TO s%d; RELEASE s%d", level_, level_);
    sqlite3_exec(archive_.database_, sql, nullptr, nullptr, nullptr);
  }
}

// The copy is changed; where no executable comes of it undo() takes it back to what the executable holds.
void Transaction::publish() {
  if (archive_.has_changed_) archive_.starpack_->publish();
  archive_.starpack_->end();
}

void Transaction::commit() {
  try {
    if (sqlite3_get_autocommit(archive_.database_) != 0) {
      throw Error(EIO, "UNDONE",
                  quoted("couldn't write", archive_.path()) + ": the transaction has failed and was undone");
    }
    archive_.release();
    if (level_ > 0) {
      execute(archive_.database_, ("RELEASE s" + std::to_string(level_)).c_str(), archive_.path(), kWriting);
    } else {
      const std::uint32_t counter = archive_.change_counter();
      if (archive_.has_changed_) {
        carry_facts(archive_, counter, !archive_.hides_linkless_, !archive_.hides_packages_);
      }
      execute(archive_.database_, "COMMIT", archive_.path(), kWriting);
      if (archive_.has_changed_ && archive_.facts_at_ == counter) {
        // What is known stays known.
        archive_.facts_at_ = counter + 1;
        if (archive_.hides_linkless_) archive_.facts_.erase(std::string(kFactLinkless));
        if (archive_.hides_packages_) archive_.facts_.erase(std::string(kFactPackages));
      }
      if (archive_.starpack_) publish();
      archive_.has_changed_ = archive_.hides_linkless_ = archive_.hides_packages_ = false;
    }
  } catch (...) {
    undo();
    throw;
  }
  open_ = false;
  --archive_.transactions_;
}

struct Editor::Statements {
  Statement put, put_large, remove, remove_below, rename, rename_below, set_mtime, set_directory_mtime, set_mode, put_chunk,
      remove_chunks, count_chunks;
};

// What goes into the column data: bytes, a text (a link's target), the number of a content, room for a blob, or null.
struct Editor::Row {
  std::optional<Bytes> bytes;
  std::optional<std::string_view> text;
  std::optional<std::int64_t> number;
  std::optional<std::int64_t> room_bytes;
};

Editor::Editor(std::shared_ptr<Archive> archive)
    : archive_(std::move(archive)), statements_(std::make_unique<Statements>()) {}

Editor::~Editor() = default;

Bytes Editor::deflate(Bytes bytes) {
  if (!deflater_) deflater_ = std::make_unique<Deflater>(kLevelEdit);
  return deflater_->deflate(bytes);
}

// Whether a part of a large content is worth the time: data that is compressed already shows it in any sample.
bool Editor::may_deflate(Bytes piece) {
  constexpr std::size_t kSampleBytes = 8 << 10;
  if (piece.size() < 4 * kSampleBytes) return true;
  const Bytes sample = deflate(piece.subspan(piece.size() / 2, kSampleBytes));
  return !sample.empty() && sample.size() < kSampleBytes - kSampleBytes / 32;
}

void Editor::fail(std::string_view name, int posix) const {
  throw posix_error("couldn't write", archive_->path() + "/" + std::string(name), posix);
}

sqlite3_stmt* Editor::statement(Statement& slot, std::string_view sql) {
  if (!slot) slot = prepare(archive_->database(), sql, archive_->path(), kWriting);
  return slot.get();
}

void Editor::run(sqlite3_stmt* statement) {
  const int code = sqlite3_step(statement);
  const int result = sqlite3_reset(statement);
  if (code != SQLITE_DONE && code != SQLITE_ROW) {
    throw sqlite_error(archive_->database(), result, archive_->path(), kWriting);
  }
}

void Editor::note(std::string_view name) {
  archive_->has_changed_ = true;
  if (is_index(name)) archive_->hides_packages_ = true;
}

// The directory of a new member must be there.
void Editor::need_directory(std::string_view name) {
  const std::string_view directory = parent_name(name);
  if (directory.empty()) return;
  const auto member = archive_->find(directory);
  if (member && member->type == MemberType::kDirectory) return;
  if (member) fail(name, member->type == MemberType::kLink ? ENOENT : ENOTDIR);
  for (auto above = parent_name(directory); !above.empty(); above = parent_name(above)) {
    const auto higher = archive_->find(above);
    if (higher) fail(name, higher->type == MemberType::kDirectory ? ENOENT : ENOTDIR);
  }
  fail(name, ENOENT);
}

void Editor::need_room_for(std::string_view name) {
  if (name.empty()) fail(name, EEXIST);
  if (const int posix = new_name_errno(name); posix != 0) fail(name, posix);
  need_directory(name);
}

void Editor::make_explicit(std::string_view directory) {
  if (directory.empty() || archive_->find_row(directory)) return;
  make_explicit(parent_name(directory));
  Member member;
  write_row(directory, static_cast<std::int64_t>(member.mode()), 0, 0, {});
}

// Rule 4.
void Editor::entered(std::string_view name, std::int64_t now_s) {
  const std::string_view directory = parent_name(name);
  sqlite3_stmt* update = statement(statements_->set_directory_mtime, "UPDATE sqlar SET mtime = ?2 WHERE name = ?1");
  const std::string stored = directory.empty() ? "." : archive_->stored_name(directory);
  if (directory.empty() && archive_->root_.empty()) return;
  bind_text(update, 1, stored);
  sqlite3_bind_int64(update, 2, now_s);
  run(update);
}

void Editor::write_row(std::string_view name, std::int64_t mode, std::int64_t mtime_s, std::int64_t size,
                       const Row& row) {
  note(name);
  sqlite3_stmt* put =
      row.room_bytes ? statement(statements_->put_large, kPutLarge) : statement(statements_->put, kPut);
  const std::string stored = archive_->stored_name(name);
  bind_text(put, 1, stored);
  sqlite3_bind_int64(put, 2, mode);
  sqlite3_bind_int64(put, 3, mtime_s);
  sqlite3_bind_int64(put, 4, size);
  if (row.bytes) {
    sqlite3_bind_blob64(put, 5, row.bytes->empty() ? "" : static_cast<const void*>(row.bytes->data()),
                        row.bytes->size(), SQLITE_STATIC);
  } else if (row.text) {
    bind_text(put, 5, *row.text);
  } else if (row.number) {
    sqlite3_bind_int64(put, 5, *row.number);
  } else if (row.room_bytes) {
    sqlite3_bind_zeroblob64(put, 5, static_cast<sqlite3_uint64>(*row.room_bytes));
  } else {
    sqlite3_bind_null(put, 5);
  }
  run(put);
  sqlite3_clear_bindings(put);
}

void Editor::delete_chunks(std::int64_t number, std::int64_t from_index) {
  sqlite3_stmt* remove =
      statement(statements_->remove_chunks, "DELETE FROM starlit_chunk WHERE id >= ?1 AND id < ?2");
  sqlite3_bind_int64(remove, 1, chunk_id(number, from_index));
  // Without the version, where some pieces stay.
  sqlite3_bind_int64(remove, 2, from_index == 0 ? chunk_id(number + 1, 0) : version_id(number));
  run(remove);
}

void Editor::delete_row(std::string_view name, const Member& member) {
  note(name);
  if (member.type == MemberType::kLink) archive_->hides_packages_ = true;
  if (member.chunks != 0) delete_chunks(member.chunks, 0);
  sqlite3_stmt* remove = statement(statements_->remove, "DELETE FROM sqlar WHERE name = ?1");
  const std::string stored = archive_->stored_name(name);
  bind_text(remove, 1, stored);
  run(remove);
}

void Editor::create_chunk_table() {
  const std::string sql = std::string("CREATE TABLE IF NOT EXISTS") + (kChunkSchema + std::string_view("CREATE TABLE").size());
  execute(archive_->database(), sql.c_str(), archive_->path(), kWriting);
  archive_->need_chunk_table();
}

std::int64_t Editor::new_content_number() {
  while (true) {
    std::int64_t number;
    sqlite3_randomness(sizeof number, &number);
    number &= kContentNumberMax;
    if (number == 0) continue;
    sqlite3_stmt* count =
        statement(statements_->count_chunks, "SELECT count(*) FROM starlit_chunk WHERE id >= ?1 AND id < ?2");
    const Use use(count);
    sqlite3_bind_int64(count, 1, chunk_id(number, 0));
    sqlite3_bind_int64(count, 2, chunk_id(number + 1, 0));
    if (archive_->step(count) && sqlite3_column_int64(count, 0) == 0) return number;
  }
}

void Editor::put_chunk(std::int64_t id, Bytes piece) {
  const Bytes deflated = may_deflate(piece) ? deflate(piece) : Bytes();
  const Bytes data = deflated.empty() ? piece : deflated;
  sqlite3_stmt* put = statement(statements_->put_chunk, kPutChunk);
  sqlite3_bind_int64(put, 1, id);
  sqlite3_bind_blob64(put, 2, data.data(), data.size(), SQLITE_STATIC);
  run(put);
}

// Writes a new content, in several transactions where the caller has none open. Returns its number; nothing leads to it
// until that is in a row. What is left by a process that ends meanwhile is swept up by vacuum.
std::int64_t Editor::write_chunks(WorkingFile& content) {
  std::int64_t number = 0;
  const std::int64_t count = chunk_count(content.size_bytes());
  std::vector<std::byte> buffer(static_cast<std::size_t>(kChunkBytes));
  try {
    for (std::int64_t index = 0; index < count;) {
      Transaction transaction(*archive_);
      archive_->has_changed_ = true;
      if (number == 0) {
        create_chunk_table();
        number = new_content_number();
        // Whoever sweeps up what nothing leads to takes this too, and put_file() sees it.
        set_version(number, 0);
      }
      const std::int64_t end = std::min(count, index + kChunksPerTransaction);
      for (; index < end; ++index) {
        put_chunk(chunk_id(number, index), Bytes(buffer).first(content.read(index * kChunkBytes, buffer)));
      }
      transaction.commit();
    }
  } catch (...) {
    if (number != 0) drop_chunks(number);
    throw;
  }
  return number;
}

// Takes away a content that nothing leads to.
void Editor::drop_chunks(std::int64_t number) noexcept {
  try {
    Transaction transaction(*archive_);
    archive_->has_changed_ = true;
    delete_chunks(number, 0);
    transaction.commit();
  } catch (const std::exception&) {
    // Then vacuum does.
  }
}

// Changes a content in place: only what was touched is written.
void Editor::update_chunks(std::string_view name, WorkingFile& content, std::int64_t number) {
  const ChunkReader& base = *content.base_chunks();
  const ChunkReader now(archive_, std::string(name), number, content.size_bytes());
  if (base.number() != number || base.version() != now.version()) {
    throw Error(ESTALE, "CHANGED",
                quoted("couldn't write", archive_->path() + "/" + std::string(name)) +
                    ": it was changed by another process meanwhile");
  }
  const std::int64_t count = chunk_count(content.size_bytes());
  std::vector<std::byte> buffer(static_cast<std::size_t>(kChunkBytes));
  for (std::int64_t index = 0; index < count; ++index) {
    if (content.is_untouched(index)) continue;
    put_chunk(chunk_id(number, index), Bytes(buffer).first(content.read(index * kChunkBytes, buffer)));
  }
  delete_chunks(number, count);
  set_version(number, base.version() + 1);
}

void Editor::set_version(std::int64_t number, std::int64_t version) {
  sqlite3_stmt* put = statement(statements_->put_chunk, kPutChunk);
  sqlite3_bind_int64(put, 1, version_id(number));
  sqlite3_bind_int64(put, 2, version);
  run(put);
}

// Within the transaction that makes a row lead to a content that was just written.
void Editor::need_content(std::string_view name, std::int64_t number) {
  const Statement version = prepare(archive_->database(), "SELECT 1 FROM starlit_chunk WHERE id = ?1", archive_->path());
  sqlite3_bind_int64(version.get(), 1, version_id(number));
  if (archive_->step(version.get())) return;
  throw Error(EAGAIN, "SWEPT",
              quoted("couldn't write", archive_->path() + "/" + std::string(name)) +
                  ": its content was swept up while it was written (hint: write it again)");
}

void Editor::put_file(std::string_view name, std::uint32_t permissions, std::int64_t mtime_s, WorkingFile& content,
                      Permissions which) {
  const auto turn = archive_->lock();
  const std::int64_t size = content.size_bytes();
  if (archive_->starpack_ && archive_->transactions_ == 0 && size > kRowContentMax) {
    // Each transaction makes a new executable: one for all of the content.
    Transaction whole(*archive_);
    put_file(name, permissions, mtime_s, content, which);
    whole.commit();
    return;
  }
  // All that takes long is done before the archive is locked for others.
  Row row;
  std::vector<std::byte> whole;
  Fd deflated_file;
  bool in_place = false;
  if (size <= kWholeMax) {
    Bytes bytes;
    if (const auto memory = content.bytes()) {
      bytes = *memory;
    } else {
      whole.resize(static_cast<std::size_t>(size));
      content.read(0, whole);
      bytes = whole;
    }
    const Bytes deflated = deflate(bytes);
    row.bytes = deflated.empty() ? bytes : deflated;
  } else if (size <= kRowContentMax) {
    // Deflated into a file first: SQLite has to know the size.
    deflated_file = archive_->host()->open_temporary();
    DeflateStream stream(kLevelEdit);
    std::vector<std::byte> buffer(static_cast<std::size_t>(kChunkBytes));
    std::int64_t stored = 0;
    for (std::int64_t at = 0; at < size && stored < size;) {
      const std::size_t got = content.read(at, buffer);
      at += static_cast<std::int64_t>(got);
      const Bytes out = stream.deflate(Bytes(buffer).first(got), at == size);
      write_all(deflated_file, {reinterpret_cast<const char*>(out.data()), out.size()}, "the temporary file");
      stored += static_cast<std::int64_t>(out.size());
    }
    if (stored >= size) {
      // As it is; but not from the row that it may begin with, which is about to be overwritten.
      deflated_file = archive_->host()->open_temporary();
      for (std::int64_t at = 0; at < size;) {
        const std::size_t got = content.read(at, buffer);
        write_all(deflated_file, {reinterpret_cast<const char*>(buffer.data()), got}, "the temporary file");
        at += static_cast<std::int64_t>(got);
      }
    }
    row.room_bytes = std::min(stored, size);
  } else {
    const auto before = archive_->find_row(name);
    in_place = content.base_chunks() != nullptr && before && before->chunks == content.base_chunks()->number();
    if (!in_place) row.number = write_chunks(content);
  }

  try {
    Transaction transaction(*archive_);
    const auto before = archive_->find_row(name);
    if (before && before->type == MemberType::kDirectory) fail(name, EISDIR);
    if (!before) {
      if (archive_->find(name)) fail(name, EISDIR);  // an implied directory
      need_room_for(name);
      entered(name, now_s());
    }
    if (in_place) {
      if (!before || before->chunks != content.base_chunks()->number()) {
        throw Error(ESTALE, "CHANGED",
                    quoted("couldn't write", archive_->path() + "/" + std::string(name)) +
                        ": it was replaced by another process meanwhile");
      }
      update_chunks(name, content, before->chunks);
      row.number = before->chunks;
    } else {
      if (row.number) need_content(name, *row.number);
      if (before && before->chunks != 0) delete_chunks(before->chunks, 0);
    }
    const bool keeps = which == Permissions::kOfFile && before && before->type == MemberType::kFile;
    write_row(name, S_IFREG | static_cast<std::int64_t>((keeps ? before->permissions : permissions) & 07777), mtime_s, size,
              row);
    if (row.room_bytes) {
      const auto written = archive_->stored(name, 0);
      archive_->release();
      sqlite3_blob* raw = nullptr;
      const int opened =
          sqlite3_blob_open(archive_->database(), "main", "sqlar", "data", written->row, 1, &raw);
      const std::unique_ptr<sqlite3_blob, Calls<sqlite3_blob_close>> blob(raw);
      if (opened != SQLITE_OK) throw sqlite_error(archive_->database(), opened, archive_->path(), kWriting);
      std::vector<std::byte> buffer(static_cast<std::size_t>(kChunkBytes));
      for (std::int64_t at = 0; at < *row.room_bytes;) {
        const auto want = static_cast<std::size_t>(std::min(kChunkBytes, *row.room_bytes - at));
        const std::size_t got = read_at(deflated_file, buffer.data(), want, at, "the temporary file");
        const int code = got == want ? sqlite3_blob_write(blob.get(), buffer.data(), static_cast<int>(got),
                                                          static_cast<int>(at))
                                     : SQLITE_IOERR_SHORT_READ;
        if (code != SQLITE_OK) throw sqlite_error(archive_->database(), code, archive_->path(), kWriting);
        at += static_cast<std::int64_t>(got);
      }
    }
    transaction.commit();
  } catch (...) {
    if (row.number && !in_place) drop_chunks(*row.number);
    throw;
  }
}

void Editor::create_file(std::string_view name, std::uint32_t permissions, std::int64_t mtime_s) {
  Transaction transaction(*archive_);
  if (archive_->find(name)) fail(name, EEXIST);
  need_room_for(name);
  Row row;
  row.bytes = Bytes();
  write_row(name, S_IFREG | static_cast<std::int64_t>(permissions & 07777), mtime_s, 0, row);
  entered(name, mtime_s);
  transaction.commit();
}

void Editor::copy_member(std::string_view from, std::string_view to) {
  Transaction transaction(*archive_);
  const auto source = archive_->find(from);
  if (!source) fail(from, ENOENT);
  if (source->type == MemberType::kDirectory) fail(from, EISDIR);
  if (archive_->find(to)) fail(to, EEXIST);
  need_room_for(to);
  if (source->chunks != 0) {
    // Its chunks are the source's: not to be changed in place.
    WorkingFile content(archive_->open(from), [&] { return archive_->host()->open_temporary(); });
    Row row;
    row.number = write_chunks(content);
    write_row(to, static_cast<std::int64_t>(source->mode()), source->mtime_s, source->size_bytes, row);
  } else {
    note(to);
    if (source->type == MemberType::kLink) archive_->hides_linkless_ = archive_->hides_packages_ = true;
    const Statement copy = prepare(archive_->database(),
                                   "INSERT INTO sqlar(name, mode, mtime, sz, data) SELECT ?2, mode, mtime, sz, data FROM "
                                   "sqlar WHERE name = ?1",
                                   archive_->path(), kWriting);
    const std::string stored_from = archive_->stored_name(from);
    const std::string stored_to = archive_->stored_name(to);
    bind_text(copy.get(), 1, stored_from);
    bind_text(copy.get(), 2, stored_to);
    run(copy.get());
  }
  entered(to, now_s());
  transaction.commit();
}

void Editor::put_tree(std::string_view root, const NewMember& directory, std::vector<NewMember> members) {
  // Large files are written after the others, one by one and in chunks.
  std::vector<NewMember> large;
  for (NewMember& member : members) {
    if (member.type == MemberType::kFile && member.size_bytes > kWholeMax) {
      large.push_back(member);
      member.type = MemberType::kDirectory;
      member.name.clear();
    }
  }
  DeflatePool pool(members, kLevelEdit, 0);
  Transaction transaction(*archive_);
  make_directory(root, directory.permissions, directory.mtime_s);
  for (std::size_t i = 0; i < members.size(); ++i) {
    const DeflatedMember content = pool.take(i);
    const NewMember& member = members[i];
    if (member.name.empty()) continue;
    const std::string name = join_name(root, member.name);
    if (const int posix = new_name_errno(name); posix != 0) fail(name, posix);
    Row row;
    const bool is_file = member.type == MemberType::kFile;
    if (is_file) row.bytes = content.data();
    write_row(name, (is_file ? S_IFREG : S_IFDIR) | static_cast<std::int64_t>(member.permissions & 07777),
              member.mtime_s, content.size_bytes, row);
  }
  for (const NewMember& member : large) {
    const Fd file = open_regular(member.path);
    WorkingFile content(Fd(::dup(file.get())), stat_fd(file, member.path).st_size);
    const std::string name = join_name(root, member.name);
    const auto holder = archive_->find(parent_name(name));
    put_file(name, member.permissions, member.mtime_s, content);
    set_mtime(parent_name(name), holder->mtime_s);
  }
  transaction.commit();
}

void Editor::make_directory(std::string_view name, std::uint32_t permissions, std::int64_t mtime_s) {
  Transaction transaction(*archive_);
  if (name.empty() || archive_->find(name)) fail(name, EEXIST);
  need_room_for(name);
  write_row(name, S_IFDIR | static_cast<std::int64_t>(permissions & 07777), mtime_s, 0, {});
  entered(name, now_s());
  transaction.commit();
}

void Editor::make_link(std::string_view name, std::string_view target, std::int64_t mtime_s) {
  Transaction transaction(*archive_);
  if (name.empty() || archive_->find(name)) fail(name, EEXIST);
  if (target.empty()) fail(name, ENOENT);
  if (target.size() >= 4096) fail(name, ENAMETOOLONG);
  need_room_for(name);
  Row row;
  row.text = target;
  write_row(name, S_IFLNK | 0777, mtime_s, -1, row);
  archive_->hides_linkless_ = true;
  archive_->hides_packages_ = true;  // it may be another way to some
  entered(name, mtime_s);
  transaction.commit();
}

void Editor::remove_file(std::string_view name, std::int64_t now_s) {
  Transaction transaction(*archive_);
  const auto member = archive_->find(name);
  if (!member) {
    need_directory(name);
    fail(name, ENOENT);
  }
  if (member->type == MemberType::kDirectory) fail(name, EISDIR);
  make_explicit(parent_name(name));
  delete_row(name, *member);
  entered(name, now_s);
  transaction.commit();
}

void Editor::remove_directory(std::string_view name, bool recursive, std::int64_t now_s) {
  Transaction transaction(*archive_);
  const auto member = archive_->find(name);
  if (!member) {
    need_directory(name);
    fail(name, ENOENT);
  }
  if (member->type != MemberType::kDirectory) fail(name, ENOTDIR);
  if (name.empty()) fail(name, EBUSY);
  if (archive_->is_implied_directory(name)) {
    if (!recursive) fail(name, ENOTEMPTY);
    const std::string low = archive_->stored_name(name) + "/";
    const std::string high = archive_->stored_name(name) + "0";
    const Statement large = prepare(archive_->database(),
                                    "SELECT data FROM sqlar WHERE name >= ?1 AND name < ?2 AND typeof(data) = 'integer'",
                                    archive_->path());
    bind_text(large.get(), 1, low);
    bind_text(large.get(), 2, high);
    std::vector<std::int64_t> numbers;
    while (archive_->step(large.get())) numbers.push_back(sqlite3_column_int64(large.get(), 0));
    sqlite3_reset(large.get());
    for (const std::int64_t number : numbers) delete_chunks(number, 0);
    const Statement index = prepare(archive_->database(),
                                    "SELECT 1 FROM sqlar WHERE name >= ?1 AND name < ?2 AND (name LIKE "
                                    "'%pkgIndex.tcl' OR name LIKE '%.tm')",
                                    archive_->path());
    bind_text(index.get(), 1, low);
    bind_text(index.get(), 2, high);
    if (archive_->step(index.get())) archive_->hides_packages_ = true;
    sqlite3_reset(index.get());
    sqlite3_stmt* remove = statement(statements_->remove_below, "DELETE FROM sqlar WHERE name >= ?1 AND name < ?2");
    bind_text(remove, 1, low);
    bind_text(remove, 2, high);
    run(remove);
  }
  make_explicit(parent_name(name));
  delete_row(name, *member);
  entered(name, now_s);
  transaction.commit();
}

void Editor::rename(std::string_view from, std::string_view to, std::int64_t now_s) {
  Transaction transaction(*archive_);
  const auto source = archive_->find(from);
  if (!source) {
    need_directory(from);
    fail(from, ENOENT);
  }
  if (from.empty() || to.empty()) fail(from, EBUSY);
  if (from == to) return;
  const bool is_directory = source->type == MemberType::kDirectory;
  if (is_directory && to.starts_with(std::string(from) + "/")) fail(to, EINVAL);
  if (const auto target = archive_->find(to)) {
    const bool to_directory = target->type == MemberType::kDirectory;
    if (is_directory && !to_directory) fail(to, ENOTDIR);
    if (!is_directory && to_directory) fail(to, EISDIR);
    if (to_directory && archive_->is_implied_directory(to)) fail(to, ENOTEMPTY);
    delete_row(to, *target);
  }
  need_room_for(to);
  make_explicit(parent_name(from));
  if (is_directory) make_explicit(from);
  if (source->type == MemberType::kLink) archive_->hides_packages_ = true;
  note(from);
  note(to);
  const std::string stored_from = archive_->stored_name(from);
  const std::string stored_to = archive_->stored_name(to);
  if (is_directory) {
    const std::string low = stored_from + "/";
    const std::string high = stored_from + "0";
    archive_->hides_packages_ = true;
    sqlite3_stmt* below = statement(statements_->rename_below, kRenameBelow);
    bind_text(below, 1, low);
    bind_text(below, 2, high);
    bind_text(below, 3, stored_to);
    sqlite3_bind_int64(below, 4, static_cast<std::int64_t>(stored_from.size()) + 1);
    run(below);
  }
  sqlite3_stmt* row = statement(statements_->rename, kRenameRow);
  bind_text(row, 1, stored_from);
  bind_text(row, 2, stored_to);
  run(row);
  entered(from, now_s);
  entered(to, now_s);
  transaction.commit();
}

void Editor::set_mtime(std::string_view name, std::int64_t mtime_s) {
  Transaction transaction(*archive_);
  if (!archive_->find(name)) fail(name, ENOENT);
  make_explicit(name);
  note("");
  sqlite3_stmt* update = statement(statements_->set_mtime, "UPDATE sqlar SET mtime = ?2 WHERE name = ?1");
  const std::string stored = name.empty() ? "." : archive_->stored_name(name);
  bind_text(update, 1, stored);
  sqlite3_bind_int64(update, 2, mtime_s);
  run(update);
  transaction.commit();
}

void Editor::set_permissions(std::string_view name, std::uint32_t permissions) {
  Transaction transaction(*archive_);
  const auto member = archive_->find(name);
  if (!member) fail(name, ENOENT);
  make_explicit(name);
  note("");
  sqlite3_stmt* update = statement(statements_->set_mode, "UPDATE sqlar SET mode = ?2 WHERE name = ?1");
  const std::string stored = name.empty() ? "." : archive_->stored_name(name);
  bind_text(update, 1, stored);
  sqlite3_bind_int64(update, 2, static_cast<std::int64_t>((member->mode() & S_IFMT) | (permissions & 07777)));
  run(update);
  transaction.commit();
}

}  // namespace starlit
