// SPDX-License-Identifier: MIT
//
// How a member's bytes lie in its archive: deflated in the zlib format (RFC 1950) where that is smaller, else as they
// are. A stored size below the member's size means deflated; SQLite's own archive tool holds to the same rule.
//
// Whole members go through libdeflate; InflateStream is for members too large to hold, and for data that cannot be
// trusted to fit: it never gives out more than the stated size.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/handle.h"

namespace starlit {

// Deflate cannot make data smaller than 1/1032 (https://zlib.net/zlib_tech.html): a member that states more lies.
inline constexpr std::int64_t kDeflateRatioMax = 1032;

// Compression levels are libdeflate's, 1 to 12; 0 stores.
inline constexpr int kLevelMax = 12;
inline constexpr int kLevelDefault = 6;

// Deflates whole buffers. One object per thread.
class Deflater {
 public:
  explicit Deflater(int level);
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  // The deflated form of `bytes`, or nothing where it is not smaller. The result lives until the next call.
  Bytes deflate(Bytes bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Deflates piece by piece with constant memory.
class DeflateStream {
 public:
  explicit DeflateStream(int level);  // 1 to 9
  ~DeflateStream();
  DeflateStream(const DeflateStream&) = delete;
  DeflateStream& operator=(const DeflateStream&) = delete;

  // Takes all of `in` and gives what there is of the deflated data; `last` ends it. The result lives until the next call.
  Bytes deflate(Bytes in, bool last);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What is to be inflated: in the zlib format, as our own members are, or deflated data alone (RFC 1951), as in zip files.
enum class DeflateForm { kZlib, kRaw };

// CRC-32 (RFC 1952), begun with 0, carried on over `bytes`.
std::uint32_t add_to_crc(std::uint32_t crc, Bytes bytes) noexcept;

// Inflates whole buffers. One object per thread.
class Inflater {
 public:
  Inflater();
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Fills `out` exactly; false where the data is broken or does not give exactly that many bytes.
  bool inflate(Bytes deflated, std::span<std::byte> out, DeflateForm form = DeflateForm::kZlib);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Inflates piece by piece with constant memory.
class InflateStream {
 public:
  explicit InflateStream(DeflateForm form = DeflateForm::kZlib);
  ~InflateStream();
  InflateStream(const InflateStream&) = delete;
  InflateStream& operator=(const InflateStream&) = delete;

  struct Progress {
    std::size_t consumed;  // bytes taken from `in`
    std::size_t produced;  // bytes written to `out`
    bool finished;         // the end of the data was reached and its check sum, if it has one, was right
  };

  // Throws Error{EIO, "DATA"} (without a name; the caller knows it) where the data is broken.
  Progress inflate(Bytes in, std::span<std::byte> out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace starlit
