// SPDX-License-Identifier: MIT

#include "leaf_packer.h"

namespace starlit {
namespace {

constexpr std::int64_t kLeafHeaderBytes = 8;
constexpr std::int64_t kCellPointerBytes = 2;
constexpr std::int64_t kOverflowPointerBytes = 4;
constexpr std::int64_t kLengthAndKeyBytes = 4;  // two variable-length integers, of 2 bytes in most rows

}  // namespace

// The names are those of the file format's description.
std::int64_t LeafPacker::cell_bytes(std::int64_t p) const {
  const std::int64_t u = page_bytes_;
  const std::int64_t x = u - 35;
  const std::int64_t m = (u - 12) * 32 / 255 - 23;
  std::int64_t local = p;
  if (p > x) {
    const std::int64_t k = m + (p - m) % (u - 4);
    local = (k <= x ? k : m) + kOverflowPointerBytes;
  }
  return local + kLengthAndKeyBytes + kCellPointerBytes;
}

std::size_t LeafPacker::choose(std::span<const std::int64_t> record_bytes) {
  std::size_t best = 0;
  std::int64_t best_bytes = -1;
  for (std::size_t i = 0; i < record_bytes.size(); ++i) {
    const std::int64_t bytes = cell_bytes(record_bytes[i]);
    if (bytes <= free_bytes_ && bytes > best_bytes) {
      best = i;
      best_bytes = bytes;
    }
  }
  if (best_bytes < 0) {
    free_bytes_ = page_bytes_ - kLeafHeaderBytes;
    best_bytes = cell_bytes(record_bytes.front());
  }
  free_bytes_ -= best_bytes;
  return best;
}

}  // namespace starlit
