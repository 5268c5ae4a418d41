// SPDX-License-Identifier: MIT
//
// Input: a file named on the command line, once as *.kit and once as *.tcl: what is it?

#include "script_file.h"

#include "fuzzer.h"

namespace starlit {

bool run_input(Bytes input) {
  static const ScratchDirectory scratch;
  const std::string content(as_text(input));
  const bool is_plain = content.starts_with(std::string("SQLite format 3\0", 16));
  bool good = true;
  for (const char* name : {"app.kit", "app.tcl"}) {
    const std::string path = scratch.put(name, content);
    good &= answers([&] {
      require((kind_of_script(path) == ScriptKind::kPlainArchive) == is_plain,
              "a database is known, and nothing else");
    });
  }
  return good;
}

}  // namespace starlit
