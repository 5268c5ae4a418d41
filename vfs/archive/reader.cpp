// SPDX-License-Identifier: MIT
//
// Reading a member's content: whole from memory when it is small, in pieces through SQLite's incremental blobs
// (https://www.sqlite.org/c3ref/blob_open.html) when it is large.

#include <algorithm>
#include <cstring>

#include "archive/archive.h"
#include "archive/chunks.h"
#include "archive/inflated_content.h"
#include "archive/listing.h"

namespace starlit {
namespace {

// Members up to this size, stored and inflated, are read in one go.
constexpr std::int64_t kWholeMax = 4 << 20;

constexpr std::size_t kPieceBytes = 64 << 10;

using Blob = std::unique_ptr<sqlite3_blob, Calls<sqlite3_blob_close>>;

}  // namespace

// A member that is read in pieces.
//
// An open blob keeps others from changing the archive's file, so it is open only while a piece is read; what was changed
// in between is an error and never a mixture.
struct MemberReader::Stream {
  std::shared_ptr<Archive> archive;
  std::string name;
  std::int64_t row = 0;
  std::uint32_t counter = 0;  // the archive's change counter when the row was last seen
  std::int64_t mtime_s = 0;
  std::int64_t size_bytes = 0;
  std::int64_t stored_bytes = 0;

  std::optional<InflatedContent> inflated;  // where it is deflated
  std::vector<std::byte> piece;             // of one that is not, from
  std::int64_t piece_start = -1;

  [[noreturn]] void fail_changed() const {
    archive->fail_member(name, ESTALE, "CHANGED", "it was replaced or changed while it was open (hint: open it again)");
  }

  void read_row(std::int64_t offset, std::span<std::byte> out) {
    // The open blob holds the lock: nobody changes the archive between the look and the reading.
    sqlite3_blob* raw = nullptr;
    int code = sqlite3_blob_open(archive->database(), "main", "sqlar", "data", row, 0, &raw);
    const Blob blob(raw);
    if (code == SQLITE_ERROR) fail_changed();  // no such row, or nothing that is a blob
    if (code == SQLITE_OK) {
      const std::uint32_t now = archive->change_counter();
      if (now != counter) {
        const auto stored = archive->stored(name, 0);
        const bool same = stored && stored->row == row && stored->size == size_bytes && stored->mtime_s == mtime_s;
        archive->release();
        if (!same) fail_changed();
        counter = now;
      }
      if (sqlite3_blob_bytes(raw) != stored_bytes) fail_changed();
      code = sqlite3_blob_read(raw, out.data(), static_cast<int>(out.size()), static_cast<int>(offset));
    }
    if (code != SQLITE_OK) throw sqlite_error(archive->database(), code, archive->path());
  }

  // A content that is not deflated. Small reads, one after another, are served from a piece.
  void read_stored(std::int64_t offset, std::span<std::byte> out) {
    if (out.size() >= kPieceBytes) return read_row(offset, out);
    while (!out.empty()) {
      const std::int64_t start = offset / static_cast<std::int64_t>(kPieceBytes) * static_cast<std::int64_t>(kPieceBytes);
      if (start != piece_start) {
        piece.resize(static_cast<std::size_t>(
            std::min<std::int64_t>(static_cast<std::int64_t>(kPieceBytes), stored_bytes - start)));
        piece_start = -1;
        read_row(start, piece);
        piece_start = start;
      }
      const auto skip = static_cast<std::size_t>(offset - start);
      const std::size_t size = std::min(out.size(), piece.size() - skip);
      std::memcpy(out.data(), piece.data() + skip, size);
      out = out.subspan(size);
      offset += static_cast<std::int64_t>(size);
    }
  }

  void read(std::int64_t offset, std::span<std::byte> out) {
    const auto turn = archive->lock();
    if (!inflated) return read_stored(offset, out);
    try {
      inflated->read(offset, out);
    } catch (const Error& error) {
      archive->fail_member(name, error.posix(), error.code().c_str(), error.text());
    }
  }
};

// A content of a listing that is read in pieces.
struct MemberReader::Listed {
  std::shared_ptr<Archive> archive;
  std::string name;
  std::unique_ptr<Contents::Stream> stream;

