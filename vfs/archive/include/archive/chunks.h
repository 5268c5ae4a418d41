// SPDX-License-Identifier: MIT
//
// Contents that are too large for one row: the sqlar row of such a file has the file's size in `sz` and, in place of the
// content, an integer in `data`, the content's number. The content is cut into pieces of kChunkBytes, the last one
// shorter, each deflated where that makes it smaller:
//
//     starlit_chunk(id INTEGER PRIMARY KEY, data BLOB)
//
//     id                            data
//     number * 2^24 + n             piece n, from 0 on; deflated (zlib format) when it is shorter than the piece
//     number * 2^24 + 2^24 - 1      how often the content has been changed in place; no such row: never
//
// So any part is read without what is in front of it, and a part is changed without writing the rest. A number is never
// used again for another content while anybody may read it: new ones are random.

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "archive/archive.h"

namespace starlit {

inline constexpr std::int64_t kChunkBytes = 256 << 10;

// Contents up to this size lie in their rows, where every program that knows sqlar finds them.
inline constexpr std::int64_t kRowContentMax = 16 << 20;

inline constexpr std::int64_t kChunkIdsPerContent = std::int64_t{1} << 24;
inline constexpr std::int64_t kChunkedSizeMax = (kChunkIdsPerContent - 1) * kChunkBytes;  // 4 TiB
inline constexpr std::int64_t kContentNumberMax = (std::int64_t{1} << 38) - 1;

inline constexpr const char* kChunkSchema = "CREATE TABLE starlit_chunk(id INTEGER PRIMARY KEY, data BLOB);";

// Reads the pieces of one content. Holds the archive's lock only while it reads, so a content that another connection
// replaces meanwhile is an Error{ESTALE, "CHANGED"} and never a mixture.
class ChunkReader {
 public:
  // `name` is for messages.
  ChunkReader(std::shared_ptr<Archive> archive, std::string name, std::int64_t number, std::int64_t size_bytes);

  // Copies bytes from `offset` on; all of `out` lies within the content.
  void read(std::int64_t offset, std::span<std::byte> out);

  std::int64_t number() const noexcept { return number_; }
  std::int64_t version() const noexcept { return version_; }

 private:
  void load(std::int64_t index, std::span<std::byte> piece);

  std::shared_ptr<Archive> archive_;
  std::string name_;
  std::int64_t number_;
  std::int64_t size_bytes_;
  std::int64_t version_ = 0;
  Statement select_;
  std::unique_ptr<std::byte[]> piece_;
  std::int64_t piece_index_ = -1;
};

}  // namespace starlit
