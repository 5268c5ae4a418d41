// SPDX-License-Identifier: MIT

#include "archive/chunks.h"

#include <fcntl.h>

#include <set>

#include "archive/editor.h"
#include "archive/session.h"
#include "support.h"

using namespace starlit;

namespace {

constexpr std::int64_t kLarge = kRowContentMax + 1;

class Kit {
 public:
  Kit() { write_host_file(path(), kit_bytes({new_file("a", "x")})); }
  std::string path() const { return scratch_ / "a.kit"; }
  std::string directory() const { return scratch_.path(); }
  std::shared_ptr<Session> session() const {
    return std::make_shared<Session>(Archive::open_file(path(), Access::kWrite));
  }
  std::string sql(const std::string& query) const {
    return run(directory(), "sqlite3 --append a.kit \"" + query + "\"");
  }
  std::string pieces() const { return sql("SELECT count(*) FROM starlit_chunk WHERE id % 16777216 <> 16777215"); }

 private:
  Scratch scratch_;
};

void put(Session& session, std::string_view name, std::string_view content) {
  const auto file = session.open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  file->write(0, as_bytes(content));
  file->close_writer();
}

std::string read(OpenFile& file, std::int64_t offset, std::size_t size) {
  std::string found(size, '?');
  found.resize(file.read(offset, std::as_writable_bytes(std::span(found))));
  return found;
}

}  // namespace

TEST_CASE("contents up to 16 MiB lie in their rows, larger ones in chunks") {
  const Kit kit;
  const auto session = kit.session();
  for (const std::int64_t size : {std::int64_t{0}, std::int64_t{1}, kRowContentMax, kLarge}) {
    INFO(size);
    const std::string content = text(static_cast<std::size_t>(size));
    put(*session, "f", content);
    CHECK((session->find("f")->chunks != 0) == (size > kRowContentMax));
    CHECK((content_of(*Archive::open_file(kit.path()), "f") == content));
    CHECK(session->find("f")->size_bytes == size);
  }
  CHECK(kit.pieces() == "65\n");
  CHECK(kit.sql("SELECT typeof(data), sz FROM sqlar WHERE name = 'f'") == "integer|16777217\n");
  CHECK(session->archive().stored_bytes(*session->archive().find("f")) < kLarge * 2 / 3);
  put(*session, "f", "small again");
  CHECK(kit.pieces() == "0\n");
  CHECK(content_of(*Archive::open_file(kit.path()), "f") == "small again");
}

TEST_CASE("a part of a large content is changed in place, and nothing else is written") {
  const Kit kit;
  const auto session = kit.session();
  std::string content = noise(kLarge);
  put(*session, "f", content);
  const std::int64_t number = session->find("f")->chunks;
  const std::string others = "SELECT sum(length(data)), count(*) FROM starlit_chunk WHERE id % 16777216 NOT IN (10, 16777215)";
  const std::string before = kit.sql(others);
  const auto file = session->open("f", O_RDWR, 0);
  file->write(10 * kChunkBytes + 5, as_bytes("changed"));
  file->close_writer();
  content.replace(static_cast<std::size_t>(10 * kChunkBytes + 5), 7, "changed");
  CHECK(session->find("f")->chunks == number);
  CHECK((content_of(*Archive::open_file(kit.path()), "f") == content));
  CHECK(kit.sql("SELECT data FROM starlit_chunk WHERE id % 16777216 = 16777215") == "1\n");
  CHECK(kit.sql(others) == before);
}

TEST_CASE("a large content is made longer and shorter in place, across all borders") {
  const Kit kit;
  const auto session = kit.session();
  std::string content = noise(kLarge);
  put(*session, "f", content);
  for (const std::int64_t size : {kLarge + 1, kLarge + kChunkBytes, kLarge + 3 * kChunkBytes + 9, kLarge + kChunkBytes - 1,
                                  kLarge}) {
    INFO(size);
    const auto file = session->open("f", O_RDWR, 0);
    file->truncate(size);
    file->close_writer();
    content.resize(static_cast<std::size_t>(size));
    CHECK((content_of(*Archive::open_file(kit.path()), "f") == content));
    CHECK(kit.pieces() == std::to_string((size + kChunkBytes - 1) / kChunkBytes) + "\n");
  }
  const auto file = session->open("f", O_RDWR, 0);
  file->truncate(100);
  file->close_writer();
  CHECK((content_of(*Archive::open_file(kit.path()), "f") == content.substr(0, 100)));
  CHECK(kit.pieces() == "0\n");
}

TEST_CASE("what lies behind a far seek is zeros, which take no room to speak of") {
  const Kit kit;
  const auto session = kit.session();
  const auto file = session->open("f", O_RDWR | O_CREAT, 0644);
  file->write((std::int64_t{1} << 28) - 3, as_bytes("end"));
  file->close_writer();
  CHECK(session->find("f")->size_bytes == std::int64_t{1} << 28);
  const auto found = kit.session()->open("f", O_RDONLY, 0);
  CHECK(read(*found, (std::int64_t{1} << 28) - 6, 100) == std::string("\0\0\0end", 6));
  CHECK(read(*found, 12'345'678, 3) == std::string(3, '\0'));
  CHECK(session->archive().stored_bytes(*session->archive().find("f")) < 2 << 20);
}

