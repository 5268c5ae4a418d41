// SPDX-License-Identifier: MIT
//
// Finding an archive in a file, and each of the ways in which there is none.

#include "archive/mark.h"

#include <fcntl.h>

#include "support.h"

using namespace starlit;

namespace {

std::string small_kit() { return kit_bytes({new_file("main.tcl", "puts hello\n"), new_file("lib/a.tcl", "# a\n")}); }

Location locate(std::string_view bytes) { return locate_archive(as_bytes(bytes), "app.kit"); }

Error failure(std::string_view bytes) {
  return error_of([&] { locate(bytes); });
}

std::string mark_at(std::int64_t offset) {
  const auto mark = encode_mark(FileOffset(offset));
  return {mark.data(), mark.size()};
}

void put(std::string& bytes, std::size_t at, std::string_view value) { bytes.replace(at, value.size(), value); }

}  // namespace

TEST_CASE("a mark is SQLite's magic and the offset, big endian") {
  CHECK(mark_at(0x1000) == std::string("Start-Of-SQLite3-\0\0\0\0\0\0\x10\0", 25));
  CHECK(mark_at(0x0102030405060708) == "Start-Of-SQLite3-\x01\x02\x03\x04\x05\x06\x07\x08");
}

TEST_CASE("a mark reads back; what is none does not") {
  CHECK(decode_mark(mark_at(4096)) == 4096u);
  CHECK(decode_mark("Start-Of-SQLite3-\xff\xff\xff\xff\xff\xff\xff\xff") == 0xffffffffffffffffu);
  CHECK_FALSE(decode_mark(""));
  CHECK_FALSE(decode_mark(mark_at(4096).substr(0, 24)));
  CHECK_FALSE(decode_mark(mark_at(4096) + "x"));
  CHECK_FALSE(decode_mark("start-Of-SQLite3-\0\0\0\0\0\0\x10\0"));
}

TEST_CASE("the archive of a kit begins behind its header and ends before its mark") {
  const std::string kit = small_kit();
  const Location location = locate(kit);
  CHECK(location.offset == FileOffset(4096));
  CHECK(location.size_bytes == static_cast<std::int64_t>(kit.size()) - 4096 - 25);
  CHECK(location.has_mark);
}

TEST_CASE("a plain archive is the whole file") {
  const std::string plain = plain_bytes({new_file("a", "b")});
  const Location location = locate(plain);
  CHECK(location.offset == FileOffset(0));
  CHECK(location.size_bytes == static_cast<std::int64_t>(plain.size()));
  CHECK_FALSE(location.has_mark);
}

TEST_CASE("a plain archive whose last bytes read like a mark is still a plain archive") {
  // A stored member's last page ends the file; find the length that fills it, and let it end with a mark.
  std::string plain;
  for (std::size_t size = 2000; size < 2600 && !plain.ends_with(mark_at(4096)); ++size) {
    plain = plain_bytes({new_file("inner.kit", noise(size) + mark_at(4096))});
  }
  REQUIRE(plain.ends_with(mark_at(4096)));
  const Location location = locate(plain);
  CHECK(location.offset == FileOffset(0));
  CHECK(location.size_bytes == static_cast<std::int64_t>(plain.size()));
}

TEST_CASE("a file is located as its bytes are") {
  const Scratch scratch;
  const std::string kit = small_kit();
  write_host_file(scratch / "a.kit", kit);
  const Location location = locate_archive(open_regular(scratch / "a.kit"), scratch / "a.kit");
  CHECK(location.offset == FileOffset(4096));
  CHECK(location.size_bytes == static_cast<std::int64_t>(kit.size()) - 4096 - 25);
}

TEST_CASE("an empty file says so") {
  const Error error = failure("");
  CHECK(error.text() == "couldn't open \"app.kit\": the file is empty");
  CHECK(error.code() == "EMPTY");
}

TEST_CASE("a file without a mark is no kit") {
  for (const std::string_view bytes : {"x", "puts hello\n", "Start-Of-SQLite3-", "\x7f" "ELF and so on"}) {
    INFO(bytes);
    const Error error = failure(bytes);
    CHECK(error.text() ==
          "couldn't open \"app.kit\": not a kit (hint: it has no mark at its end; was it cut short?)");
    CHECK(error.code() == "NOTKIT");
  }
}

TEST_CASE("a kit cut at any length is no kit") {
  const std::string kit = small_kit();
  for (std::size_t size = 1; size < kit.size(); ++size) {
    INFO(size);
    CHECK(failure(std::string_view(kit).substr(0, size)).code() == "NOTKIT");
  }
}