  void read(std::int64_t offset, std::span<std::byte> out) {
    const auto turn = archive->lock();
    try {
      stream->read(offset, out);
    } catch (const Error& error) {
      archive->fail_member(name, error.posix(), error.code().c_str(), error.text());
    }
  }
};

MemberReader::MemberReader() = default;
MemberReader::~MemberReader() = default;

std::optional<Bytes> MemberReader::bytes() const noexcept {
  if (stream_ || chunks_ || listed_) return std::nullopt;
  return Bytes(content_.get(), static_cast<std::size_t>(size_bytes_));
}

std::size_t MemberReader::read(std::int64_t offset, std::span<std::byte> out) {
  if (offset >= size_bytes_ || out.empty()) return 0;
  const auto size = static_cast<std::size_t>(
      std::min<std::int64_t>(static_cast<std::int64_t>(out.size()), size_bytes_ - offset));
  if (chunks_) {
    chunks_->read(offset, out.first(size));
  } else if (listed_) {
    listed_->read(offset, out.first(size));
  } else if (stream_) {
    stream_->read(offset, out.first(size));
  } else {
    std::memcpy(out.data(), content_.get() + offset, size);
  }
  return size;
}

std::unique_ptr<std::byte[]> Archive::content_of(std::string_view name, const Stored& row, Inflater& inflater) const {
  const auto stored_size = static_cast<std::int64_t>(row.data.size());
  if (row.size < stored_size || row.size / kDeflateRatioMax > stored_size) {
    fail_member(name, EIO, "SIZE",
                "its size lies: " + std::to_string(row.size) + " bytes cannot be stored in " +
                    std::to_string(stored_size));
  }
  const auto size = static_cast<std::size_t>(row.size);
  auto content = std::make_unique_for_overwrite<std::byte[]>(size);
  if (row.size == stored_size) {
    std::copy(row.data.begin(), row.data.end(), content.get());
  } else if (!inflater.inflate(row.data, {content.get(), size})) {
    fail_member(name, EIO, "DATA", "its deflated data is damaged");
  }
  return content;
}

// Within a transaction nothing is kept: the counter does not tell of its changes.
std::unique_ptr<MemberReader> Archive::open_kept(std::string_view name) {
  if (transactions_ > 0) return nullptr;
  const std::uint32_t counter = change_counter();
  if (counter != kept_at_ || counter == 0) {
    kept_by_name_.clear();
    kept_.clear();
    kept_bytes_ = 0;
    kept_at_ = counter;
    return nullptr;
  }
  const auto at = kept_by_name_.find(name);
  if (at == kept_by_name_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, at->second);
  std::unique_ptr<MemberReader> reader(new MemberReader);
  reader->size_bytes_ = at->second->size_bytes;
  reader->content_ = at->second->content;
  return reader;
}

void Archive::keep(std::string_view name, const MemberReader& reader) {
  constexpr std::int64_t kOneMax = 1 << 20;
  const std::int64_t size = reader.size_bytes_;
  if (transactions_ > 0 || size > kOneMax || kept_at_ == 0 || change_counter() != kept_at_) return;
  kept_.push_front({std::string(name), reader.content_, size});
  kept_by_name_.emplace(kept_.front().name, kept_.begin());
  kept_bytes_ += size;
  while (kept_bytes_ > kKeptMax) {
    kept_bytes_ -= kept_.back().size_bytes;
    kept_by_name_.erase(kept_.back().name);
    kept_.pop_back();
  }
}

std::unique_ptr<MemberReader> Archive::open(std::string_view name) {
  const auto turn = lock();
  if (auto reader = open_kept(name)) return reader;
  const auto row = stored(name, kWholeMax);
  const std::uint32_t counter = row ? change_counter() : 0;  // while the statement holds the lock
  struct Release {
    Archive* archive;
    ~Release() { archive->release(); }
  } const released{this};
  if (!row) return nullptr;
  const bool is_file = (row->mode & S_IFMT) == S_IFREG || ((row->mode & S_IFMT) == 0 && !row->is_null);
  if (!is_file) return nullptr;

  std::unique_ptr<MemberReader> reader(new MemberReader);
  reader->size_bytes_ = row->size;
  if (row->has_data && row->chunks == 0 && row->size <= kWholeMax) {
    reader->content_ = content_of(name, *row, inflater_);
    keep(name, *reader);
    return reader;
  }

  const auto member = find_row(name);  // checks type and sizes
  if (!member || member->type != MemberType::kFile) return nullptr;
  if (contents_) return open_listed(name, *member);
  if (member->chunks != 0) {
    reader->size_bytes_ = member->size_bytes;
    reader->chunks_ = std::make_unique<ChunkReader>(shared_from_this(), std::string(name), member->chunks,
                                                    member->size_bytes);
    return reader;
  }
  auto stream = std::make_unique<MemberReader::Stream>();
  stream->archive = shared_from_this();
  stream->name = name;
  stream->row = row->row;
  stream->counter = counter;
  stream->mtime_s = member->mtime_s;
  stream->size_bytes = row->size;
  stream->stored_bytes = member->stored_bytes;
  if (stream->stored_bytes != row->size) {
    stream->inflated.emplace(
        InflatedContent::Sizes{stream->stored_bytes, row->size},
        [from = stream.get()](std::int64_t offset, std::span<std::byte> out) { from->read_row(offset, out); });
  }
  reader->stream_ = std::move(stream);
  return reader;
}

std::unique_ptr<MemberReader> Archive::open_listed(std::string_view name, const Member& member) {
  std::unique_ptr<MemberReader> reader(new MemberReader);
  reader->size_bytes_ = member.size_bytes;
  const auto index = static_cast<std::size_t>(member.chunks - 1);
  try {
    if (std::max(member.size_bytes, contents_->stored_bytes(index)) > kWholeMax) {
      reader->listed_.reset(
          new MemberReader::Listed{shared_from_this(), std::string(name), contents_->stream(index)});
      return reader;
    }
    const auto size = static_cast<std::size_t>(member.size_bytes);
    reader->content_ = std::make_unique_for_overwrite<std::byte[]>(size);
    contents_->read(index, {reader->content_.get(), size});
  } catch (const Error& error) {
    fail_member(name, error.posix(), error.code().c_str(), error.text());
  }
  keep(name, *reader);
  return reader;
}

}  // namespace starlit
