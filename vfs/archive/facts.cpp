// SPDX-License-Identifier: MIT

#include "archive/facts.h"

namespace starlit {
namespace {

// No text of ours is longer: the names of a million members.
constexpr std::int64_t kTextMax = 256 << 20;

bool next(Archive& archive, sqlite3_stmt* row) {
  const int code = sqlite3_step(row);
  if (code != SQLITE_ROW && code != SQLITE_DONE) throw sqlite_error(archive.database(), code, archive.path());
  return code == SQLITE_ROW;
}

}  // namespace

std::optional<std::string> read_fact(Archive& archive, std::string_view key, std::uint32_t counter) {
  const auto turn = archive.lock();
  const Statement table = prepare(
      archive.database(), "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'starlit_fact'", archive.path());
  if (!next(archive, table.get())) return std::nullopt;
  const Statement fact =
      prepare(archive.database(), "SELECT counter, sz, data FROM starlit_fact WHERE key = ?1", archive.path());
  bind_text(fact.get(), 1, key);
  if (!next(archive, fact.get())) return std::nullopt;
  if (counter != 0 && sqlite3_column_int64(fact.get(), 0) != counter) return std::nullopt;
  const std::int64_t size = sqlite3_column_int64(fact.get(), 1);
  const Bytes data = column_blob(fact.get(), 2);
  const auto stored = static_cast<std::int64_t>(data.size());
  if (size < stored || size > kTextMax || size / kDeflateRatioMax > stored) return std::nullopt;
  std::string text(static_cast<std::size_t>(size), '\0');
  if (size == stored) {
    text.assign(reinterpret_cast<const char*>(data.data()), data.size());
  } else if (Inflater inflater; !inflater.inflate(data, std::as_writable_bytes(std::span(text)))) {
    return std::nullopt;
  }
  return text;
}

void write_fact(sqlite3* database, std::string_view key, std::uint32_t counter, std::string_view text,
                const std::string& path) {
  const Statement fact = prepare(database, "INSERT INTO starlit_fact VALUES(?1, ?2, ?3, ?4)", path, kWriting);
  Deflater deflater(kLevelMax);
  Bytes data = deflater.deflate(std::as_bytes(std::span(text)));
  if (data.empty()) data = std::as_bytes(std::span(text));
  bind_text(fact.get(), 1, key);
  sqlite3_bind_int64(fact.get(), 2, counter);
  sqlite3_bind_int64(fact.get(), 3, static_cast<std::int64_t>(text.size()));
  sqlite3_bind_blob64(fact.get(), 4, data.empty() ? "" : static_cast<const void*>(data.data()), data.size(),
                      SQLITE_STATIC);
  if (const int code = sqlite3_step(fact.get()); code != SQLITE_DONE) throw sqlite_error(database, code, path, kWriting);
}

void carry_facts(Archive& archive, std::uint32_t counter, bool linkless, bool packages) {
  Statement& update = archive.carry_statement();
  if (!update) return;
  const Use use(update.get());
  sqlite3_bind_int64(update.get(), 1, static_cast<std::uint32_t>(counter + 1));
  sqlite3_bind_int64(update.get(), 2, counter);
  sqlite3_bind_int(update.get(), 3, linkless ? 1 : 0);
  sqlite3_bind_int(update.get(), 4, packages ? 1 : 0);
  next(archive, update.get());
}

}  // namespace starlit
