// SPDX-License-Identifier: MIT
//
// Input: the words behind `safekit`, each ended by a zero byte. What is parsed must be what can be said again, and what is
// accepted must make a filter.

#include "jail/options.h"

#include "fuzzer.h"

namespace starlit {
namespace {

using namespace jail;

void check_promises(Promises promises) {
  require(parse_promises(promise_list(promises, ",")) == promises, "promises are read as they are written");
}

void check_text(const std::string& word) {
  answers([&] { check_promises(parse_promises(word)); });
  answers([&] {
    const auto size = parse_size(word);
    require(parse_size(size_text(size)) == size, "a size is read as it is written");
    require(!size || *size > 0, "no limit is nothing, not zero");
  });
  answers([&] { require(parse_duration(word).value_or(1) > 0, "no limit is nothing, not zero"); });
  answers([&] { require(parse_count(word).value_or(1) > 0, "no limit is nothing, not zero"); });
}

}  // namespace

bool run_input(Bytes input) {
  std::vector<std::string> words;
  for (std::string_view rest = as_text(input); !rest.empty();) {
    const auto end = std::min(rest.find('\0'), rest.size());
    words.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  for (const std::string& word : words) check_text(word);
  return answers([&] {
    const auto [options, used] = parse_options(words);
    require(used <= words.size(), "no more words are used than there are");
    require(used == words.size() || !words[used].starts_with("--") || (used > 0 && words[used - 1] == "--"),
            "options end at a word that is none");
    check_promises(options.promises);
    for (const Mount& mount : options.root.mounts) {
      require(mount.target.starts_with('/'), "a mount's target is absolute");
      require(mount.kind != Mount::Kind::kTmpfs || mount.size_bytes > 0, "a tmpfs has a size");
    }
    check_options(options);
    require((options.promises & kStdio) != 0, "stdio is always promised");
    const auto filter = build_filter(options.promises, options.denial, 1);
    require(filter.size() > 10 && filter.size() <= BPF_MAXINSNS, "the kernel takes the filter");
  });
}

}  // namespace starlit
