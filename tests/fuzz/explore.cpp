// SPDX-License-Identifier: MIT

#include <fcntl.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "archive/facts.h"
#include "archive/name.h"
#include "archive/packages.h"
#include "base/file.h"
#include "fuzzer.h"

namespace starlit {
namespace {

// So many of each kind are asked about; a listing has to do with all.
constexpr std::size_t kAsked = 12;

struct Seen {
  std::vector<std::string> names, files, directories{""}, links;
};

void keep(std::vector<std::string>& names, std::string_view name) {
  if (names.size() < kAsked) names.emplace_back(name);
}

// Every member, in the order of names.
void list(Archive& archive, Seen& seen) {
  std::int64_t count = 0;
  archive.each([&](std::string_view name, const Member& member) {
    if (++count > kMembersMax) throw Error(E2BIG, "FUZZ", "too many members");
    require(name_fault(name).empty(), "each() gives names of members");
    require(member.size_bytes >= 0, "a size is not negative");
    keep(seen.names, name);
    switch (member.type) {
      case MemberType::kFile: keep(seen.files, name); break;
      case MemberType::kDirectory: keep(seen.directories, name); break;
      case MemberType::kLink: keep(seen.links, name); break;
    }
  });
}

void list_children(Archive& archive, const std::string& directory) {
  std::int64_t count = 0;
  archive.children(directory, [&](std::string_view part, const Member&) {
    require(part.find('/') == std::string_view::npos && name_fault(part).empty(), "a child is one part of a name");
    if (++count > kMembersMax) throw Error(E2BIG, "FUZZ", "too many children");
  });
}

// From the beginning to the end, then pieces in another order, which must be the same bytes.
void read_file(Archive& archive, const std::string& name, std::int64_t& budget) {
  const auto reader = archive.open(name);
  if (!reader) return;
  const std::int64_t size = reader->size_bytes();
  require(size >= 0, "a content's size is not negative");
  if (size > budget) throw Error(E2BIG, "FUZZ", "too much content");
  budget -= size + 1024;

  std::vector<std::byte> content(static_cast<std::size_t>(size));
  constexpr std::size_t kPiece = 50000;
  std::size_t done = 0;
  while (done < content.size()) {
    const std::size_t wanted = std::min(kPiece, content.size() - done);
    const std::size_t got = reader->read(static_cast<std::int64_t>(done), std::span(content).subspan(done, wanted));
    require(got == wanted, "read() gives fewer bytes only at the end");
    done += got;
  }
  std::byte piece[32];
  require(reader->read(size, piece) == 0, "nothing follows the end");
  for (const std::int64_t offset : {size / 2, std::int64_t{0}, size - 5}) {
    if (offset < 0) continue;
    const std::size_t got = reader->read(offset, piece);
    require(got == std::min<std::size_t>(sizeof piece, static_cast<std::size_t>(size - offset)),
            "read() gives what there is");
    require(std::equal(piece, piece + got, content.begin() + static_cast<std::ptrdiff_t>(offset)),
            "the same bytes come again");
  }
  if (const auto whole = reader->bytes()) {
    require(std::ranges::equal(*whole, content), "bytes() and read() agree");
  }
}

}  // namespace

void require(bool kept, const char* promise) {
  if (kept) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

bool explore(Archive& archive) {
  Seen seen;
  std::int64_t budget = kReadMax;
  bool good = answers([&] { list(archive, seen); });
  // What a damaged listing does not come to.
  for (const char* name : {"main.tcl", "lib", "lib/a.tcl", "x", "."}) seen.names.emplace_back(name);
  seen.directories.insert(seen.directories.end(), {"lib", "x", "."});
  seen.files.emplace_back("main.tcl");
  for (const std::string& directory : seen.directories) good &= answers([&] { list_children(archive, directory); });
  for (const std::string& name : seen.names) {
    good &= answers([&] {
      const auto member = archive.find(name);
      const auto again = archive.find(name);
      require(member.has_value() == again.has_value() && (!member || member->inode == again->inode),
              "find() is the same twice");
    });
  }
  good &= answers([&] { archive.resolve("lib/../x/../lib/a.tcl", false); });
  for (const std::string& name : seen.links) {
    good &= answers([&] { archive.link_target(name); });
    // A link that leads round in a circle is no damage.
    answers([&] {
      const auto target = archive.resolve(name, true);
      require(!target || target->empty() || name_fault(*target).empty(), "resolve() gives the name of a member");
    });
  }
  for (const std::string& name : seen.files) {
    // Few files are archives: an Error says no more.
    answers([&] {
      const auto reader = archive.open(name);
      if (!reader || reader->size_bytes() < 512) return;
      if (reader->size_bytes() > kReadMax && reader->size_bytes() <= Archive::kContentMax) return;
      Archive::open_content(*reader, "app.kit/" + name)->find("main.tcl");
    });
    // Neither is a size that is honest and large.
    good &= answers([&] { read_file(archive, name, budget); });
  }
  good &= answers([&] {
    const Archive::Snapshot snapshot(archive);
    archive.may_hold_links();
    archive.recorded(kFactRuntime);
    find_packages(archive, "lib");
  });
  good &= answers([&] { read_fact(archive, kFactRuntime, 0); });
  good &= answers([&] { all_packages(archive); });
  good &= answers([&] { runtime_members(archive); });
  return good;
}

ScratchDirectory::ScratchDirectory() {
  const char* base = std::getenv("TMPDIR");
  if (base == nullptr) base = ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  path_ = std::string(base) + "/starlit-fuzz.XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) throw posix_error("couldn't create directory", path_);
}

ScratchDirectory::~ScratchDirectory() {
  remove(".");
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string ScratchDirectory::put(std::string_view name, std::string_view content) const {
  const std::string path = *this / name;
  write_all(open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600), content, path);
  return path;
}

void ScratchDirectory::remove(std::string_view name) const noexcept {
  namespace fs = std::filesystem;
  std::error_code ignored;
  // Members may have taken the right to look into their directories away.
  const auto open_up = [&](const auto& self, const fs::path& path) -> void {
    if (!fs::is_directory(fs::symlink_status(path, ignored))) return;
    fs::permissions(path, fs::perms::owner_all, fs::perm_options::add, ignored);
    for (const auto& entry : fs::directory_iterator(path, ignored)) self(self, entry.path());
  };
  open_up(open_up, *this / name);
  if (name != ".") fs::remove_all(*this / name, ignored);
}

}  // namespace starlit
