// SPDX-License-Identifier: MIT

#include "archive/listing.h"

#include <sys/stat.h>

#include <algorithm>
#include <unordered_map>

#include "archive/name.h"

namespace starlit {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& cause) {
  throw Error(EINVAL, "NAME", quoted("couldn't open", path) + ": " + cause);
}

// Directories may be there twice, as other formats let them: then the first one counts.
void check_names(std::vector<ListedMember>& members, std::vector<std::size_t>& order, const std::string& path) {
  std::unordered_map<std::string_view, MemberType> types;
  types.reserve(members.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    const ListedMember& member = members[i];
    if (const auto fault = new_name_fault(member.name); !fault.empty()) {
      fail(path, quoted("the member name", member.name) + " " + std::string(fault));
    }
    const auto [at, is_new] = types.emplace(member.name, member.type);
    if (is_new) {
      order.push_back(i);
    } else if (at->second != MemberType::kDirectory || member.type != MemberType::kDirectory) {
      fail(path, "two members have the name " + quoted("", member.name).substr(1));
    }
  }
  for (const std::size_t i : order) {
    for (auto above = parent_name(members[i].name); !above.empty(); above = parent_name(above)) {
      const auto at = types.find(above);
      if (at == types.end()) continue;
      if (at->second != MemberType::kDirectory) {
        fail(path, quoted("the member", members[i].name) + " lies below " + quoted("", above).substr(1) +
                       ", which is no directory");
      }
      break;
    }
  }
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return members[a].name < members[b].name; });
}

}  // namespace

std::shared_ptr<Archive> Archive::open_listing(std::vector<ListedMember> members, std::unique_ptr<Contents> contents,
                                               std::string path) {
  std::vector<std::size_t> order;
  check_names(members, order, path);
  Database database = open_database(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr, path);
  // Unlike ":memory:" itself, a database that takes its place counts its changes: see change_counter().
  int code = sqlite3_deserialize(database.get(), "main", nullptr, 0, 0,
                                 SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE);
  if (code != SQLITE_OK) throw sqlite_error(database.get(), code, path);
  execute(database.get(),
          "PRAGMA page_size=4096;PRAGMA journal_mode=OFF;BEGIN;"
          "CREATE TABLE sqlar(name TEXT PRIMARY KEY,mode INT,mtime INT,sz INT,data BLOB)",
          path);
  {
    const Statement insert = prepare(database.get(), "INSERT INTO sqlar VALUES(?1,?2,?3,?4,?5)", path);
    for (const std::size_t i : order) {
      const ListedMember& member = members[i];
      bind_text(insert.get(), 1, member.name);
      const std::int64_t permissions = member.permissions & 07777;
      sqlite3_bind_int64(insert.get(), 3, member.mtime_s);
      switch (member.type) {
        case MemberType::kDirectory:
          sqlite3_bind_int64(insert.get(), 2, S_IFDIR | permissions);
          sqlite3_bind_int64(insert.get(), 4, 0);
          sqlite3_bind_null(insert.get(), 5);
          break;
        case MemberType::kLink:
          sqlite3_bind_int64(insert.get(), 2, S_IFLNK | permissions);
          sqlite3_bind_int64(insert.get(), 4, -1);
          bind_text(insert.get(), 5, member.target);
          break;
        case MemberType::kFile:
          sqlite3_bind_int64(insert.get(), 2, S_IFREG | permissions);
          sqlite3_bind_int64(insert.get(), 4, member.size_bytes);
          sqlite3_bind_int64(insert.get(), 5, static_cast<std::int64_t>(i) + 1);
          break;
      }
      code = sqlite3_step(insert.get());
      sqlite3_reset(insert.get());
      if (code != SQLITE_DONE) throw sqlite_error(database.get(), code, path);
    }
  }
  execute(database.get(), "COMMIT;PRAGMA query_only=ON", path);
  auto archive = std::shared_ptr<Archive>(new Archive(std::move(database), std::move(path), Trust::kNone));
  archive->contents_ = std::move(contents);
  return archive;
}

}  // namespace starlit
