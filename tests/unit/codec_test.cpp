// SPDX-License-Identifier: MIT

#include "archive/codec.h"

#include <cstring>

#include "support.h"

using namespace starlit;

namespace {

std::string deflated(std::string_view text, int level = 6) {
  Deflater deflater(level);
  const Bytes bytes = deflater.deflate(as_bytes(text));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// "aaaaaaaaaaaaaaaa" as Python's zlib.compress() makes it.
constexpr std::string_view kSixteenA("\x78\x9c\x4b\x4c\x44\x05\x00\x33\x98\x06\x11", 11);

}  // namespace

TEST_CASE("what cannot become smaller is not deflated") {
  CHECK(deflated("").empty());
  CHECK(deflated("a").empty());
  CHECK(deflated("abcdefgh").empty());
  CHECK(deflated(noise(1000)).empty());
  CHECK(deflated(noise(100000), 12).empty());
}

TEST_CASE("what can become smaller is deflated at every level and inflates to itself") {
  const std::string text(100000, 'a');
  for (int level = 1; level <= kLevelMax; ++level) {
    const std::string small = deflated(text, level);
    INFO(level);
    REQUIRE(!small.empty());
    CHECK(small.size() < 1000);
    std::string out(text.size(), '\0');
    Inflater inflater;
    CHECK(inflater.inflate(as_bytes(small), std::as_writable_bytes(std::span(out))));
    CHECK(out == text);
  }
}

TEST_CASE("one deflater makes the same of the same after other work") {
  const std::string text = std::string(5000, 'x') + noise(100);
  Deflater deflater(6);
  const Bytes first = deflater.deflate(as_bytes(text));
  const std::vector<std::byte> kept(first.begin(), first.end());
  const std::string other(70000, 'y');
  deflater.deflate(as_bytes(other));
  const Bytes again = deflater.deflate(as_bytes(text));
  CHECK(std::vector<std::byte>(again.begin(), again.end()) == kept);
}

TEST_CASE("data of another deflater inflates") {
  std::string out(16, '\0');
  Inflater inflater;
  CHECK(inflater.inflate(as_bytes(kSixteenA), std::as_writable_bytes(std::span(out))));
  CHECK(out == "aaaaaaaaaaaaaaaa");
}

TEST_CASE("whole data must give exactly the size that is stated") {
  Inflater inflater;
  std::string out(20, '\0');
  const auto room = std::as_writable_bytes(std::span(out));
  CHECK(inflater.inflate(as_bytes(kSixteenA), room.first(16)));
  CHECK_FALSE(inflater.inflate(as_bytes(kSixteenA), room.first(15)));
  CHECK_FALSE(inflater.inflate(as_bytes(kSixteenA), room.first(17)));
  CHECK_FALSE(inflater.inflate(as_bytes(kSixteenA), room.first(0)));
}

TEST_CASE("whole data that is broken or cut at any byte is noticed") {
  Inflater inflater;
  std::string out(16, '\0');
  const auto room = std::as_writable_bytes(std::span(out));
  for (std::size_t size = 0; size < kSixteenA.size(); ++size) {
    INFO(size);
    CHECK_FALSE(inflater.inflate(as_bytes(kSixteenA.substr(0, size)), room));
  }
  for (std::size_t at = 0; at < kSixteenA.size(); ++at) {
    std::string broken(kSixteenA);
    broken[at] = static_cast<char>(broken[at] ^ 0x55);
    INFO(at);
    CHECK_FALSE(inflater.inflate(as_bytes(broken), room));
  }
}

TEST_CASE("a stream inflates in pieces of any size") {
  const std::string text = noise(300) + std::string(20000, 'z') + noise(300);
  const std::string small = deflated(text);
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
    InflateStream stream;
    std::string out;
    std::size_t at = 0;
    bool finished = false;
    for (int turns = 0; !finished && turns < 100000; ++turns) {
      char buffer[13];
      const auto progress = stream.inflate(as_bytes(std::string_view(small).substr(at, step)),
                                           std::as_writable_bytes(std::span(buffer)));
      at += progress.consumed;
      out.append(buffer, progress.produced);
      finished = progress.finished;
    }
    INFO(step);
    CHECK(finished);
    CHECK(at == small.size());
    CHECK(out == text);
  }
}

TEST_CASE("a stream gives nothing behind its end") {
  InflateStream stream;
  char buffer[100];
  const std::string twice = std::string(kSixteenA) + std::string(kSixteenA);
  const auto progress = stream.inflate(as_bytes(twice), std::as_writable_bytes(std::span(buffer)));
  CHECK(progress.consumed == 11);
  CHECK(progress.produced == 16);
  CHECK(progress.finished);
  const auto more = stream.inflate(as_bytes(twice), std::as_writable_bytes(std::span(buffer)));
  CHECK(more.consumed == 0);
  CHECK(more.produced == 0);
  CHECK(more.finished);
}

TEST_CASE("a stream says that its data is damaged") {
  std::string broken(kSixteenA);
  broken[10] = static_cast<char>(broken[10] ^ 1);  // the check sum
  InflateStream stream;
  char buffer[100];
  const Error error = error_of([&] { stream.inflate(as_bytes(broken), std::as_writable_bytes(std::span(buffer))); });
  CHECK(error.posix() == EIO);
  CHECK(error.code() == "DATA");
}
