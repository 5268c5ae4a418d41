// SPDX-License-Identifier: MIT

#include "workshop.h"

#include "archive/archive.h"
#include "archive/executable.h"
#include "archive/mark.h"
#include "recovery.h"

namespace starlit {

Workshop::Workshop(const std::string& path) : path_(path) {
  host_ = std::make_shared<const HostFile>(path);
  host_->check_directory();
  if (has_hot_journal(*host_)) roll_back(host_);
  // Its schema is checked there.
  static_cast<void>(Archive::open_file(path));
  const Fd file = host_->open_current();
  char magic[4];
  if (read_at(file, magic, sizeof magic, 0, path) == sizeof magic && is_elf({magic, sizeof magic})) {
    starpack_ = std::make_unique<Starpack>(host_);
    starpack_->begin();
    database_ = std::make_unique<FileDatabase>(host_, starpack_->copy());
    // The copy is thrown away when something fails. SQLite's defensive mode forbids to go without a journal.
    sqlite3_db_config(database(), SQLITE_DBCONFIG_DEFENSIVE, 0, nullptr);
    execute(database(), "PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF", path_, kWriting);
  } else {
    const Fd writable = host_->open(Access::kWrite);
    database_ = std::make_unique<FileDatabase>(host_, locate_archive(writable, path), Access::kWrite);
    execute(database(), "PRAGMA journal_mode=PERSIST;PRAGMA synchronous=FULL;PRAGMA journal_size_limit=1048576", path_,
            kWriting);
  }
  execute(database(), "PRAGMA cell_size_check=ON;PRAGMA temp_store=FILE;PRAGMA cache_size=-8192", path_);
}

Workshop::~Workshop() {
  if (sqlite3_get_autocommit(database()) == 0) sqlite3_exec(database(), "ROLLBACK", nullptr, nullptr, nullptr);
  if (!starpack_) database_->trim();
}

std::uint32_t Workshop::read_counter() const {
  sqlite3_file* file = nullptr;
  unsigned char field[4];
  if (sqlite3_file_control(database(), "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
      file->pMethods == nullptr || file->pMethods->xRead(file, field, sizeof field, 24) != SQLITE_OK) {
    throw Error(EIO, "CORRUPT", quoted("couldn't read", path_) + ": its change counter is unreadable");
  }
  return static_cast<std::uint32_t>(field[0]) << 24 | static_cast<std::uint32_t>(field[1]) << 16 |
         static_cast<std::uint32_t>(field[2]) << 8 | field[3];
}

void Workshop::begin() {
  execute(database(), "BEGIN IMMEDIATE", path_, kWriting);
  const std::uint32_t counter = read_counter();
  if (has_begun_ && counter != counter_) was_changed_ = true;
  has_begun_ = true;
  counter_ = counter;
}

// SQLite raises the counter by one with each transaction that has written.
void Workshop::commit(bool changes) {
  execute(database(), changes ? "COMMIT" : "ROLLBACK", path_, kWriting);
  if (changes) ++counter_;
}

void Workshop::vacuum() {
  // VACUUM attaches a temporary database. Connections are made with that forbidden.
  const int attached = sqlite3_limit(database(), SQLITE_LIMIT_ATTACHED, 1);
  const int code = sqlite3_exec(database(), "VACUUM", nullptr, nullptr, nullptr);
  const Error error = code == SQLITE_OK ? Error(0, "", "") : sqlite_error(database(), code, path_, kWriting);
  sqlite3_limit(database(), SQLITE_LIMIT_ATTACHED, attached);
  if (code != SQLITE_OK) throw error;
  ++counter_;
}

void Workshop::publish() {
  if (!starpack_) return;
  // Reading writes what the connection still holds back: the copy is read past it.
  static_cast<void>(read_counter());
  starpack_->publish();
}

bool Workshop::step_row(sqlite3_stmt* statement) const {
  const int code = sqlite3_step(statement);
  if (code != SQLITE_ROW && code != SQLITE_DONE) throw sqlite_error(database(), code, path_, kWriting);
  return code == SQLITE_ROW;
}

void Workshop::step_done(sqlite3_stmt* statement) const {
  const Use use(statement);
  step_row(statement);
}

std::optional<std::int64_t> Workshop::number(std::string_view sql) const {
  const Statement query = prepare(database(), sql, path_);
  if (!step_row(query.get())) return std::nullopt;
  return sqlite3_column_int64(query.get(), 0);
}

}  // namespace starlit
