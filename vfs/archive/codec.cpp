// SPDX-License-Identifier: MIT

#include "archive/codec.h"

#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

#include "base/error.h"

namespace starlit {

struct Deflater::State {
  std::unique_ptr<libdeflate_compressor, Calls<libdeflate_free_compressor>> compressor;
  std::vector<std::byte> buffer;
};

Deflater::Deflater(int level) : state_(std::make_unique<State>()) {
  state_->compressor.reset(libdeflate_alloc_compressor(std::clamp(level, 1, kLevelMax)));
  if (!state_->compressor) throw std::bad_alloc();
}

Deflater::~Deflater() = default;

Bytes Deflater::deflate(Bytes bytes) {
  if (bytes.empty()) return {};
  // Room for one byte less than the input: what does not fit is not smaller.
  state_->buffer.resize(std::max(state_->buffer.size(), bytes.size()));
  const std::size_t size = libdeflate_zlib_compress(state_->compressor.get(), bytes.data(), bytes.size(),
                                                    state_->buffer.data(), bytes.size() - 1);
  return {state_->buffer.data(), size};
}

struct DeflateStream::State {
  z_stream stream{};
  std::vector<std::byte> out;
};

DeflateStream::DeflateStream(int level) : state_(std::make_unique<State>()) {
  if (deflateInit(&state_->stream, std::clamp(level, 1, 9)) != Z_OK) throw std::bad_alloc();
}

DeflateStream::~DeflateStream() { deflateEnd(&state_->stream); }

Bytes DeflateStream::deflate(Bytes in, bool last) {
  z_stream& stream = state_->stream;
  std::vector<std::byte>& out = state_->out;
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data()));
  stream.avail_in = static_cast<uInt>(in.size());
  std::size_t size = 0;
  do {
    if (out.size() < size + (64 << 10)) out.resize(size + (64 << 10));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + size);
    stream.avail_out = static_cast<uInt>(out.size() - size);
    ::deflate(&stream, last ? Z_FINISH : Z_NO_FLUSH);
    size = out.size() - stream.avail_out;
  } while (stream.avail_out == 0);
  return Bytes(out).first(size);
}

std::uint32_t add_to_crc(std::uint32_t crc, Bytes bytes) noexcept {
  return static_cast<std::uint32_t>(::crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

struct Inflater::State {
  std::unique_ptr<libdeflate_decompressor, Calls<libdeflate_free_decompressor>> decompressor;
};

Inflater::Inflater() : state_(std::make_unique<State>()) {
  state_->decompressor.reset(libdeflate_alloc_decompressor());
  if (!state_->decompressor) throw std::bad_alloc();
}

Inflater::~Inflater() = default;

bool Inflater::inflate(Bytes deflated, std::span<std::byte> out, DeflateForm form) {
  const auto decompress =
      form == DeflateForm::kZlib ? libdeflate_zlib_decompress : libdeflate_deflate_decompress;
  return decompress(state_->decompressor.get(), deflated.data(), deflated.size(), out.data(), out.size(), nullptr) ==
         LIBDEFLATE_SUCCESS;
}

struct InflateStream::State {
  z_stream stream{};
  bool finished = false;
};

InflateStream::InflateStream(DeflateForm form) : state_(std::make_unique<State>()) {
  // Without a zlib header the size of the window is negative (zlib.h, inflateInit2).
  if (inflateInit2(&state_->stream, form == DeflateForm::kZlib ? MAX_WBITS : -MAX_WBITS) != Z_OK) throw std::bad_alloc();
}

InflateStream::~InflateStream() { inflateEnd(&state_->stream); }

InflateStream::Progress InflateStream::inflate(Bytes in, std::span<std::byte> out) {
  if (state_->finished) return {0, 0, true};
  constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
  z_stream& stream = state_->stream;
  const auto in_size = static_cast<uInt>(std::min(in.size(), kMost));
  const auto out_size = static_cast<uInt>(std::min(out.size(), kMost));
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data()));
  stream.avail_in = in_size;
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = out_size;
  const int code = ::inflate(&stream, Z_NO_FLUSH);
  if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
    throw Error(EIO, "DATA", "its deflated data is damaged");
  }
  state_->finished = code == Z_STREAM_END;
  return {in_size - stream.avail_in, out_size - stream.avail_out, state_->finished};
}

}  // namespace starlit
