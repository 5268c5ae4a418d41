// SPDX-License-Identifier: MIT

#include "archive/name.h"

#include "support.h"

using namespace starlit;

TEST_CASE("ordinary names are members' names") {
  for (const std::string& name :
       {std::string("a"), std::string("lib/tcl8.6/init.tcl"), std::string("with space"), std::string("line\nbreak"),
        std::string("gr\xc3\xbc\xc3\x9f"), std::string("..."), std::string(".hidden"), std::string("a..b/..c/d.."),
        std::string("C:/x"), std::string("back\\slash"), std::string("~"), std::string(255, 'n'),
        "d/" + std::string(255, 'n')}) {
    INFO(name);
    CHECK(name_fault(name) == "");
  }
}

TEST_CASE("a name that could lead out of a directory is refused with its fault") {
  struct Row {
    std::string name;
    std::string fault;
  };
  for (const Row& row : {Row{"", "is empty"}, Row{"/", "is absolute"}, Row{"/x", "is absolute"},
                         Row{"a//b", "has an empty part"}, Row{"a/", "has an empty part"},
                         Row{".", "has a part \".\""}, Row{"./a", "has a part \".\""}, Row{"a/.", "has a part \".\""},
                         Row{"..", "has a part \"..\""}, Row{"../x", "has a part \"..\""},
                         Row{"a/../b", "has a part \"..\""}, Row{"a/..", "has a part \"..\""},
                         Row{std::string("a\0b", 3), "holds a NUL byte"},
                         Row{std::string(256, 'n'), "has a part longer than 255 bytes"},
                         Row{"d/" + std::string(256, 'n') + "/e", "has a part longer than 255 bytes"}}) {
    INFO(row.name);
    CHECK(name_fault(row.name) == row.fault);
  }
}

TEST_CASE("a name is at most as long as a path of the host") {
  std::string name = "a";
  while (name.size() < 4095) name += "/a";
  REQUIRE(name.size() == 4095);
  CHECK(name_fault(name) == "");
  CHECK(name_fault(name + "a") == "is longer than a path can be");
}

TEST_CASE("a name divides into its directory and its last part, and joins again") {
  CHECK(parent_name("a/b/c") == "a/b");
  CHECK(last_part("a/b/c") == "c");
  CHECK(parent_name("a") == "");
  CHECK(last_part("a") == "a");
  CHECK(parent_name("") == "");
  CHECK(last_part("") == "");
  CHECK(join_name("a/b", "c") == "a/b/c");
  CHECK(join_name("", "c") == "c");
}

TEST_CASE("a name that is to be given to a member is UTF-8") {
  for (const std::string name : {"a", "gr\xc3\xbc\xc3\x9f", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    INFO(name);
    CHECK(new_name_fault(name) == "");
    CHECK(new_name_errno(name) == 0);
  }
  for (const std::string name :
       {"\xff", "a\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\xaf", "\xf4\x90\x80\x80", "\xe2\x82"}) {
    INFO(name);
    CHECK(name_fault(name) == "");
    CHECK(new_name_fault(name) == "is not UTF-8");
    CHECK(new_name_errno(name) == EILSEQ);
  }
  CHECK(new_name_fault("a//b") == "has an empty part");
  CHECK(new_name_errno("a//b") == EINVAL);
  CHECK(new_name_errno(std::string(256, 'n')) == ENAMETOOLONG);
}
