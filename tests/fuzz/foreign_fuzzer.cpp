// SPDX-License-Identifier: MIT
//
// Input: a whole file of another format, Metakit or zip. It is found, opened and explored as archives of our own are.

#include "foreign/foreign.h"

#include "fuzzer.h"

namespace starlit {

bool run_input(Bytes input) {
  bool good = true;
  const bool opened = answers([&] {
    const auto file = std::make_shared<const ForeignFile>(std::vector<std::byte>(input.begin(), input.end()), "app.kit");
    const auto format = foreign_format(*file);
    if (!format) throw Error(EINVAL, "NOTKIT", "neither Metakit nor zip");
    good = explore(*open_foreign(file, *format));
  });
  return opened && good;
}

}  // namespace starlit
