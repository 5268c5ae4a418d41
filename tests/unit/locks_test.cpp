// SPDX-License-Identifier: MIT

#include "archive/locks.h"

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "support.h"

using namespace starlit;

TEST_CASE("a writer is seen by every other description of the file, until it lets go, and not by its own") {
  const Scratch scratch;
  write_host_file(scratch / "a", "");
  const Fd writer = open_file(scratch / "a", O_RDWR);
  const Fd other = open_file(scratch / "a", O_RDONLY);
  CHECK(is_reserved(other.get()) == false);
  REQUIRE(set_lock(writer.get(), F_WRLCK, kReservedByte, 1) == 0);
  CHECK(is_reserved(other.get()) == true);
  CHECK(is_reserved(writer.get()) == false);
  REQUIRE(set_lock(writer.get(), F_UNLCK, kReservedByte, 1) == 0);
  CHECK(is_reserved(other.get()) == false);
  CHECK_FALSE(is_reserved(-1).has_value());
}

TEST_CASE("readers share their lock, and a writer that wants it is told so at once") {
  const Scratch scratch;
  write_host_file(scratch / "a", "");
  const Fd one = open_file(scratch / "a", O_RDONLY);
  const Fd two = open_file(scratch / "a", O_RDONLY);
  const Fd writer = open_file(scratch / "a", O_RDWR);
  CHECK(set_lock(one.get(), F_RDLCK, kSharedFirst, kSharedSize) == 0);
  CHECK(set_lock(two.get(), F_RDLCK, kSharedFirst, kSharedSize) == 0);
  CHECK(is_reserved(writer.get()) == false);
  REQUIRE(set_lock(writer.get(), F_WRLCK, kSharedFirst, kSharedSize) == -1);
  CHECK((errno == EAGAIN || errno == EACCES));
  CHECK(set_lock(writer.get(), F_WRLCK, kPendingByte, 1) == 0);
}

// What other programs lock: https://www.sqlite.org/lockingv3.html, section 3.
TEST_CASE("the bytes that are locked are those of SQLite") {
  CHECK(kPendingByte == 1073741824);
  CHECK(kReservedByte == 1073741825);
  CHECK(kSharedFirst == 1073741826);
  CHECK(kSharedSize == 510);
}
