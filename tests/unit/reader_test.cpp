// SPDX-License-Identifier: MIT
//
// Members' content: whole and in parts, small and large, and what is wrong with it.

#include <set>

#include "support.h"

using namespace starlit;

namespace {

// Above what is held whole (4 MB), below and above as deflated data.
constexpr std::size_t kLarge = 6'000'000;

std::string part_of(MemberReader& reader, std::int64_t offset, std::size_t size) {
  std::string part(size, '\0');
  part.resize(reader.read(offset, std::as_writable_bytes(std::span(part))));
  return part;
}

void check_reads(Archive& archive, const std::string& name, const std::string& content) {
  const auto reader = archive.open(name);
  REQUIRE(reader);
  REQUIRE(reader->size_bytes() == static_cast<std::int64_t>(content.size()));
  const std::size_t size = content.size();
  // Forward, over pieces, back to the start, backward, across and beyond the end.
  for (const auto& [offset, count] : std::vector<std::pair<std::size_t, std::size_t>>{
           {0, 10}, {10, 100000}, {size / 2, 70000}, {0, 1}, {size - 5, 5}, {size - 5, 100}, {size / 3, 1}, {1, 0}}) {
    INFO(offset << " " << count);
    CHECK((part_of(*reader, static_cast<std::int64_t>(offset), count) == content.substr(offset, count)));
  }
  CHECK(reader->read(0, {}) == 0);  // no memory to write to: for the sanitizers
  CHECK(part_of(*reader, static_cast<std::int64_t>(size), 10).empty());
  CHECK(part_of(*reader, static_cast<std::int64_t>(size) + 1000, 10).empty());
  CHECK((content_of(archive, name) == content));
}

Error open_error(const std::string& sql) {
  SqlArchive archive(sql);
  return error_of([&] { content_of(*archive, "a"); });
}

}  // namespace

TEST_CASE("small members are held whole and read in any order") {
  const std::string small(100000, 't');
  const std::string bytes = plain_bytes({new_file("deflated", small), new_file("stored", noise(100000)), new_file("empty", "")});
  const auto archive = open_kit(bytes);
  check_reads(*archive, "deflated", small);
  check_reads(*archive, "stored", noise(100000));
  CHECK(archive->open("deflated")->bytes());
  CHECK(archive->find("deflated")->stored_bytes < 1000);
  CHECK(archive->find("stored")->stored_bytes == 100000);
  const auto empty = archive->open("empty");
  REQUIRE(empty);
  CHECK(empty->size_bytes() == 0);
  CHECK(part_of(*empty, 0, 10).empty());
}

TEST_CASE("a large stored member is read in pieces") {
  const std::string content = noise(kLarge);
  const std::string bytes = plain_bytes({new_file("large", content)});
  const auto archive = open_kit(bytes);
  CHECK_FALSE(archive->open("large")->bytes());
  CHECK(archive->find("large")->stored_bytes == 6000000);
  check_reads(*archive, "large", content);
}

TEST_CASE("a large deflated member is read in pieces, also backward") {
  const std::string content = text(kLarge);
  const std::string bytes = plain_bytes({new_file("large", content)});
  const auto archive = open_kit(bytes);
  CHECK_FALSE(archive->open("large")->bytes());
  CHECK(archive->find("large")->stored_bytes < 4000000);
  check_reads(*archive, "large", content);
}

TEST_CASE("two readers of one member do not disturb each other") {
  const std::string content = text(kLarge);
  const std::string bytes = plain_bytes({new_file("large", content)});
  const auto archive = open_kit(bytes);
  const auto one = archive->open("large");
  const auto two = archive->open("large");
  for (std::int64_t offset = 0; offset < 3'000'000; offset += 500'000) {
    CHECK((part_of(*one, offset, 100) == content.substr(static_cast<std::size_t>(offset), 100)));
    CHECK((part_of(*two, offset + 100, 100) == content.substr(static_cast<std::size_t>(offset) + 100, 100)));
  }
}

