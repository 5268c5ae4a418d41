// SPDX-License-Identifier: MIT
//
// A deflated content that is too large to hold, read at any place with constant memory. What lies behind the place that
// was read last is inflated up to the one that is asked for; going back starts from the beginning.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "archive/codec.h"

namespace starlit {

class InflatedContent {
 public:
  // Fills `out` with what is stored, from `offset` on; may throw Error.
  using ReadStored = std::function<void(std::int64_t offset, std::span<std::byte> out)>;

  struct Sizes {
    std::int64_t stored_bytes;
    std::int64_t size_bytes;
  };

  // `crc`: the content's CRC-32, where it is known.
  InflatedContent(Sizes sizes, ReadStored read_stored, DeflateForm form = DeflateForm::kZlib,
                  std::optional<std::uint32_t> crc = std::nullopt);

  // All of `out` lies within the content. Throws Error{EIO, "DATA"} (without a name; the caller knows it) where the data
  // is broken, or does not end, with its check sums right, where the content does.
  void read(std::int64_t offset, std::span<std::byte> out);

 private:
  void rewind();
  void fill_piece();
  void inflate(std::span<std::byte> out);
  void check_end();

  const Sizes sizes_;
  const ReadStored read_stored_;
  const DeflateForm form_;
  const std::optional<std::uint32_t> crc_;
  std::unique_ptr<InflateStream> inflater_;
  std::int64_t position_ = 0;         // in the content: what comes next out of the inflater
  std::int64_t stored_position_ = 0;  // behind piece_
  std::uint32_t crc_so_far_ = 0;
  std::vector<std::byte> piece_;
  std::size_t piece_used_ = 0;
};

}  // namespace starlit
