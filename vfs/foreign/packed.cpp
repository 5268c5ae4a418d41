// SPDX-License-Identifier: MIT

#include "packed.h"

#include <algorithm>

#include "archive/inflated_content.h"

namespace starlit {
namespace {

constexpr std::int64_t kLocalHeaderBytes = 30;

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
      : file_(std::move(file)), start_(start_of(*file_, content)), size_bytes_(content.size_bytes), crc_(content.crc) {
    if (content.packing == Packing::kStored) return;
    inflated_.emplace(InflatedContent::Sizes{content.stored_bytes, content.size_bytes},
                      [this](std::int64_t offset, std::span<std::byte> out) { file_->read(start_ + offset, out); },
                      form_of(content), content.crc);
  }

  void read(std::int64_t offset, std::span<std::byte> out) override {
    if (inflated_) {
      inflated_->read(offset, out);
    } else {
      file_->read(start_ + offset, out);
      if (crc_) check(offset, out);
    }
  }

 private:
  // What is read from the beginning to the end is held against its check sum.
  void check(std::int64_t offset, Bytes bytes) {
    if (offset == 0) {
      checked_ = 0;
      crc_so_far_ = 0;
    }
    if (offset != checked_) return;
    crc_so_far_ = add_to_crc(crc_so_far_, bytes);
    checked_ += static_cast<std::int64_t>(bytes.size());
    if (checked_ == size_bytes_ && crc_so_far_ != *crc_) throw Error(EIO, "DATA", "its check sum is wrong");
  }

  std::shared_ptr<const ForeignFile> file_;
  const std::int64_t start_;
  const std::int64_t size_bytes_;
  const std::optional<std::uint32_t> crc_;
  std::int64_t checked_ = 0;
  std::uint32_t crc_so_far_ = 0;
  std::optional<InflatedContent> inflated_;
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
