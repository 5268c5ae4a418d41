// SPDX-License-Identifier: MIT
//
// Where Metakit's data lies in a file. The format: https://git.jeelabs.org/jcw/metakit, doc/format.html

#pragma once

#include "foreign/foreign.h"

namespace starlit {

struct MetakitPlace {
  std::int64_t base = 0;  // in the file: positions count from here
  std::int64_t end = 0;   // of the data, likewise in the file
  std::int64_t root = 0;  // position and size of the root view's description
  std::int64_t root_bytes = 0;
  bool is_big_endian = false;
};

// By the marks at the end of the file; nothing where they are not Metakit's.
std::optional<MetakitPlace> find_metakit(const ForeignFile& file);

}  // namespace starlit
