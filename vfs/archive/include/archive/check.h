// SPDX-License-Identifier: MIT
//
// Is an archive sound? Everything in it is read and compared with what it should be:
//
//     MARK CUT NOTKIT ...  the file: its mark and the database's header (mark.h)
//     JOURNAL              a change was cut off and is not rolled back yet
//     DATABASE             SQLite's integrity_check
//     SCHEMA               the tables sqlar, starlit_chunk and starlit_fact
//     NAME                 of a member: valid (name.h), UTF-8, no other's, below nothing but directories
//     MEMBER               its type, permissions and time
//     SIZE                 its size, against what is stored
//     DATA                 its deflated data: gives its size, and has the right check sum
//     CHUNK                the pieces of a large content: all there, each whole
//     FACT                 what is recorded and valid: true, as far as can be told
//
// Space that nothing uses is no fault, but told. A content that is stored as it is has no check sum: a changed byte in
// one is not seen.
//
// But for repairs nothing is changed, and one state of the archive is kept in view, so writers wait. Memory does not grow with the
// archive but by 8 bytes for each content in chunks.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "archive/archive.h"

namespace starlit {

struct Fault {
  std::string code;    // as above
  std::string member;  // whose it is, or empty
  std::string text;
};

struct CheckOptions {
  bool repair = false;  // roll back a change that was cut off, give back a mark that is lost
  std::function<void(std::int64_t done_bytes, std::int64_t total_bytes)> progress;  // may throw to abandon
};

enum class JournalState { kNone, kHot, kRolledBack };

struct Checked {
  std::int64_t members = 0, content_bytes = 0;
  std::int64_t faults = 0;
  std::int64_t free_bytes = 0;    // in pages that hold nothing, and behind the database
  std::int64_t lost_chunks = 0;   // pieces that no member leads to
  std::int64_t lost_bytes = 0;    // in them
  JournalState journal = JournalState::kNone;
  bool mark_restored = false;
};

// Calls `report` for each fault. Throws Error only where the file cannot be read at all.
Checked check_archive(const std::string& path, const CheckOptions& options,
                      const std::function<void(const Fault&)>& report);

}  // namespace starlit