TEST_CASE("a session that has a large content open is told when another changes or replaces it") {
  const Kit kit;
  const auto one = kit.session(), other = kit.session();
  const std::string content = noise(kLarge);
  put(*one, "f", content);
  const auto reader = other->open("f", O_RDONLY, 0);
  CHECK((read(*reader, 0, 1000) == content.substr(0, 1000)));
  SECTION("changed in place") {
    const auto file = one->open("f", O_RDWR, 0);
    file->write(0, as_bytes("changed"));
    file->close_writer();
  }
  SECTION("replaced") { put(*one, "f", content + "more"); }
  SECTION("removed") { one->remove_file("f"); }
  const Error error = error_of([&] { read(*reader, 5 * kChunkBytes, 1000); });
  CHECK(error.posix() == ESTALE);
  CHECK(error.code() == "CHANGED");
}

TEST_CASE("a session that has changed its part of a large content is told when another was first") {
  const Kit kit;
  const auto one = kit.session(), other = kit.session();
  put(*one, "f", noise(kLarge));
  const auto mine = other->open("f", O_RDWR, 0);
  mine->write(0, as_bytes("mine"));
  const auto theirs = one->open("f", O_RDWR, 0);
  theirs->write(5 * kChunkBytes, as_bytes("theirs"));
  theirs->close_writer();
  CHECK(error_of([&] { mine->close_writer(); }).posix() == ESTALE);
  const auto found = kit.session()->open("f", O_RDONLY, 0);
  CHECK((read(*found, 0, 4) == noise(4)));
  CHECK(read(*found, 5 * kChunkBytes, 6) == "theirs");
}

TEST_CASE("another member's changes do not disturb who reads a large content") {
  const Kit kit;
  const auto one = kit.session(), other = kit.session();
  const std::string content = noise(kLarge);
  put(*one, "f", content);
  const auto reader = other->open("f", O_RDONLY, 0);
  put(*one, "g", content);
  one->rename("f", "h");
  CHECK((read(*reader, 0, content.size()) == content));
}

TEST_CASE("a number is never given to two contents") {
  const Kit kit;
  const auto session = kit.session();
  std::set<std::int64_t> numbers;
  for (int i = 0; i < 6; ++i) {
    put(*session, "f", std::string(static_cast<std::size_t>(kLarge), static_cast<char>('a' + i)));
    numbers.insert(session->find("f")->chunks);
  }
  session->copy_file("f", "g");
  numbers.insert(session->find("g")->chunks);
  CHECK(numbers.size() == 7);
  for (const std::int64_t number : numbers) CHECK((number > 0 && number <= kContentNumberMax));
  CHECK(kit.pieces() == "130\n");
  session->remove_file("f");
  CHECK(kit.pieces() == "65\n");
  CHECK((content_of(session->archive(), "g") == std::string(static_cast<std::size_t>(kLarge), 'f')));
  session->make_directory("d", 0755);
  session->rename("g", "d/g");
  session->remove_directory("d", true);
  CHECK(kit.pieces() == "0\n");
}

TEST_CASE("a large content in a transaction is there when it is committed, and leaves nothing when it is undone") {
  const Kit kit;
  const auto session = kit.session();
  const std::string content = noise(kLarge);
  {
    Transaction transaction(session->archive());
    put(*session, "f", content);
  }
  CHECK_FALSE(kit.session()->find("f"));
  CHECK(kit.sql("SELECT count(*) FROM sqlite_schema WHERE name = 'starlit_chunk'") == "0\n");
  const auto again = kit.session();
  {
    Transaction transaction(again->archive());
    put(*again, "f", content);
    transaction.commit();
  }
  CHECK((content_of(*Archive::open_file(kit.path()), "f") == content));
}

TEST_CASE("a damaged content in chunks is an error") {
  const Kit kit;
  const std::string content = text(kLarge);
  put(*kit.session(), "f", content);
  const auto fault = [&](const std::string& damage) {
    const std::string bytes = read_host_file(kit.path());
    kit.sql(damage);
    const Error error = error_of([&] { content_of(*Archive::open_file(kit.path()), "f"); });
    write_host_file(kit.path(), bytes);
    return error.code();
  };
  CHECK(fault("DELETE FROM starlit_chunk WHERE id % 16777216 = 7") == "CHANGED");
  CHECK(fault("UPDATE starlit_chunk SET data = x'00' WHERE id % 16777216 = 7") == "DATA");
  CHECK(fault("UPDATE starlit_chunk SET data = zeroblob(300000) WHERE id % 16777216 = 7") == "DATA");
  CHECK(fault("UPDATE starlit_chunk SET data = 'text' WHERE id % 16777216 = 7") == "CHANGED");
  CHECK(fault("UPDATE sqlar SET data = 0 WHERE name = 'f'") != "");
  CHECK(fault("UPDATE sqlar SET data = -5 WHERE name = 'f'") != "");
  CHECK(fault("UPDATE sqlar SET sz = -1 WHERE name = 'f'") == "SIZE");
  CHECK(fault("UPDATE sqlar SET sz = 1 << 60 WHERE name = 'f'") == "SIZE");
  CHECK(fault("DROP TABLE starlit_chunk") == "CHUNK");
  CHECK(fault("ALTER TABLE starlit_chunk RENAME TO c; CREATE VIEW starlit_chunk AS SELECT * FROM c") == "CHUNK");
}
