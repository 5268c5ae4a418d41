// SPDX-License-Identifier: MIT
//
// Input: a whole file, as an attacker gives it. It is looked at in memory, as a kit inside a kit is: mark, header,
// schema, members, facts. pages_mutator.cpp changes such inputs where it hurts more than at their first bytes.

#include "archive/mark.h"
#include "fuzzer.h"

namespace starlit {

bool run_input(Bytes input) {
  bool good = true;
  const bool opened = answers([&] {
    const Location location = locate_archive(input, "app.kit");
    const auto offset = static_cast<std::int64_t>(location.offset);
    require(offset >= 0 && location.size_bytes >= 0, "an archive's place is not negative");
    require(offset + location.size_bytes <= static_cast<std::int64_t>(input.size()), "an archive lies in its file");
    const Bytes database =
        input.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(location.size_bytes));
    good = explore(*Archive::open_bytes(database, "app.kit"));
  });
  return opened && good;
}

}  // namespace starlit
