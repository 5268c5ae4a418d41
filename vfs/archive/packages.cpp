// SPDX-License-Identifier: MIT

#include "archive/packages.h"

namespace starlit {
namespace {

bool has_table(Archive& archive, std::string_view name) {
  const Statement statement = prepare(
      archive.database(), "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1", archive.path());
  sqlite3_bind_text(statement.get(), 1, name.data(), static_cast<int>(name.size()), SQLITE_STATIC);
  return sqlite3_step(statement.get()) == SQLITE_ROW;
}

bool next(Archive& archive, sqlite3_stmt* row) {
  const int code = sqlite3_step(row);
  if (code != SQLITE_ROW && code != SQLITE_DONE) throw sqlite_error(archive.database(), code, archive.path());
  return code == SQLITE_ROW;
}

std::vector<PackageRecord> read_packages(Archive& archive, sqlite3_stmt* row) {
  std::vector<PackageRecord> packages;
  while (next(archive, row)) {
    packages.push_back({std::string(column_text(row, 0)), std::string(column_text(row, 1)),
                        std::string(column_text(row, 2)), std::string(column_text(row, 3))});
  }
  return packages;
}

}  // namespace

std::optional<std::vector<PackageRecord>> find_packages(Archive& archive, std::string_view name) {
  const auto turn = archive.lock();
  if (!has_table(archive, "starlit_package") || !archive.still_holds("packages")) return std::nullopt;
  const Statement statement = prepare(
      archive.database(),
      "SELECT name, version, directory, module FROM starlit_package WHERE name = ?1 OR name = ''", archive.path());
  sqlite3_bind_text(statement.get(), 1, name.data(), static_cast<int>(name.size()), SQLITE_STATIC);
  return read_packages(archive, statement.get());
}

std::vector<PackageRecord> all_packages(Archive& archive) {
  const auto turn = archive.lock();
  if (!has_table(archive, "starlit_package")) return {};
  const Statement statement = prepare(
      archive.database(), "SELECT name, version, directory, module FROM starlit_package", archive.path());
  return read_packages(archive, statement.get());
}

std::set<std::string, std::less<>> runtime_members(Archive& archive) {
  const auto turn = archive.lock();
  std::set<std::string, std::less<>> names;
  if (!has_table(archive, "starlit_runtime")) return names;
  const Statement statement = prepare(archive.database(), "SELECT name FROM starlit_runtime", archive.path());
  while (next(archive, statement.get())) names.emplace(column_text(statement.get(), 0));
  return names;
}

}  // namespace starlit
