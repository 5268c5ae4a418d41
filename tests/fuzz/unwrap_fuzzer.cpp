// SPDX-License-Identifier: MIT
//
// Input: a whole file, opened as a file (through the VFS at an offset), explored, checked, and unpacked into a new
// directory. What is found to be sound can be read and unpacked. Beside it lies a directory in which nothing may ever
// appear, and nothing may be left of what failed.

#include <filesystem>
#include <stdexcept>

#include "archive/check.h"
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

enum class Answer { kSound, kFaulty, kTooMuch };

Answer check(const std::string& path) {
  constexpr std::int64_t kFaultsMax = 10'000;
  std::int64_t told = 0;
  Checked checked;
  CheckOptions options;
  options.progress = [](std::int64_t done_bytes, std::int64_t) {
    if (done_bytes > kReadMax) throw Error(E2BIG, "FUZZ", "too much content");
  };
  if (!answers([&] {
        checked = check_archive(path, options, [&](const Fault& fault) {
          require(!fault.code.empty() && !fault.text.empty(), "a fault has a code and a text");
          if (fault.text.find("too much content") != std::string::npos || ++told > kFaultsMax) {
            throw std::length_error("too much");
          }
        });
      })) {
    return Answer::kTooMuch;
  }
  require(checked.faults == told, "each fault is told");
  return told == 0 ? Answer::kSound : Answer::kFaulty;
}

}  // namespace

bool run_input(Bytes input) {
  static const ScratchDirectory scratch;
  static const std::string outside = scratch / "outside";
  std::filesystem::create_directory(outside);
  const std::string path = scratch.put("app.kit", as_text(input));

  bool good = true;
  good &= answers([&] { good &= explore(*Archive::open_file(path)); });
  Answer answer = Answer::kTooMuch;
  try {
    answer = check(path);
  } catch (const std::length_error&) {
  }
  const bool unpacked = unwrap(path, scratch / "target");
  require(unpacked == std::filesystem::exists(scratch / "target"), "what fails to unpack is removed again");
  require(count_entries(outside) == 0, "nothing is written outside the target");
  require(count_entries(scratch.path()) == (unpacked ? 3u : 2u), "nothing is left beside the target");
  require(std::filesystem::file_size(path) == input.size(), "the archive is not changed");
  scratch.remove("target");
  require(answer != Answer::kSound || good, "what is sound can be read");
  return good && unpacked;
}

}  // namespace starlit
