// SPDX-License-Identifier: MIT
//
// A fuzzer as an ordinary program: runs every file of the directories named through it, once.
//
//     good-*    must be answered without an Error
//     bad-*     must not
//     others    must only have one of the good ends (fuzzer.h): what a fuzzer has found once
//
// Exit status: 0 when all did, and there was a file at all; 1 when not, or a signal's when a promise was broken.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "fuzzer.h"

using namespace starlit;

int main(int argc, char** argv) {
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) continue;
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  int wrong = 0;
  for (const auto& file : files) {
    // Before the run: the last line tells what a crash came from.
    std::printf("%s\n", file.c_str());
    std::fflush(stdout);
    const std::string content = read_all(open_regular(file), file);
    // A copy of exactly this size, so that a sanitizer sees a byte read too many.
    const std::vector<std::byte> exact(as_bytes(content).begin(), as_bytes(content).end());
    const bool good = run_input(exact);
    const std::string name = file.filename();
    if ((name.starts_with("good-") && !good) || (name.starts_with("bad-") && good)) {
      std::printf("  was %s\n", good ? "answered" : "an error");
      ++wrong;
    }
  }
  std::printf("%zu inputs, %d wrong\n", files.size(), wrong);
  return files.empty() || wrong > 0 ? 1 : 0;
}
