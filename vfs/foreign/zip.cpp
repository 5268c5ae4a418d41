// SPDX-License-Identifier: MIT
//
// Reads zip files by their central directory: PKWARE's APPNOTE.TXT 6.3.10
// (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT), sections 4.3.12 (directory), 4.3.14 to 4.3.16 (its end),
// 4.5.3 (zip64); Info-ZIP's extra field 0x5455 for times in UTC and its use of the external attributes for modes.
//
// Offsets count from the beginning of the file, or, where something was put in front of it afterwards, from behind that:
// the place of the directory tells which.

#include "zip.h"

#include <sys/stat.h>
#include <time.h>

#include <algorithm>

#include "archive/name.h"
#include "packed.h"

namespace starlit {
namespace {

constexpr const char* kCode = "ZIP";
constexpr std::int64_t kEndBytes = 22;
constexpr std::int64_t kCommentMax = 65535;
constexpr std::int64_t kLocatorBytes = 20;
constexpr std::int64_t kEnd64Bytes = 56;
constexpr std::size_t kEntryBytes = 46;
constexpr std::int64_t kDirectoryMax = 256 << 20;
constexpr std::int64_t kTargetMax = 4095;
constexpr std::int64_t kStoredTargetMax = 64 << 10;  // deflate may be clumsy, but not that much

std::uint64_t little_endian(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// Code page 437, which names are in that are not UTF-8, from byte 128 on
// (https://www.unicode.org/Public/MAPPINGS/VENDORS/MICSFT/PC/CP437.TXT).
constexpr char16_t kCodePage437[] =
    u"ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩"
    u"≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";
static_assert(sizeof kCodePage437 / sizeof *kCodePage437 == 129);

std::string from_code_page(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const char16_t code = byte < 128 ? byte : kCodePage437[byte - 128];
    if (code < 0x80) {
      text += static_cast<char>(code);
    } else if (code < 0x800) {
      text += static_cast<char>(0xc0 | code >> 6);
      text += static_cast<char>(0x80 | (code & 0x3f));
    } else {
      text += static_cast<char>(0xe0 | code >> 12);
      text += static_cast<char>(0x80 | (code >> 6 & 0x3f));
      text += static_cast<char>(0x80 | (code & 0x3f));
    }
  }
  return text;
}

// MS-DOS's time, which is local time.
std::int64_t from_dos(std::uint64_t date, std::uint64_t time) {
  struct tm local {};
  local.tm_year = static_cast<int>(date >> 9) + 80;
  local.tm_mon = static_cast<int>(date >> 5 & 15) - 1;
  local.tm_mday = static_cast<int>(date & 31);
  local.tm_hour = static_cast<int>(time >> 11);
  local.tm_min = static_cast<int>(time >> 5 & 63);
  local.tm_sec = static_cast<int>(time & 31) * 2;
  local.tm_isdst = -1;
  return ::mktime(&local);
}

struct Entry {
  std::string_view name, extra;
  std::uint64_t system, flags, method, time, date, crc, stored, size, disk, attributes, offset;
};

class Zip {
 public:
  Zip(const ForeignFile& file, const ZipPlace& place) : file_(file), place_(place), start_(place.directory) {}

  ForeignListing read() {
    const std::string bytes = file_.text(place_.directory, place_.directory_bytes);
    std::string_view rest = bytes;
    std::int64_t count = 0;
    while (rest.starts_with("PK\1\2")) {
      Entry entry = read_entry(rest);
      apply_zip64(entry);
      if (entry.offset < static_cast<std::uint64_t>(start_ - place_.base)) {
        start_ = place_.base + static_cast<std::int64_t>(entry.offset);
      }
      add(entry);
      ++count;
    }
    // Without zip64 only 16 bits of the number are there.
    if (count != place_.members && (place_.is_zip64 || (count & 0xffff) != place_.members)) {
      fail("its directory has " + std::to_string(count) + " members, and should have " + std::to_string(place_.members));
    }
    return std::move(listing_);
  }

  // After read(): in the file, where the first member lies; the directory when there is none.
  std::int64_t start() const noexcept { return start_; }

 private:
  [[noreturn]] void fail(const std::string& cause) const { fail_foreign(file_, kCode, cause); }

  Entry read_entry(std::string_view& rest) const {
    if (rest.size() < kEntryBytes) fail("its directory is damaged");
    const auto number = [&](std::size_t at, std::size_t size) { return little_endian(rest, at, size); };
    const std::size_t name = number(28, 2), extra = number(30, 2), comment = number(32, 2);
    if (rest.size() - kEntryBytes < name + extra + comment) fail("its directory is damaged");
    const Entry entry{rest.substr(kEntryBytes, name),
                      rest.substr(kEntryBytes + name, extra),
                      number(4, 2) >> 8,
                      number(8, 2),
                      number(10, 2),
                      number(12, 2),
                      number(14, 2),
                      number(16, 4),
                      number(20, 4),
                      number(24, 4),
                      number(34, 2),
                      number(38, 4),
                      number(42, 4)};
    rest.remove_prefix(kEntryBytes + name + extra + comment);
    return entry;
  }

