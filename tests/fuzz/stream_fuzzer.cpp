// SPDX-License-Identifier: MIT
//
// Input: deflated data that may be damaged, and places to read in a member that is too large to be held. What comes
// is compared with what zlib makes of the same data in one go. Numbers are big endian:
//
//     content   1 byte: 0 noise, stored; 1 lines and some noise, deflated to 300 KB; 2 lines,
//               deflated to 30 KB
//     size      1 signed byte: what the stated size is more than the true one
//     cut       1 byte: how many bytes of the deflated data's end are missing, or, from 128 on, too many
//     changes   1 byte: how many, then for each 4 bytes: where, 1 byte: what
//     reads     each 4 bytes: offset, 3 bytes: size
//
// The pieces read end within 12 MB: a longer way through the data would only be slow.

#include <zlib.h>

#include <algorithm>
#include <array>
#include <vector>

#include "fuzzer.h"

namespace starlit {
namespace {

// Above the size up to which reader.cpp holds members whole.
constexpr std::size_t kContentBytes = (4 << 20) + 12345;
constexpr std::int64_t kWayMax = 12 << 20;
constexpr std::size_t kReadsMax = 12;

std::string make_content(int kind) {
  std::uint64_t state = 88172645463325252u;  // xorshift64* (Vigna, https://arxiv.org/abs/1402.6246)
  std::string content(kContentBytes, '\0');
  std::uint64_t line = 0;
  for (std::size_t i = 0; i < content.size(); ++i) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    const std::uint64_t random = state * 2685821657736338717u >> 56;
    if (kind == 0 || (kind == 1 && i % 65536 < 8192)) {
      content[i] = static_cast<char>(random & (kind == 0 ? 255 : 15));
    } else {
      if (i % 4096 == 0) line = random;
      content[i] = static_cast<char>('a' + (line + i) % 23);
    }
  }
  return content;
}

struct Content {
  std::string bytes;
  std::string deflated;
};

const Content& content_of_kind(int kind) {
  static const std::array<Content, 3> contents = [] {
    std::array<Content, 3> made;
    Deflater deflater(1);
    for (int i = 0; i < 3; ++i) {
      auto& content = made[static_cast<std::size_t>(i)];
      content.bytes = make_content(i);
      if (i != 0) content.deflated = as_text(deflater.deflate(as_bytes(content.bytes)));
    }
    return made;
  }();
  return contents[static_cast<std::size_t>(kind)];
}

// What zlib makes of data: the content as far as it goes, and whether it is exactly `size` bytes and sound.
struct Reference {
  std::string bytes;
  bool sound = false;
};

Reference inflate_whole(std::string_view data, std::size_t size) {
  Reference reference;
  reference.bytes.resize(size + 1);
  z_stream stream{};
  require(inflateInit(&stream) == Z_OK, "zlib begins");
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(reference.bytes.data());
  stream.avail_out = static_cast<uInt>(reference.bytes.size());
  const int code = ::inflate(&stream, Z_NO_FLUSH);
  reference.bytes.resize(reference.bytes.size() - stream.avail_out);
  reference.sound = code == Z_STREAM_END && reference.bytes.size() == size;
  inflateEnd(&stream);
  return reference;
}

std::string database_of(std::string_view data, std::int64_t size) {
  const Database database = open_database(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr, "");
  execute(database.get(), "CREATE TABLE sqlar(name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB)", "");
  const Statement insert = prepare(database.get(), "INSERT INTO sqlar VALUES('big', 33188, 0, ?1, ?2)", "");
  sqlite3_bind_int64(insert.get(), 1, size);
  sqlite3_bind_blob64(insert.get(), 2, data.data(), data.size(), SQLITE_STATIC);
  require(sqlite3_step(insert.get()) == SQLITE_DONE, "a row is written");
  sqlite3_int64 bytes_size = 0;
  const std::unique_ptr<unsigned char, Calls<sqlite3_free>> bytes(
      sqlite3_serialize(database.get(), "main", &bytes_size, 0));
  return {reinterpret_cast<const char*>(bytes.get()), static_cast<std::size_t>(bytes_size)};
}

// Reads as the input says, and compares. Returns whether all of it could be read.
bool read_pieces(Archive& archive, const Reference& reference, std::int64_t size, Choices& choices) {
  bool good = true;
  std::unique_ptr<MemberReader> reader;
  good &= answers([&] { reader = archive.open("big"); });
  if (!reader) return false;
  require(reader->size_bytes() == size, "a content's size is the stated one");
  require(!reader->bytes(), "a large member is not held");
  std::int64_t way = 0;
  std::vector<std::byte> piece;
  for (std::size_t i = 0; i < kReadsMax && !choices.empty(); ++i) {
    const auto offset = static_cast<std::int64_t>(choices.number(4)) % (size + 100);
    const auto wanted = static_cast<std::int64_t>(choices.number(3)) % (2 << 20);
    way += offset + wanted;
    if (way > kWayMax) break;
    piece.resize(static_cast<std::size_t>(wanted));
    const std::int64_t there = std::clamp<std::int64_t>(size - offset, 0, wanted);
    const bool answered = answers([&] {
      const std::size_t got = reader->read(offset, piece);
      require(got == static_cast<std::size_t>(there), "read() gives fewer bytes only at the end");
      const auto known = static_cast<std::int64_t>(reference.bytes.size());
      if (known <= offset) return;
      const auto compared = static_cast<std::size_t>(std::min(known - offset, there));
      require(as_text(piece).substr(0, compared) ==
                  std::string_view(reference.bytes).substr(static_cast<std::size_t>(offset), compared),
              "the bytes are those that zlib gives");
    });
    require(answered || !reference.sound, "sound data can be read");
    if (there > 0 && offset + there == size) {
      require(answered == reference.sound, "at the end it is known whether the data was sound");
    }
    good &= answered;
  }
  return good && reference.sound;
}

}  // namespace

bool run_input(Bytes input) {
  Choices choices(input);
  const int kind = choices.byte() % 3;
  const Content& content = content_of_kind(kind);
  const std::int64_t size =
      static_cast<std::int64_t>(content.bytes.size()) + (kind == 0 ? 0 : static_cast<std::int8_t>(choices.byte()));
  if (kind == 0) {
    static const std::string database = database_of(content.bytes, size);
    const auto archive = Archive::open_bytes(as_bytes(database), "app.kit");
    return read_pieces(*archive, {content.bytes, true}, size, choices);
  }
  std::string data = content.deflated;
  const std::uint8_t cut = choices.byte();
  data.resize(cut < 128 ? data.size() - cut : data.size() + cut - 127u, 'x');
  for (int changes = choices.byte(); changes > 0; --changes) {
    const auto at = static_cast<std::size_t>(choices.number(4)) % data.size();
    data[at] = static_cast<char>(choices.byte());
  }
  const std::string database = database_of(data, size);
  const auto archive = Archive::open_bytes(as_bytes(database), "app.kit");
  return read_pieces(*archive, inflate_whole(data, static_cast<std::size_t>(size)), size, choices);
}

}  // namespace starlit