TEST_CASE("a plain archive cut at any length is cut short") {
  const std::string plain = plain_bytes({new_file("a", "b")});
  for (std::size_t size = 1; size < plain.size(); ++size) {
    INFO(size);
    CHECK(failure(std::string_view(plain).substr(0, size)).code() == (size < 16 ? "NOTKIT" : "CUT"));
  }
  const std::string all = std::to_string(plain.size());
  CHECK(failure(std::string_view(plain).substr(0, 600)).text() ==
        "couldn't open \"app.kit\": the archive is cut short: 600 of " + all + " bytes are there");
  CHECK(failure(std::string_view(plain).substr(0, 99)).text() ==
        "couldn't open \"app.kit\": the archive is cut short");
}

TEST_CASE("a kit that lost bytes in its middle is cut short") {
  std::string kit = small_kit();
  kit.erase(kit.size() - 600, 512);
  CHECK(failure(kit).code() == "CUT");
}

TEST_CASE("bytes behind the mark are counted") {
  const std::string kit = small_kit();
  CHECK(failure(kit + "abc").text() ==
        "couldn't open \"app.kit\": 3 bytes follow its mark (hint: remove what was appended)");
  CHECK(failure(kit + "abc").code() == "MARKNOTLAST");
  CHECK(failure(kit + "\n").code() == "MARKNOTLAST");
  CHECK(failure(kit + std::string(60000, '\0')).code() == "MARKNOTLAST");
}

TEST_CASE("what is left of a kit when its header is cut off is a plain archive, whatever its mark says") {
  const std::string tail = small_kit().substr(4096);
  const Location location = locate(tail);
  CHECK(location.offset == FileOffset{0});
  CHECK(location.size_bytes == static_cast<std::int64_t>(tail.size()));
  CHECK_FALSE(location.has_mark);
}

TEST_CASE("a mark that points nowhere is invalid") {
  const std::string kit = small_kit();
  const std::string body = kit.substr(0, kit.size() - 25);
  for (const std::int64_t offset :
       {std::int64_t{1}, std::int64_t{4095}, std::int64_t{1} << 40, std::int64_t{-1}, std::int64_t{-512},
        static_cast<std::int64_t>(body.size())}) {
    INFO(offset);
    CHECK(failure(body + mark_at(offset)).code() == "MARK");
  }
  CHECK(failure(std::string(7, 'x') + mark_at(1 << 20)).text() ==
        "couldn't open \"app.kit\": its mark is invalid: it names offset 1048576 in a file of 32 bytes");
}

TEST_CASE("a mark that points into the archive finds no database there") {
  const std::string kit = small_kit();
  const Error error = failure(kit.substr(0, kit.size() - 25) + mark_at(4096 + 512));
  CHECK(error.code() == "NOTDB");
  CHECK(error.text() ==
        "couldn't open \"app.kit\": the archive is encrypted or damaged (hint: it does not begin as an SQLite database)");
}

TEST_CASE("an encrypted archive says so") {
  std::string kit = small_kit();
  put(kit, 4096, noise(kit.size() - 4096 - 25));
  CHECK(failure(kit).code() == "NOTDB");
}

TEST_CASE("an archive in WAL mode says how to take it out of it") {
  const Scratch scratch;
  make_database(scratch / "wal.kit", std::string("PRAGMA journal_mode=wal;") + kSqlar);
  const Error error = failure(read_host_file(scratch / "wal.kit"));
  CHECK(error.code() == "WAL");
  CHECK(error.text() ==
        "couldn't open \"app.kit\": the archive is in WAL mode (hint: take it out of it with the sqlite3 shell: PRAGMA "
        "journal_mode=delete)");
}

TEST_CASE("a page size that SQLite does not have is damage") {
  std::string kit = small_kit();
  put(kit, 4096 + 16, std::string("\0\0", 2));
  CHECK(failure(kit).text() == "couldn't open \"app.kit\": the archive is damaged: its page size is 0");
  put(kit, 4096 + 16, std::string("\x02\x01", 2));
  CHECK(failure(kit).text() == "couldn't open \"app.kit\": the archive is damaged: its page size is 513");
  put(kit, 4096 + 16, std::string("\x01\x00", 2));
  CHECK(failure(kit).code() == "CORRUPT");
}

TEST_CASE("an archive whose text is UTF-16 is refused: its names are in another order") {
  const std::string sql = std::string("PRAGMA encoding='UTF-16le';") + kSqlar;
  CHECK(failure(database_bytes(sql)).posix() == EINVAL);
}

TEST_CASE("the size that a database states is its pages") {
  const std::string plain = plain_bytes({new_file("a", "b")});
  CHECK(database_size(std::string_view(plain).substr(0, 100)) == static_cast<std::int64_t>(plain.size()));
  CHECK(database_size(std::string_view(plain).substr(0, 99)) == 0);
  std::string header = plain.substr(0, 100);
  put(header, 92, "\1\2\3\4");  // written by a version that did not know the field
  CHECK(database_size(header) == 0);
}