  // The data of an extra field, or nothing.
  static std::optional<std::string_view> extra_field(std::string_view extra, std::uint64_t id) {
    while (extra.size() >= 4) {
      const std::size_t size = little_endian(extra, 2, 2);
      if (size > extra.size() - 4) return std::nullopt;
      if (little_endian(extra, 0, 2) == id) return extra.substr(4, size);
      extra.remove_prefix(4 + size);
    }
    return std::nullopt;
  }

  // Numbers that do not fit into 32 bits stand in an extra field, in this order, only those.
  void apply_zip64(Entry& entry) const {
    std::string_view field = extra_field(entry.extra, 1).value_or(std::string_view());
    for (std::uint64_t* number : {&entry.size, &entry.stored, &entry.offset}) {
      if (*number != 0xffffffff) continue;
      if (field.size() < 8) {
        if (number == &entry.offset || field.empty()) continue;  // it may be just that
        fail("its directory is damaged");
      }
      *number = little_endian(field, 0, 8);
      field.remove_prefix(8);
      if (*number > static_cast<std::uint64_t>(INT64_MAX)) fail("its directory states a number that is too large");
    }
  }

  static std::string name_of(const Entry& entry) {
    const bool is_utf8 = (entry.flags & 0x800) != 0 || new_name_errno(entry.name) != EILSEQ;
    std::string name = is_utf8 ? std::string(entry.name) : from_code_page(entry.name);
    // Some packers for MS-DOS and Windows write its separators.
    if ((entry.system == 0 || entry.system == 10 || entry.system == 11) && name.find('/') == std::string::npos) {
      std::replace(name.begin(), name.end(), '\\', '/');
    }
    return name;
  }

  static std::int64_t mtime_of(const Entry& entry) {
    const auto field = extra_field(entry.extra, 0x5455);
    if (field && field->size() >= 5 && ((*field)[0] & 1) != 0) {
      return static_cast<std::int32_t>(little_endian(*field, 1, 4));
    }
    return from_dos(entry.date, entry.time);
  }

  void add(const Entry& entry) {
    ListedMember member;
    member.name = name_of(entry);
    member.mtime_s = mtime_of(entry);
    const bool is_unix = entry.system == 3 || entry.system == 19;
    const auto mode = static_cast<mode_t>(is_unix ? entry.attributes >> 16 : 0);
    if (member.name.ends_with('/')) {
      member.name.pop_back();
      member.type = MemberType::kDirectory;
    } else if (S_ISLNK(mode)) {
      member.type = MemberType::kLink;
    } else if (S_ISDIR(mode) || (!is_unix && (entry.attributes & 0x10) != 0 && entry.size == 0)) {
      member.type = MemberType::kDirectory;
    }
    const bool is_directory = member.type == MemberType::kDirectory;
    if ((mode & (S_IFMT | 0777)) != 0) {
      member.permissions = mode & 0777;
    } else {
      member.permissions = is_directory ? 0755 : (entry.attributes & 1) != 0 ? 0444 : 0644;
    }
    Packed content;
    if (!is_directory) content = content_of(entry);
    // A link that cannot be read is left as what it is without its target.
    if (content.packing == Packing::kUnknown) member.type = MemberType::kFile;
    if (member.type == MemberType::kLink) {
      member.target = target_of(content, member.name);
    } else if (!is_directory) {
      member.size_bytes = content.size_bytes;
    }
    listing_.members.push_back(std::move(member));
    listing_.contents.push_back(std::move(content));
  }

  Packed content_of(const Entry& entry) const {
    Packed content;
    content.has_local_header = true;
    content.crc = static_cast<std::uint32_t>(entry.crc);
    content.stored_bytes = static_cast<std::int64_t>(entry.stored);
    content.size_bytes = static_cast<std::int64_t>(entry.size);
    content.offset = static_cast<std::int64_t>(entry.offset) <= file_.size_bytes() - place_.base
                         ? place_.base + static_cast<std::int64_t>(entry.offset)
                         : -1;
    if ((entry.flags & 1) != 0) {
      content.packing = Packing::kUnknown;
      content.fault = "it is encrypted";
    } else if (entry.method == 0) {
      content.packing = Packing::kStored;
    } else if (entry.method == 8) {
      content.packing = Packing::kDeflate;
    } else {
      content.packing = Packing::kUnknown;
      content.fault = "it is compressed by method " + std::to_string(entry.method) +
                      ", not by deflate (hint: zip it anew with deflate)";
    }
    return content;
  }

