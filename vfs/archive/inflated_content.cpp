// SPDX-License-Identifier: MIT

#include "archive/inflated_content.h"

#include <algorithm>

#include "base/error.h"

namespace starlit {
namespace {

constexpr std::int64_t kPieceBytes = 64 << 10;

std::size_t piece_of(std::int64_t left_bytes) { return static_cast<std::size_t>(std::min(kPieceBytes, left_bytes)); }

}  // namespace

InflatedContent::InflatedContent(Sizes sizes, ReadStored read_stored, DeflateForm form, std::optional<std::uint32_t> crc)
    : sizes_(sizes), read_stored_(std::move(read_stored)), form_(form), crc_(crc) {}

void InflatedContent::read(std::int64_t offset, std::span<std::byte> out) {
  try {
    if (!inflater_ || offset < position_) rewind();
    std::vector<std::byte> waste(offset > position_ ? piece_of(offset - position_) : 0);
    while (position_ < offset) inflate(std::span(waste).first(piece_of(offset - position_)));
    inflate(out);
    if (position_ == sizes_.size_bytes) check_end();
  } catch (const Error&) {
    inflater_.reset();
    throw;
  }
}

void InflatedContent::rewind() {
  inflater_ = std::make_unique<InflateStream>(form_);
  position_ = stored_position_ = 0;
  crc_so_far_ = 0;
  piece_.clear();
  piece_used_ = 0;
}

void InflatedContent::fill_piece() {
  if (piece_used_ < piece_.size() || stored_position_ == sizes_.stored_bytes) return;
  piece_.resize(piece_of(sizes_.stored_bytes - stored_position_));
  read_stored_(stored_position_, piece_);
  stored_position_ += static_cast<std::int64_t>(piece_.size());
  piece_used_ = 0;
}

// Exactly out.size() bytes from position_ on.
void InflatedContent::inflate(std::span<std::byte> out) {
  while (!out.empty()) {
    fill_piece();
    const auto progress = inflater_->inflate(Bytes(piece_).subspan(piece_used_), out);
    piece_used_ += progress.consumed;
    position_ += static_cast<std::int64_t>(progress.produced);
    if (crc_) crc_so_far_ = add_to_crc(crc_so_far_, out.first(progress.produced));
    out = out.subspan(progress.produced);
    if (progress.produced == 0 && progress.consumed == 0) {
      throw Error(EIO, "DATA", "its deflated data ends before its size is reached");
    }
  }
}

// Behind the last byte of the content comes the end of the data, its check sums right.
void InflatedContent::check_end() {
  while (true) {
    fill_piece();
    std::byte beyond;
    const auto progress = inflater_->inflate(Bytes(piece_).subspan(piece_used_), {&beyond, 1});
    piece_used_ += progress.consumed;
    if (progress.produced != 0) throw Error(EIO, "DATA", "its deflated data goes on beyond its size");
    if (progress.finished) break;
    if (progress.consumed == 0) throw Error(EIO, "DATA", "its deflated data is cut short");
  }
  if (crc_ && crc_so_far_ != *crc_) throw Error(EIO, "DATA", "its check sum is wrong");
}

}  // namespace starlit
