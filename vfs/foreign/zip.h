// SPDX-License-Identifier: MIT
//
// Where a zip file's central directory lies.

#pragma once

#include "foreign/foreign.h"

namespace starlit {

struct ZipPlace {
  std::int64_t directory = 0;  // in the file
  std::int64_t directory_bytes = 0;
  std::int64_t members = 0;
  std::int64_t base = 0;  // in the file: the offsets of members count from there
  bool is_zip64 = false;
};

// By the record at the end of the file; nothing where there is none. Throws Error{EINVAL, "ZIP"} where it is wrong.
std::optional<ZipPlace> find_zip(const ForeignFile& file);

// Where the first of its members lies. Throws Error{EINVAL, "ZIP"}.
std::int64_t zip_start(const ForeignFile& file);

}  // namespace starlit