  std::string target_of(const Packed& content, const std::string& name) {
    try {
      if (content.offset < 0 || content.size_bytes < 1 || content.size_bytes > kTargetMax ||
          content.stored_bytes > kStoredTargetMax ||
          (content.packing == Packing::kStored && content.stored_bytes != content.size_bytes)) {
        throw Error(EIO, "SIZE", "its target is no path");
      }
      std::string target(static_cast<std::size_t>(content.size_bytes), '\0');
      read_packed(file_, content, inflater_, std::as_writable_bytes(std::span(target)));
      return target;
    } catch (const Error& error) {
      fail(quoted("the link", name) + ": " + error.text());
    }
  }

  const ForeignFile& file_;
  const ZipPlace place_;
  std::int64_t start_;
  Inflater inflater_;
  ForeignListing listing_;
};

// The record at the end: that which ends where its comment ends with the file, else the last one.
std::optional<std::size_t> find_end(const std::string& tail) {
  std::optional<std::size_t> last;
  for (auto at = tail.rfind("PK\5\6"); at != std::string::npos; at = at == 0 ? at : tail.rfind("PK\5\6", at - 1)) {
    const std::size_t room = tail.size() - at;
    if (room >= static_cast<std::size_t>(kEndBytes)) {
      const std::size_t comment = little_endian(tail, at + 20, 2);
      if (kEndBytes + comment == room) return at;
      if (!last && kEndBytes + comment < room) last = at;
    }
    if (at == 0) break;
  }
  return last;
}

}  // namespace

std::optional<ZipPlace> find_zip(const ForeignFile& file) {
  const std::int64_t size = file.size_bytes();
  const std::int64_t tail_bytes = std::min(size, kEndBytes + kCommentMax);
  const std::string tail = file.text(size - tail_bytes, tail_bytes);
  const auto found = find_end(tail);
  if (!found) return std::nullopt;
  const auto fail = [&](const char* cause) { fail_foreign(file, kCode, cause); };
  std::int64_t end = size - tail_bytes + static_cast<std::int64_t>(*found);
  ZipPlace place;
  std::uint64_t disk = little_endian(tail, *found + 4, 2);
  std::uint64_t members = little_endian(tail, *found + 10, 2);
  std::uint64_t bytes = little_endian(tail, *found + 12, 4);
  std::uint64_t offset = little_endian(tail, *found + 16, 4);
  const std::string locator = end >= kLocatorBytes ? file.text(end - kLocatorBytes, kLocatorBytes) : "";
  if (locator.starts_with("PK\6\7")) {
    // Its offset is wrong where something was put in front; then the record ends where the locator begins.
    std::int64_t end64 = end - kLocatorBytes - kEnd64Bytes;
    const std::uint64_t stated = little_endian(locator, 8, 8);
    const auto is_end64 = [&](std::int64_t at) {
      return at >= 0 && at <= size - kEnd64Bytes && file.text(at, 4) == "PK\6\6";
    };
    if (!is_end64(end64) && stated <= static_cast<std::uint64_t>(size)) end64 = static_cast<std::int64_t>(stated);
    if (!is_end64(end64)) fail("the end of its directory is damaged");
    const std::string record = file.text(end64, kEnd64Bytes);
    place.is_zip64 = true;
    disk = little_endian(record, 16, 4);
    members = little_endian(record, 32, 8);
    bytes = little_endian(record, 40, 8);
    offset = little_endian(record, 48, 8);
    end = end64;
  }
  if (disk != 0) fail("it is a part of a zip file in several files");
  if (bytes > static_cast<std::uint64_t>(end) || offset > static_cast<std::uint64_t>(end)) {
    fail("its directory does not lie in it");
  }
  if (bytes > static_cast<std::uint64_t>(kDirectoryMax)) fail("its directory is larger than 256 MB");
  place.members = static_cast<std::int64_t>(std::min<std::uint64_t>(members, INT64_MAX));
  place.directory_bytes = static_cast<std::int64_t>(bytes);
  place.directory = end - place.directory_bytes;
  place.base = place.directory - static_cast<std::int64_t>(offset);
  const auto is_directory = [&](std::int64_t at) {
    return place.members == 0 || (at >= 0 && at <= end - 4 && file.text(at, 4) == "PK\1\2");
  };
  if (place.base < 0 || !is_directory(place.directory)) {
    // Something lies between the directory and its end.
    place.directory = static_cast<std::int64_t>(offset);
    place.base = 0;
    if (place.directory > end - place.directory_bytes || !is_directory(place.directory)) {
      fail("its directory is not where it should be");
    }
  }
  return place;
}

std::int64_t zip_start(const ForeignFile& file) {
  const auto place = find_zip(file);
  if (!place) fail_foreign(file, kCode, "not a zip file");
  Zip zip(file, *place);
  zip.read();
  return zip.start();
}

std::shared_ptr<Archive> open_zip(std::shared_ptr<const ForeignFile> file) {
  const auto place = find_zip(*file);
  if (!place) {
    fail_foreign(*file, kCode, "not a zip file (hint: its directory is not at its end; was it cut short?)");
  }
  ForeignListing listing = Zip(*file, *place).read();
  return open_packed(std::move(file), std::move(listing), kCode);
}

}  // namespace starlit
