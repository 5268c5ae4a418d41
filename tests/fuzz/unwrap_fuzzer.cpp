// SPDX-License-Identifier: MIT
//
// Input: a whole file, opened as a file (through the VFS at an offset), explored, and unpacked into a new directory.
// Beside it lies a directory in which nothing may ever appear, and nothing may be left of what failed.

#include <filesystem>

#include "archive/extract.h"
#include "fuzzer.h"

namespace starlit {
namespace {

std::size_t count_entries(const std::string& directory) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory), {}));
}

bool unwrap(const std::string& path, const std::string& target) {
  return answers([&] {
    ExtractOptions options;
    options.runtime_members = true;
    options.progress = [](std::int64_t done_bytes, std::int64_t) {
      if (done_bytes > kReadMax) throw Error(E2BIG, "FUZZ", "too much content");
    };
    const auto archive = Archive::load_file(path);
    std::int64_t total_bytes = 0, members = 0;
    archive->each([&](std::string_view, const Member& member) {
      total_bytes += member.size_bytes;
      if (total_bytes > kReadMax || ++members > kMembersMax) throw Error(E2BIG, "FUZZ", "too much content");
    });
    require(extract_archive(*archive, target, options) == members, "all members are unpacked");
  });
}

}  // namespace

bool run_input(Bytes input) {
  static const ScratchDirectory scratch;
  static const std::string outside = scratch / "outside";
  std::filesystem::create_directory(outside);
  const std::string path = scratch.put("app.kit", as_text(input));

  bool good = true;
  good &= answers([&] { good &= explore(*Archive::open_file(path)); });
  const bool unpacked = unwrap(path, scratch / "target");
  require(unpacked == std::filesystem::exists(scratch / "target"), "what fails to unpack is removed again");
  require(count_entries(outside) == 0, "nothing is written outside the target");
  require(count_entries(scratch.path()) == (unpacked ? 3u : 2u), "nothing is left beside the target");
  require(std::filesystem::file_size(path) == input.size(), "the archive is not changed");
  scratch.remove("target");
  return good && unpacked;
}

}  // namespace starlit
