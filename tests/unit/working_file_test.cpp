// SPDX-License-Identifier: MIT
//
// A working file against the plainest model there is: a string.

#include "archive/working_file.h"

#include <fcntl.h>

#include <random>

#include "archive/editor.h"
#include "base/file.h"
#include "support.h"

using namespace starlit;

namespace {

constexpr std::int64_t kPiece = kChunkBytes;

// Makes temporary files in a scratch directory, and counts them.
class Temporaries {
 public:
  std::function<Fd()> maker() {
    return [this] {
      ++made;
      return open_file(scratch_.path(), O_TMPFILE | O_RDWR, 0600);
    };
  }
  int made = 0;

 private:
  Scratch scratch_;
};

std::string all_of(WorkingFile& file) {
  std::string content(static_cast<std::size_t>(file.size_bytes()), '?');
  REQUIRE(file.read(0, std::as_writable_bytes(std::span(content))) == content.size());
  return content;
}

// write(), truncate() and read() on a string.
void write_to(std::string& model, std::size_t offset, std::string_view bytes) {
  if (bytes.empty()) return;
  if (model.size() < offset + bytes.size()) model.resize(offset + bytes.size());
  model.replace(offset, bytes.size(), bytes);
}

// Does `steps` random things to both, and compares what each reads.
void compare(WorkingFile& file, std::string model, unsigned seed, int steps, std::size_t size_max) {
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const std::string source = noise(600'000);
  const auto place = [&] {
    // At random, and where faults are: at the borders of pieces and at the end.
    const std::size_t piece = random() % (size_max / kPiece + 1) * kPiece;
    const std::size_t near = std::min(size_max, piece + random() % 3);
    const std::size_t places[] = {random() % size_max, near, near > 2 ? near - 2 : 0, model.size(),
                                  std::min(size_max, model.size() + random() % 5000)};
    return places[random() % 5];
  };
  for (int step = 0; step < steps; ++step) {
    INFO("step " << step);
    const std::size_t at = place();
    const std::size_t size = random() % 4 == 0 ? random() % source.size() : random() % 300;
    switch (random() % 5) {
      case 0:
      case 1: {
        const auto bytes = std::string_view(source).substr(random() % (source.size() - size), size);
        file.write(static_cast<std::int64_t>(at), as_bytes(bytes));
        write_to(model, at, bytes);
        break;
      }
      case 2:
        if (random() % 3 != 0) break;
        file.truncate(static_cast<std::int64_t>(at));
        model.resize(at);
        break;
      default: {
        std::string found(size, '?');
        const std::size_t got = file.read(static_cast<std::int64_t>(at), std::as_writable_bytes(std::span(found)));
        const std::string expected = at < model.size() ? model.substr(at, size) : "";
        REQUIRE(got == expected.size());
        REQUIRE((found.substr(0, got) == expected));
      }
    }
    REQUIRE(file.size_bytes() == static_cast<std::int64_t>(model.size()));
  }
  CHECK((all_of(file) == model));
}

// An archive in a file with one member of the given content.
std::shared_ptr<Archive> archive_with(const Scratch& scratch, const std::string& content) {
  write_host_file(scratch / "a.kit", kit_bytes({new_file("x", "")}));
  const auto archive = Archive::open_file(scratch / "a.kit", Access::kWrite);
  Temporaries temporaries;
  WorkingFile file(nullptr, temporaries.maker());
  file.write(0, as_bytes(content));
  Editor(archive).put_file("base", 0644, 1, file);
  return archive;
}

}  // namespace

TEST_CASE("a working file without a base is what was written into it") {
  for (unsigned seed = 0; seed < 12; ++seed) {
    Temporaries temporaries;
    WorkingFile file(nullptr, temporaries.maker());
    compare(file, "", seed, 200, seed % 2 == 0 ? 3000 : 3'000'000);
  }
}

TEST_CASE("a working file over a content of any kind is that with what was written into it") {
  struct Base {
    const char* what;
    std::string content;
    bool in_chunks;
  };
  const Base bases[] = {
      {"empty", "", false},
      {"one byte", "x", false},
      {"in memory", noise(5000), false},
      {"as large as memory takes", noise(1 << 20), false},
      {"one byte more than that", noise((1 << 20) + 1), false},
      {"read whole, deflated", text(3'000'000), false},
      {"read in pieces, as it is", noise(6'000'001), false},
      {"read in pieces, deflated", text(6'000'001), false},
      {"in chunks", noise((16 << 20) + 1), true},
  };
  for (const Base& base : bases) {
    INFO(base.what);
    const Scratch scratch;
    const auto archive = archive_with(scratch, base.content);
    REQUIRE((archive->find("base")->chunks != 0) == base.in_chunks);
    for (unsigned seed = 0; seed < (base.in_chunks ? 2 : 4); ++seed) {
      Temporaries temporaries;
      WorkingFile file(archive->open("base"), temporaries.maker());
      CHECK(temporaries.made == (base.content.size() > WorkingFile::kInMemoryMax ? 1 : 0));
      compare(file, base.content, seed, 100, base.content.size() + 1'000'000);
    }
    CHECK((content_of(*archive, "base") == base.content));
  }
}

TEST_CASE("a working file over a file of the host is that file's content") {
  const Scratch scratch;
  for (const std::size_t size : {std::size_t{0}, std::size_t{5000}, std::size_t{3'000'000}}) {
    const std::string content = noise(size);
    write_host_file(scratch / "f", content);
    WorkingFile file(open_file(scratch / "f", O_RDONLY), static_cast<std::int64_t>(size));
    CHECK((all_of(file) == content));
  }
}

TEST_CASE("a file of the host that is shorter than was said is as long as it is") {
  const Scratch scratch;
  write_host_file(scratch / "f", "12345");
  WorkingFile file(open_file(scratch / "f", O_RDONLY), 100);
  CHECK(file.size_bytes() == 5);
  CHECK(all_of(file) == "12345");
}

TEST_CASE("a small working file stays in memory, a larger one is in one temporary file") {
  Temporaries temporaries;
  WorkingFile file(nullptr, temporaries.maker());
  file.write(0, as_bytes(noise(1 << 20)));
  CHECK(temporaries.made == 0);
  REQUIRE(file.bytes());
  CHECK(file.bytes()->size() == 1 << 20);
  file.write(1 << 20, as_bytes("x"));
  CHECK(temporaries.made == 1);
  CHECK_FALSE(file.bytes());
  file.truncate(0);
  file.write(0, as_bytes("y"));
  CHECK(all_of(file) == "y");
  CHECK(temporaries.made == 1);
}

TEST_CASE("what was cut off does not come back when the file grows again") {
  const Scratch scratch;
  const auto archive = archive_with(scratch, noise(6'000'001));
  for (const std::int64_t cut : {std::int64_t{0}, std::int64_t{1}, kPiece - 1, kPiece, kPiece + 1, 3 * kPiece + 77}) {
    INFO(cut);
    Temporaries temporaries;
    WorkingFile file(archive->open("base"), temporaries.maker());
    file.write(2 * kPiece, as_bytes("a piece that is there"));
    std::string model = noise(6'000'001);
    write_to(model, static_cast<std::size_t>(2 * kPiece), "a piece that is there");
    file.truncate(cut);
    file.truncate(6'000'001);
    model.resize(static_cast<std::size_t>(cut));
    model.resize(6'000'001);
    CHECK((all_of(file) == model));
  }
}

TEST_CASE("beyond 4 GiB a working file holds what is written there and zeros before") {
  Temporaries temporaries;
  WorkingFile file(nullptr, temporaries.maker());
  const std::int64_t far = (std::int64_t{5} << 30) - 3;
  file.write(far, as_bytes("beyond"));
  CHECK(file.size_bytes() == far + 6);
  std::string found(10, '?');
  CHECK(file.read(far - 4, std::as_writable_bytes(std::span(found))) == 10);
  CHECK(found == std::string(4, '\0') + "beyond");
  CHECK(file.read((std::int64_t{4} << 30) - 5, std::as_writable_bytes(std::span(found))) == 10);
  CHECK(found == std::string(10, '\0'));
  file.truncate(std::int64_t{6} << 30);
  CHECK(file.read((std::int64_t{6} << 30) - 2, std::as_writable_bytes(std::span(found))) == 2);
  CHECK(file.read(std::int64_t{6} << 30, std::as_writable_bytes(std::span(found))) == 0);
}

TEST_CASE("a working file that would be too large is EFBIG and stays as it was") {
  Temporaries temporaries;
  WorkingFile file(nullptr, temporaries.maker());
  file.write(0, as_bytes("x"));
  CHECK(error_of([&] { file.write(kChunkedSizeMax, as_bytes("y")); }).posix() == EFBIG);
  CHECK(error_of([&] { file.write(INT64_MAX, as_bytes("y")); }).posix() == EFBIG);
  CHECK(error_of([&] { file.truncate(kChunkedSizeMax + 1); }).posix() == EFBIG);
  CHECK(all_of(file) == "x");
}

TEST_CASE("a disk that is full while a working file leaves memory is ENOSPC's like, and it keeps what it has") {
  Temporaries temporaries;
  WorkingFile file(nullptr, temporaries.maker());
  file.write(0, as_bytes(std::string(1000, 'a')));
  {
    const FullDisk full(4096);
    CHECK(error_of([&] { file.write(2 << 20, as_bytes("x")); }).posix() == EFBIG);
  }
  CHECK(all_of(file) == std::string(1000, 'a'));
  file.write(2 << 20, as_bytes("x"));
  CHECK(file.size_bytes() == (2 << 20) + 1);
}

TEST_CASE("a piece is untouched only where all of it is still the base's") {
  const Scratch scratch;
  const std::int64_t size = (16 << 20) + 1000;
  const auto archive = archive_with(scratch, noise(static_cast<std::size_t>(size)));
  Temporaries temporaries;
  WorkingFile file(archive->open("base"), temporaries.maker());
  REQUIRE(file.base_chunks() != nullptr);
  const std::int64_t last = size / kPiece;
  CHECK(file.is_untouched(0));
  CHECK(file.is_untouched(last));
  file.write(5 * kPiece + 7, as_bytes("x"));
  CHECK(file.is_untouched(4));
  CHECK_FALSE(file.is_untouched(5));
  CHECK(file.is_untouched(6));
  file.write(size, as_bytes("x"));
  CHECK_FALSE(file.is_untouched(last));
  file.truncate(10 * kPiece + 1);
  CHECK(file.is_untouched(9));
  CHECK_FALSE(file.is_untouched(10));
  file.truncate(size);
  CHECK(file.is_untouched(9));
  CHECK_FALSE(file.is_untouched(10));
  CHECK_FALSE(file.is_untouched(11));
}
