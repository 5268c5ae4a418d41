// SPDX-License-Identifier: MIT

#include "support.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/file.h"

namespace starlit {
namespace {

// deflate(X): X in the zlib format, whatever its size becomes.
void sql_deflate(sqlite3_context* context, int, sqlite3_value** values) {
  const auto* blob = static_cast<const std::byte*>(sqlite3_value_blob(values[0]));
  const Bytes bytes(blob, static_cast<std::size_t>(sqlite3_value_bytes(values[0])));
  Deflater deflater(9);
  const Bytes deflated = deflater.deflate(bytes);
  sqlite3_result_blob64(context, deflated.data(), deflated.size(), SQLITE_TRANSIENT);
}

// text(N): N bytes that deflate makes about half as large.
void sql_text(sqlite3_context* context, int, sqlite3_value** values) {
  const std::string bytes = text(static_cast<std::size_t>(sqlite3_value_int64(values[0])));
  sqlite3_result_blob64(context, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
}

std::string written(NewArchive archive) {
  const Scratch scratch;
  write_archive(scratch / "out", std::move(archive));
  return read_host_file(scratch / "out");
}

}  // namespace

Scratch::Scratch() {
  const char* base = std::getenv("TMPDIR");
  path_ = std::string(base == nullptr ? "/tmp" : base) + "/starlit-unit.XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) throw posix_error("couldn't create directory", path_);
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

unsigned number_from(const char* variable, unsigned otherwise) {
  const char* value = std::getenv(variable);
  return value == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(value, nullptr, 10));
}

unsigned percent() { return number_from("STARLIT_CRASHES", 100); }

void write_host_file(const std::string& path, std::string_view content) {
  write_all(open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644), content, path);
}

std::string read_host_file(const std::string& path) { return read_all(open_regular(path), path); }

std::vector<std::string> host_names(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

std::string run(const std::string& directory, const std::string& command) {
  const std::string line = "cd '" + directory + "' && { " + command + "; } 2>&1 </dev/null";
  std::FILE* pipe = ::popen(line.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string output;
  char buffer[4096];
  while (const std::size_t size = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, size);
  const int status = ::pclose(pipe);
  INFO(command << "\n" << output);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
  return output;
}

NewMember new_file(std::string name, std::string content, std::uint32_t permissions) {
  NewMember member;
  member.name = std::move(name);
  member.permissions = permissions;
  member.mtime_s = 1000000000;
  member.size_bytes = static_cast<std::int64_t>(content.size());
  member.content = std::move(content);
  return member;
}

NewMember new_directory(std::string name, std::uint32_t permissions) {
  NewMember member = new_file(std::move(name), "", permissions);
  member.type = MemberType::kDirectory;
  return member;
}

NewMember new_link(std::string name, std::string target) {
  NewMember member = new_file(std::move(name), std::move(target), 0777);
  member.type = MemberType::kLink;
  return member;
}

std::string noise(std::size_t size_bytes) {
  // xorshift64* (Vigna, https://arxiv.org/abs/1402.6246).
  std::uint64_t state = 88172645463325252u;
  std::string bytes(size_bytes, '\0');
  for (char& byte : bytes) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    byte = static_cast<char>(state * 2685821657736338717u >> 56);
  }
  return bytes;
}

std::string text(std::size_t size_bytes) {
  std::string bytes = noise(size_bytes);
  for (char& byte : bytes) byte = static_cast<char>('a' + (byte & 15));
  return bytes;
}

std::string kit_bytes(std::vector<NewMember> members) {
  NewArchive archive;
  archive.members = std::move(members);
  archive.script = "#!/bin/sh\n";
  archive.page_size_bytes = 512;
  return written(std::move(archive));
}

std::string plain_bytes(std::vector<NewMember> members) {
  NewArchive archive;
  archive.members = std::move(members);
  archive.page_size_bytes = 512;
  return written(std::move(archive));
}

void make_database(const std::string& path, const std::string& sql) {
  const Database database =
      open_database(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr, path);
  // The guards that open_database() puts up are for readers.
  sqlite3_db_config(database.get(), SQLITE_DBCONFIG_DEFENSIVE, 0, nullptr);
  sqlite3_db_config(database.get(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 1, nullptr);
  sqlite3_limit(database.get(), SQLITE_LIMIT_SQL_LENGTH, 100 << 20);
  sqlite3_create_function(database.get(), "deflate", 1, SQLITE_UTF8, nullptr, sql_deflate, nullptr, nullptr);
  sqlite3_create_function(database.get(), "text", 1, SQLITE_UTF8, nullptr, sql_text, nullptr, nullptr);
  execute(database.get(), sql.c_str(), path);
}

std::string database_bytes(const std::string& sql) {
  const Scratch scratch;
  make_database(scratch / "db", "PRAGMA page_size=512;" + sql);
  return read_host_file(scratch / "db");
}

SqlArchive::SqlArchive(const std::string& sql)
    : bytes_(database_bytes(kSqlar + sql)), archive_(Archive::open_bytes(as_bytes(bytes_), "app.kit")) {}

std::shared_ptr<Archive> open_kit(std::string_view bytes) {
  const Location location = locate_archive(as_bytes(bytes), "app.kit");
  return Archive::open_bytes(as_bytes(bytes).subspan(static_cast<std::size_t>(location.offset),
                                                     static_cast<std::size_t>(location.size_bytes)),
                             "app.kit");
}

std::string content_of(Archive& archive, std::string_view name) {
  const auto reader = archive.open(name);
  INFO(name);
  REQUIRE(reader);
  std::string content(static_cast<std::size_t>(reader->size_bytes()), '\0');
  const std::size_t size = reader->read(0, std::as_writable_bytes(std::span(content)));
  REQUIRE(size == content.size());
  return content;
}

std::vector<std::string> children_of(Archive& archive, std::string_view directory) {
  std::vector<std::string> names;
  archive.children(directory, [&](std::string_view part, const Member&) { names.emplace_back(part); });
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> names_of(Archive& archive) {
  std::vector<std::string> names;
  archive.each([&](std::string_view name, const Member&) { names.emplace_back(name); });
  return names;
}

FullDisk::FullDisk(std::uint64_t size_bytes) : old_action_(std::signal(SIGXFSZ, SIG_IGN)) {
  struct rlimit limit;
  ::getrlimit(RLIMIT_FSIZE, &limit);
  old_limit_ = limit.rlim_cur;
  limit.rlim_cur = size_bytes;
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

FullDisk::~FullDisk() {
  struct rlimit limit;
  ::getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = old_limit_;
  ::setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, old_action_);
}

}  // namespace starlit
