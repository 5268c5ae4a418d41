// SPDX-License-Identifier: MIT

#include "foreign/foreign.h"

#include <cstring>

#include "metakit.h"
#include "packed.h"
#include "zip.h"

namespace starlit {

ForeignFile::ForeignFile(const std::string& path) : ForeignFile(open_regular(path), path) {}

ForeignFile::ForeignFile(Fd file, std::string path) : path_(std::move(path)), fd_(std::move(file)) {
  const struct stat status = stat_fd(fd_, path_);
  size_bytes_ = status.st_size;
  mtime_s_ = status.st_mtim.tv_sec;
  changed_ = status.st_mtim;
}

ForeignFile::ForeignFile(std::vector<std::byte> bytes, std::string path)
    : path_(std::move(path)), bytes_(std::move(bytes)), size_bytes_(static_cast<std::int64_t>(bytes_.size())) {}

void ForeignFile::read(std::int64_t offset, std::span<std::byte> out) const {
  if (offset < 0 || offset > size_bytes_ || static_cast<std::int64_t>(out.size()) > size_bytes_ - offset) {
    throw Error(EIO, "CUT", "its data is cut short");
  }
  if (!fd_) {
    if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
    return;
  }
  const std::size_t got = read_at(fd_, out.data(), out.size(), offset, path_);
  const struct stat status = stat_fd(fd_, path_);
  if (got != out.size() || status.st_size != size_bytes_ || status.st_mtim.tv_sec != changed_.tv_sec ||
      status.st_mtim.tv_nsec != changed_.tv_nsec) {
    throw Error(ESTALE, "CHANGED", "its archive was changed while it was mounted (hint: mount it anew)");
  }
}

std::string ForeignFile::text(std::int64_t offset, std::int64_t size_bytes) const {
  if (size_bytes < 0 || size_bytes > size_bytes_) throw Error(EIO, "CUT", "its data is cut short");
  std::string text(static_cast<std::size_t>(size_bytes), '\0');
  read(offset, std::as_writable_bytes(std::span(text)));
  return text;
}

std::optional<ForeignFormat> foreign_format(const ForeignFile& file) {
  if (find_metakit(file)) return ForeignFormat::kMetakit;
  if (find_zip(file)) return ForeignFormat::kZip;
  return std::nullopt;
}

std::optional<ForeignFormat> foreign_magic(std::string_view begin) noexcept {
  if (begin.starts_with("PK\3\4")) return ForeignFormat::kZip;
  // In both byte orders.
  if (begin.starts_with(std::string_view("JL\x1a\0", 4)) || begin.starts_with(std::string_view("LJ\x1a\0", 4))) {
    return ForeignFormat::kMetakit;
  }
  return std::nullopt;
}

std::shared_ptr<Archive> open_foreign(std::shared_ptr<const ForeignFile> file, ForeignFormat format) {
  return format == ForeignFormat::kMetakit ? open_metakit(std::move(file)) : open_zip(std::move(file));
}

std::int64_t foreign_start(const ForeignFile& file, ForeignFormat format) {
  if (format == ForeignFormat::kZip) return zip_start(file);
  const auto place = find_metakit(file);
  if (!place) fail_foreign(file, "METAKIT", "not a Metakit file");
  return place->base;
}

}  // namespace starlit
