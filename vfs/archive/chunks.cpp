// SPDX-License-Identifier: MIT

#include "archive/chunks.h"

#include <algorithm>
#include <cstring>

namespace starlit {
namespace {

// A version that is no number reads as 0, so it can only be mistaken for "never changed".
constexpr std::string_view kSelect =
    "SELECT (SELECT data FROM starlit_chunk WHERE id = ?2), (SELECT data FROM starlit_chunk WHERE id = ?1)";

}  // namespace

ChunkReader::ChunkReader(std::shared_ptr<Archive> archive, std::string name, std::int64_t number,
                         std::int64_t size_bytes)
    : archive_(std::move(archive)), name_(std::move(name)), number_(number), size_bytes_(size_bytes) {
  const auto turn = archive_->lock();
  if (number < 1 || number > kContentNumberMax || size_bytes > kChunkedSizeMax) {
    archive_->fail_member(name_, EIO, "SIZE", "its size or the number of its content is out of range");
  }
  archive_->need_chunk_table();
  select_ = prepare(archive_->database(), kSelect, archive_->path());
  const Use use(select_.get());
  sqlite3_bind_int64(select_.get(), 1, 0);
  sqlite3_bind_int64(select_.get(), 2, number_ * kChunkIdsPerContent + kChunkIdsPerContent - 1);
  archive_->step(select_.get());
  version_ = sqlite3_column_int64(select_.get(), 0);
}

void ChunkReader::load(std::int64_t index, std::span<std::byte> piece) {
  const auto turn = archive_->lock();
  const Use use(select_.get());
  sqlite3_bind_int64(select_.get(), 1, number_ * kChunkIdsPerContent + index);
  archive_->step(select_.get());
  const bool is_there = sqlite3_column_type(select_.get(), 1) == SQLITE_BLOB;
  if (!is_there || sqlite3_column_int64(select_.get(), 0) != version_) {
    archive_->fail_member(name_, ESTALE, "CHANGED", "it was replaced or changed while it was open (hint: open it again)");
  }
  const Bytes data = column_blob(select_.get(), 1);
  if (data.size() == piece.size()) {
    std::memcpy(piece.data(), data.data(), data.size());
  } else if (data.size() > piece.size() || !archive_->inflater_.inflate(data, piece)) {
    archive_->fail_member(name_, EIO, "DATA", "its deflated data is damaged");
  }
}

void ChunkReader::read(std::int64_t offset, std::span<std::byte> out) {
  while (!out.empty()) {
    const std::int64_t index = offset / kChunkBytes;
    const std::int64_t start = index * kChunkBytes;
    const auto piece_size = static_cast<std::size_t>(std::min(kChunkBytes, size_bytes_ - start));
    const auto skip = static_cast<std::size_t>(offset - start);
    const std::size_t size = std::min(out.size(), piece_size - skip);
    if (index != piece_index_ && size == piece_size) {
      load(index, out.first(size));
    } else {
      if (index != piece_index_) {
        if (!piece_) piece_ = std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(kChunkBytes));
        piece_index_ = -1;
        load(index, {piece_.get(), piece_size});
        piece_index_ = index;
      }
      std::memcpy(out.data(), piece_.get() + skip, size);
    }
    out = out.subspan(size);
    offset += static_cast<std::int64_t>(size);
  }
}

}  // namespace starlit
