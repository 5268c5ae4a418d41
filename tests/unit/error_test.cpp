// SPDX-License-Identifier: MIT
//
// The texts of errors: they are what users see, so they are written out here.

#include "base/error.h"

#include "support.h"

using namespace starlit;

TEST_CASE("an object is quoted behind its verb") {
  CHECK(quoted("couldn't open", "app.kit") == "couldn't open \"app.kit\"");
  CHECK(quoted("couldn't open", "") == "couldn't open \"\"");
}

TEST_CASE("control characters in an object keep a message on its line") {
  CHECK(quoted("couldn't open", std::string_view("a\nb\tc\x7f\x1b\0", 8)) ==
        "couldn't open \"a\\x0ab\\x09c\\x7f\\x1b\\x00\"");
}

TEST_CASE("control characters in what others wrote are shown") {
  CHECK(printable("a\n\x1b[31mb") == "a\\x0a\\x1b[31mb");
  CHECK(printable("\"as it is\"") == "\"as it is\"");
}

TEST_CASE("UTF-8 in an object is shown as it is") {
  CHECK(quoted("couldn't open", "gr\xc3\xbc\xc3\x9f") == "couldn't open \"gr\xc3\xbc\xc3\x9f\"");
}

TEST_CASE("a failed system call is told in lower case") {
  const Error error = posix_error("couldn't open", "x", ENOENT);
  CHECK(error.text() == "couldn't open \"x\": no such file or directory");
  CHECK(error.posix() == ENOENT);
  CHECK(error.code().empty());
  CHECK(std::string(error.what()) == error.text());
}

TEST_CASE("a cause that begins with an abbreviation keeps its capitals") {
  CHECK(posix_error("couldn't read", "x", EXFULL).text() == "couldn't read \"x\": exchange full");
  CHECK(posix_error("couldn't read", "x", ENODATA).text() == "couldn't read \"x\": no data available");
  CHECK(posix_error("couldn't read", "x", ERFKILL).text() ==
        "couldn't read \"x\": operation not possible due to RF-kill");
  CHECK(posix_error("couldn't read", "x", ENOCSI).text() == "couldn't read \"x\": no CSI structure available");
  CHECK(posix_error("couldn't read", "x", EBADRQC).text() == "couldn't read \"x\": invalid request code");
}

TEST_CASE("the cause of a failed system call is errno unless given") {
  errno = EACCES;
  CHECK(posix_error("couldn't read", "x").text() == "couldn't read \"x\": permission denied");
}
