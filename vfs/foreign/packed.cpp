// SPDX-License-Identifier: MIT

#include "packed.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "archive/codec.h"

namespace starlit {
namespace {

constexpr std::size_t kPieceBytes = 64 << 10;
constexpr std::int64_t kLocalHeaderBytes = 30;

std::uint32_t add_to_crc(std::uint32_t crc, std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(::crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

// Behind a zip file's local header (APPNOTE.TXT, 4.3.7): its name and extra field have lengths of their own.
std::int64_t start_of(const ForeignFile& file, const Packed& content) {
  if (content.packing == Packing::kUnknown) throw Error(ENOTSUP, "PACKING", content.fault);
  if (!content.has_local_header) return content.offset;
  const std::string header = file.text(content.offset, kLocalHeaderBytes);
  if (!header.starts_with("PK\3\4")) throw Error(EIO, "DATA", "there is no content where the directory says");
  const auto number = [&](std::size_t at) {
    return static_cast<unsigned char>(header[at]) | static_cast<unsigned char>(header[at + 1]) << 8;
  };
  const std::int64_t start = content.offset + kLocalHeaderBytes + number(26) + number(28);
  if (start > file.size_bytes() - content.stored_bytes) throw Error(EIO, "CUT", "its data is cut short");
  return start;
}

DeflateForm form_of(const Packed& content) noexcept {
  return content.packing == Packing::kDeflate ? DeflateForm::kRaw : DeflateForm::kZlib;
}

class PackedStream : public Contents::Stream {
 public:
  PackedStream(std::shared_ptr<const ForeignFile> file, const Packed& content)
      : file_(std::move(file)), content_(content), start_(start_of(*file_, content)) {}

  void read(std::int64_t offset, std::span<std::byte> out) override {
    if (content_.packing == Packing::kStored) return file_->read(start_ + offset, out);
    try {
      if (!inflater_ || offset < position_) rewind();
      std::vector<std::byte> waste(offset > position_ ? kPieceBytes : 0);
      while (position_ < offset) {
        inflate(std::span(waste).first(static_cast<std::size_t>(
            std::min<std::int64_t>(static_cast<std::int64_t>(kPieceBytes), offset - position_))));
      }
      inflate(out);
      if (position_ == content_.size_bytes) check_end();
    } catch (const Error&) {
      inflater_.reset();
      throw;
    }
  }

 private:
  void rewind() {
    inflater_ = std::make_unique<InflateStream>(form_of(content_));
    position_ = taken_ = 0;
    crc_ = 0;
    piece_.clear();
    used_ = 0;
  }

  void fill_piece() {
    if (used_ < piece_.size() || taken_ == content_.stored_bytes) return;
    piece_.resize(static_cast<std::size_t>(
        std::min<std::int64_t>(static_cast<std::int64_t>(kPieceBytes), content_.stored_bytes - taken_)));
    file_->read(start_ + taken_, piece_);
    taken_ += static_cast<std::int64_t>(piece_.size());
    used_ = 0;
  }

  void inflate(std::span<std::byte> out) {
    while (!out.empty()) {
      fill_piece();
      const auto progress = inflater_->inflate(Bytes(piece_).subspan(used_), out);
      used_ += progress.consumed;
      position_ += static_cast<std::int64_t>(progress.produced);
      if (content_.crc) crc_ = add_to_crc(crc_, out.first(progress.produced));
      out = out.subspan(progress.produced);
      if (progress.produced == 0 && progress.consumed == 0) {
        throw Error(EIO, "DATA", "its deflated data ends before its size is reached");
      }
    }
  }

  void check_end() {
    while (true) {
      fill_piece();
      std::byte beyond;
      const auto progress = inflater_->inflate(Bytes(piece_).subspan(used_), {&beyond, 1});
      used_ += progress.consumed;
      if (progress.produced != 0) throw Error(EIO, "DATA", "its deflated data goes on beyond its size");
      if (progress.finished) break;
      if (progress.consumed == 0) throw Error(EIO, "DATA", "its deflated data is cut short");
    }
    if (content_.crc && crc_ != *content_.crc) throw Error(EIO, "DATA", "its check sum is wrong");
  }

  std::shared_ptr<const ForeignFile> file_;
  const Packed content_;
  const std::int64_t start_;
  std::unique_ptr<InflateStream> inflater_;
  std::int64_t position_ = 0;  // in the content: what comes next out of the inflater
  std::int64_t taken_ = 0;     // of the stored bytes
  std::uint32_t crc_ = 0;
  std::vector<std::byte> piece_;
  std::size_t used_ = 0;
};

class PackedContents : public Contents {
 public:
  PackedContents(std::shared_ptr<const ForeignFile> file, std::vector<Packed> contents)
      : file_(std::move(file)), contents_(std::move(contents)) {}

  std::int64_t stored_bytes(std::size_t index) const override { return contents_[index].stored_bytes; }

  void read(std::size_t index, std::span<std::byte> out) override {
    read_packed(*file_, contents_[index], inflater_, out);
  }

  std::unique_ptr<Stream> stream(std::size_t index) override {
    return std::make_unique<PackedStream>(file_, contents_[index]);
  }

 private:

  std::shared_ptr<const ForeignFile> file_;
  const std::vector<Packed> contents_;
  Inflater inflater_;
};

}  // namespace

void read_packed(const ForeignFile& file, const Packed& content, Inflater& inflater, std::span<std::byte> out) {
  const std::int64_t start = start_of(file, content);
  if (content.packing == Packing::kStored) {
    file.read(start, out);
  } else {
    std::vector<std::byte> stored(static_cast<std::size_t>(content.stored_bytes));
    file.read(start, stored);
    if (!inflater.inflate(stored, out, form_of(content))) throw Error(EIO, "DATA", "its deflated data is damaged");
  }
  if (content.crc && add_to_crc(0, out) != *content.crc) throw Error(EIO, "DATA", "its check sum is wrong");
}

void fail_foreign(const ForeignFile& file, const char* code, const std::string& cause) {
  throw Error(EINVAL, code, quoted("couldn't open", file.path()) + ": " + cause);
}

std::shared_ptr<Archive> open_packed(std::shared_ptr<const ForeignFile> file, ForeignListing listing, const char* code) {
  std::vector<const Packed*> by_place;
  for (std::size_t i = 0; i < listing.members.size(); ++i) {
    const Packed& content = listing.contents[i];
    if (listing.members[i].type != MemberType::kFile) continue;
    const auto fail = [&](const char* cause) {
      fail_foreign(*file, code, quoted("the member", listing.members[i].name) + cause);
    };
    if (content.offset < 0 || content.stored_bytes < 0 || content.offset > file->size_bytes() ||
        content.stored_bytes > file->size_bytes() - content.offset) {
      fail(" does not lie in the file");
    }
    const bool is_stored = content.packing == Packing::kStored;
    if (content.size_bytes < 0 || (is_stored && content.size_bytes != content.stored_bytes) ||
        (content.packing != Packing::kUnknown && content.size_bytes / kDeflateRatioMax > content.stored_bytes)) {
      fail(" states a size that its data cannot have");
    }
    if (content.stored_bytes > 0) by_place.push_back(&content);
  }
  std::sort(by_place.begin(), by_place.end(),
            [](const Packed* a, const Packed* b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < by_place.size(); ++i) {
    if (by_place[i - 1]->offset + by_place[i - 1]->stored_bytes > by_place[i]->offset) {
      fail_foreign(*file, code, "the contents of two members lie over one another");
    }
  }
  std::string path = file->path();
  return Archive::open_listing(std::move(listing.members),
                               std::make_unique<PackedContents>(std::move(file), std::move(listing.contents)),
                               std::move(path));
}

}  // namespace starlit
