// SPDX-License-Identifier: MIT

#include "archive/working_file.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/file.h"

namespace starlit {
namespace {

constexpr const char* kObject = "the temporary file";

void write_at(const Fd& fd, Bytes bytes, std::int64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw posix_error("couldn't write", kObject);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += n;
  }
}

}  // namespace

WorkingFile::WorkingFile(std::unique_ptr<MemberReader> base, std::function<Fd()> temporary)
    : temporary_(std::move(temporary)), base_(std::move(base)) {
  if (!base_) return;
  size_bytes_ = base_->size_bytes();
  if (size_bytes_ <= kInMemoryMax) {
    memory_.resize(static_cast<std::size_t>(size_bytes_));
    base_->read(0, memory_);
    base_.reset();
  } else {
    in_memory_ = false;
    base_limit_ = size_bytes_;
    file_ = temporary_();
  }
}

WorkingFile::WorkingFile(Fd file, std::int64_t size_bytes) : size_bytes_(size_bytes) {
  if (size_bytes_ <= kInMemoryMax) {
    // Files that the kernel makes up as they are read, those of /proc, state no size or too much.
    constexpr std::size_t kPiece = 64 << 10;
    memory_.resize(static_cast<std::size_t>(size_bytes_));
    std::size_t got = read_at(file, memory_.data(), memory_.size(), 0, kObject);
    while (size_bytes_ == 0 && got == memory_.size()) {
      if (got > static_cast<std::size_t>(kRowContentMax)) throw posix_error("couldn't read", kObject, EFBIG);
      memory_.resize(got + kPiece);
      got += read_at(file, memory_.data() + got, kPiece, static_cast<std::int64_t>(got), kObject);
    }
    memory_.resize(got);
    size_bytes_ = static_cast<std::int64_t>(got);
    return;
  }
  in_memory_ = false;
  is_host_ = true;
  file_ = std::move(file);
  present_.assign(static_cast<std::size_t>((size_bytes_ + kChunkBytes - 1) / kChunkBytes), true);
}

std::optional<Bytes> WorkingFile::bytes() const noexcept {
  return in_memory_ ? std::optional<Bytes>(memory_) : std::nullopt;
}

const ChunkReader* WorkingFile::base_chunks() const noexcept { return base_ ? base_->chunks() : nullptr; }

bool WorkingFile::is_present(std::int64_t index) const noexcept {
  return static_cast<std::size_t>(index) < present_.size() && present_[static_cast<std::size_t>(index)];
}

void WorkingFile::set_present(std::int64_t index) {
  if (static_cast<std::size_t>(index) >= present_.size()) present_.resize(static_cast<std::size_t>(index) + 1);
  present_[static_cast<std::size_t>(index)] = true;
}

// Up to where a piece is to be read from the base; at or before its start: not at all.
std::int64_t WorkingFile::base_piece_end(std::int64_t index) const noexcept {
  return std::min((index + 1) * kChunkBytes, base_limit_);
}

bool WorkingFile::is_untouched(std::int64_t index) const noexcept {
  if (base_chunks() == nullptr || is_present(index)) return false;
  const std::int64_t end = std::min((index + 1) * kChunkBytes, size_bytes_);
  const std::int64_t end_in_base = std::min((index + 1) * kChunkBytes, base_->size_bytes());
  return end == end_in_base && end <= base_limit_;
}

void WorkingFile::leave_memory() {
  Fd file = temporary_();
  write_at(file, memory_, 0);
  for (std::int64_t index = 0; index * kChunkBytes < static_cast<std::int64_t>(memory_.size()); ++index) {
    set_present(index);
  }
  file_ = std::move(file);
  memory_ = {};
  in_memory_ = false;
}

// Copies what the base has of a piece into the temporary file.
void WorkingFile::load_piece(std::int64_t index) {
  if (is_present(index)) return;
  const std::int64_t start = index * kChunkBytes;
  const std::int64_t end = base_piece_end(index);
  if (base_ && end > start) {
    std::vector<std::byte> piece(static_cast<std::size_t>(end - start));
    base_->read(start, piece);
    write_at(file_, piece, start);
  }
  set_present(index);
}

std::size_t WorkingFile::read(std::int64_t offset, std::span<std::byte> out) {
  if (offset >= size_bytes_) return 0;
  out = out.first(static_cast<std::size_t>(
      std::min<std::int64_t>(static_cast<std::int64_t>(out.size()), size_bytes_ - offset)));
  const std::size_t all = out.size();
  if (in_memory_) {
    std::memcpy(out.data(), memory_.data() + offset, out.size());
    return all;
  }
  while (!out.empty()) {
    const std::int64_t index = offset / kChunkBytes;
    auto part = out.first(static_cast<std::size_t>(
        std::min<std::int64_t>(static_cast<std::int64_t>(out.size()), (index + 1) * kChunkBytes - offset)));
    out = out.subspan(part.size());
    const auto next = offset + static_cast<std::int64_t>(part.size());
    std::size_t done = 0;
    if (is_present(index)) {
      done = read_at(file_, part.data(), part.size(), offset, kObject);
      if (is_host_ && done < part.size()) {
        throw Error(EIO, "CHANGED", "couldn't read a file: it became shorter while it was read");
      }
    } else if (base_ && offset < base_piece_end(index)) {
      const auto from_base = std::min<std::int64_t>(static_cast<std::int64_t>(part.size()),
                                                    base_piece_end(index) - offset);
      done = base_->read(offset, part.first(static_cast<std::size_t>(from_base)));
    }
    std::memset(part.data() + done, 0, part.size() - done);  // a hole
    offset = next;
  }
  return all;
}

void WorkingFile::write(std::int64_t offset, Bytes bytes) {
  if (bytes.empty()) return;
  std::int64_t end;
  if (__builtin_add_overflow(offset, static_cast<std::int64_t>(bytes.size()), &end) || end > kChunkedSizeMax) {
    throw posix_error("couldn't write", kObject, EFBIG);
  }
  if (in_memory_ && end > kInMemoryMax) leave_memory();
  if (in_memory_) {
    if (end > size_bytes_) memory_.resize(static_cast<std::size_t>(end));
    std::memcpy(memory_.data() + offset, bytes.data(), bytes.size());
    size_bytes_ = std::max(size_bytes_, end);
    return;
  }
  while (!bytes.empty()) {
    const std::int64_t index = offset / kChunkBytes;
    const auto part = bytes.first(static_cast<std::size_t>(
        std::min<std::int64_t>(static_cast<std::int64_t>(bytes.size()), (index + 1) * kChunkBytes - offset)));
    load_piece(index);
    write_at(file_, part, offset);
    bytes = bytes.subspan(part.size());
    offset += static_cast<std::int64_t>(part.size());
    size_bytes_ = std::max(size_bytes_, offset);
  }
}

void WorkingFile::truncate(std::int64_t size_bytes) {
  if (size_bytes > kChunkedSizeMax) throw posix_error("couldn't truncate", kObject, EFBIG);
  if (in_memory_ && size_bytes > kInMemoryMax) leave_memory();
  if (in_memory_) {
    memory_.resize(static_cast<std::size_t>(size_bytes));
  } else {
    // What is cut off must not come back when the file grows again.
    base_limit_ = std::min(base_limit_, size_bytes);
    int result;
    do {
      result = ::ftruncate(file_.get(), static_cast<off_t>(size_bytes));
    } while (result != 0 && errno == EINTR);
    if (result != 0) throw posix_error("couldn't truncate", kObject);
  }
  size_bytes_ = size_bytes;
}

}  // namespace starlit
