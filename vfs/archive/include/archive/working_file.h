// SPDX-License-Identifier: MIT
//
// The content of a file while it is being changed: bytes at offsets, as in a file of the host.
//
//     small    in memory, up to kInMemoryMax
//     larger   in a temporary file without a name beside the archive, piece by piece: a piece that nobody has written
//              yet is still read from the content as it was
//
// So a change in a large content costs the pieces it touches, and an open file no more memory than stated.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "archive/archive.h"
#include "archive/chunks.h"

namespace starlit {

class WorkingFile {
 public:
  static constexpr std::int64_t kInMemoryMax = 1 << 20;

  // Begins with what `base` reads, or empty without one. `temporary` makes the temporary file when it is needed.
  WorkingFile(std::unique_ptr<MemberReader> base, std::function<Fd()> temporary);

  // The content of a file of the host, only to be read: so much of it, or all of one that states no size. Reading
  // throws Error{EIO, "CHANGED"} where it became shorter meanwhile.
  WorkingFile(Fd file, std::int64_t size_bytes);

  std::int64_t size_bytes() const noexcept { return size_bytes_; }

  // Copies bytes from `offset` on; returns how many: fewer than asked for only at the end.
  std::size_t read(std::int64_t offset, std::span<std::byte> out);

  // Writing beyond the end leaves zeros between. Throws Error: ENOSPC, EFBIG beyond kChunkedSizeMax.
  void write(std::int64_t offset, Bytes bytes);

  void truncate(std::int64_t size_bytes);

  // The whole content where it is in memory; else nothing.
  std::optional<Bytes> bytes() const noexcept;

  // The content it began with, when that is in chunks; else null.
  const ChunkReader* base_chunks() const noexcept;

  // Whether it began with a content that lies in a row.
  bool reads_row() const noexcept { return base_ && base_->chunks() == nullptr; }

  // Whether piece `index` (of kChunkBytes) is still that of base_chunks().
  bool is_untouched(std::int64_t index) const noexcept;

 private:
  void leave_memory();
  void load_piece(std::int64_t index);
  bool is_present(std::int64_t index) const noexcept;
  void set_present(std::int64_t index);
  std::int64_t base_piece_end(std::int64_t index) const noexcept;

  std::function<Fd()> temporary_;
  std::unique_ptr<MemberReader> base_;
  std::int64_t base_limit_ = 0;  // so much of the base is still to be seen
  std::int64_t size_bytes_ = 0;
  bool in_memory_ = true;
  bool is_host_ = false;  // file_ is the host's
  std::vector<std::byte> memory_;
  Fd file_;
  std::vector<bool> present_;  // pieces that are in file_
};

}  // namespace starlit