TEST_CASE("a reader keeps its archive") {
  const std::string content = text(kLarge);
  const std::string bytes = plain_bytes({new_file("large", content)});
  auto archive = open_kit(bytes);
  const auto reader = archive->open("large");
  archive.reset();
  CHECK((part_of(*reader, 1000, 100) == content.substr(1000, 100)));
}

TEST_CASE("only files are opened") {
  const std::string bytes = plain_bytes({new_file("d/f", "x"), new_directory("e"), new_link("l", "d/f")});
  const auto archive = open_kit(bytes);
  CHECK(archive->open("d/f"));
  for (const std::string_view name : {"", "d", "e", "l", "no", "d/f/x"}) {
    INFO(name);
    CHECK_FALSE(archive->open(name));
  }
}

TEST_CASE("a file whose data is text is read as bytes") {
  SqlArchive archive("INSERT INTO sqlar VALUES('a', 33188, 0, 6, 'gr\xc3\xbc\xc3\x9f');");
  CHECK(content_of(*archive, "a") == "gr\xc3\xbc\xc3\x9f");
}

TEST_CASE("an archive in an archive is read where it lies") {
  const std::string inner = kit_bytes({new_file("main.tcl", "puts inner\n")});
  const std::string outer = kit_bytes({new_file("inner.kit", inner), new_file("text", "not a kit, but long enough for a mark")});
  const auto archive = open_kit(outer);
  const auto nested = Archive::open_content(*archive->open("inner.kit"), "app.kit/inner.kit");
  CHECK(content_of(*nested, "main.tcl") == "puts inner\n");
  CHECK(error_of([&] { Archive::open_content(*archive->open("text"), "app.kit/text"); }).code() == "NOTKIT");
}

TEST_CASE("a size below what is stored lies") {
  const Error error = open_error("INSERT INTO sqlar VALUES('a', 33188, 0, 2, x'616263');");
  CHECK(error.code() == "SIZE");
  CHECK(error.text() == "couldn't read \"app.kit/a\": its size lies: 2 bytes cannot be stored in 3");
  CHECK(open_error("INSERT INTO sqlar VALUES('a', 33188, 0, -5, x'616263');").code() == "SIZE");
  CHECK(open_error("INSERT INTO sqlar VALUES('a', 33188, 0, NULL, x'616263');").code() == "SIZE");
}

TEST_CASE("a size that deflate cannot reach lies, and takes no memory") {
  CHECK(open_error("INSERT INTO sqlar VALUES('a', 33188, 0, 100000, x'616263');").code() == "SIZE");
  CHECK(open_error("INSERT INTO sqlar VALUES('a', 33188, 0, 1000000000000000, x'616263');").code() == "SIZE");
  CHECK(open_error("INSERT INTO sqlar VALUES('a', 33188, 0, 9223372036854775807, x'616263');").code() == "SIZE");
  CHECK(open_error("INSERT INTO sqlar VALUES('a', 33188, 0, 5000000, x'');").code() == "SIZE");
  SqlArchive archive("INSERT INTO sqlar VALUES('a', 33188, 0, 1000000000000000, x'616263');");
  CHECK(error_of([&] { archive->find("a"); }).code() == "SIZE");
  CHECK(error_of([&] { children_of(*archive, ""); }).code() == "SIZE");
}

TEST_CASE("a file without data is empty, or its size lies") {
  SqlArchive archive("INSERT INTO sqlar VALUES('a', 33188, 0, 0, NULL); INSERT INTO sqlar VALUES('b', 33188, 0, 5, NULL);");
  CHECK(content_of(*archive, "a") == "");
  CHECK(error_of([&] { content_of(*archive, "b"); }).posix() == EIO);
}

TEST_CASE("deflate data that is broken is damage") {
  const Error error = open_error("INSERT INTO sqlar VALUES('a', 33188, 0, 10, x'616263');");
  CHECK(error.text() == "couldn't read \"app.kit/a\": its deflated data is damaged");
  CHECK(error.code() == "DATA");
  CHECK(error.posix() == EIO);
}

TEST_CASE("deflate data of another size than stated is damage") {
  for (const int size : {99, 101, 500}) {
    INFO(size);
    CHECK(open_error("INSERT INTO sqlar VALUES('a', 33188, 0, " + std::to_string(size) +
                     ", deflate(zeroblob(100)));")
              .code() == "DATA");
  }
}

TEST_CASE("deflate data that expands beyond its small size is damage") {
  CHECK(open_error("INSERT INTO sqlar VALUES('a', 33188, 0, 100000, deflate(zeroblob(20000000)));").code() == "DATA");
}

TEST_CASE("deflate data that expands beyond its large size is damage") {
  CHECK(open_error("INSERT INTO sqlar VALUES('a', 33188, 0, 5000000, deflate(text(8000000)));").code() == "DATA");
}

TEST_CASE("large deflate data that ends before its size is damage") {
  const Error error = open_error("INSERT INTO sqlar VALUES('a', 33188, 0, 6000000, deflate(text(5999999)));");
  CHECK(error.code() == "DATA");
  CHECK(error.text() == "couldn't read \"app.kit/a\": its deflated data ends before its size is reached");
}

TEST_CASE("large deflate data that is cut at any end is damage") {
  SqlArchive archive(
      "INSERT INTO sqlar VALUES('a', 33188, 0, 6000000, deflate(text(6000000)));"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<12)"
      "INSERT INTO sqlar SELECT 'cut' || i, 33188, 0, 6000000, substr(data, 1, length(data)-i) FROM sqlar, n "
      "WHERE name='a';");
  CHECK((content_of(*archive, "a") == text(6000000)));
  for (int i = 1; i <= 12; ++i) {
    INFO(i);
    CHECK(error_of([&] { content_of(*archive, "cut" + std::to_string(i)); }).posix() == EIO);
  }
}

TEST_CASE("a wrong check sum of large deflate data is damage, wherever the piece of it ends") {
  // 65,536 bytes are read at a time. Find contents whose check sum lies before, across and behind that.
  Deflater deflater(1);
  std::set<std::size_t> seen;
  std::size_t padding = 30000;
  for (int tries = 0; tries < 200 && seen.size() < 6; ++tries) {
    const std::string content = noise(padding) + std::string(5'000'000, 'z');
    const Bytes deflated = deflater.deflate(as_bytes(content));
    std::string data(reinterpret_cast<const char*>(deflated.data()), deflated.size());
    const std::size_t wanted = 65535 + seen.size();
    if (data.size() != wanted) {
      padding += wanted - data.size();
      continue;
    }
    seen.insert(data.size());
    data.back() = static_cast<char>(data.back() ^ 1);
    static constexpr char kHex[] = "0123456789abcdef";
    std::string hex;
    for (const char c : data) {
      hex += kHex[static_cast<unsigned char>(c) >> 4];
      hex += kHex[c & 15];
    }
    INFO(data.size());
    CHECK(open_error("INSERT INTO sqlar VALUES('a', 33188, 0, " + std::to_string(content.size()) + ", x'" + hex + "');")
              .code() == "DATA");
  }
  CHECK(seen == std::set<std::size_t>{65535, 65536, 65537, 65538, 65539, 65540});
}

TEST_CASE("a reader that met damage can be asked again") {
  SqlArchive archive("INSERT INTO sqlar VALUES('a', 33188, 0, 6000000, deflate(text(5000000)));");
  const auto reader = archive->open("a");
  CHECK(part_of(*reader, 1000, 5) == text(1005).substr(1000));
  CHECK(error_of([&] { part_of(*reader, 5'500'000, 5); }).posix() == EIO);
  CHECK(part_of(*reader, 1000, 5) == text(1005).substr(1000));
}
