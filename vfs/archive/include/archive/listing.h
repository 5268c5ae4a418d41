// SPDX-License-Identifier: MIT
//
// An archive that is not a database: a list of members, read from a file of another format, whose contents stay where they
// are. Archive::open_listing() makes the list a table in memory, so that all that is asked of an archive is answered as it
// is for our own; only a content is read through this interface.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "archive/archive.h"

namespace starlit {

struct ListedMember {
  std::string name;
  MemberType type = MemberType::kFile;
  std::uint32_t permissions = 0644;
  std::int64_t mtime_s = 0;
  std::int64_t size_bytes = 0;  // of a file's content
  std::string target;           // of a link
};

// The contents of a list's members, by their numbers in it. Called under the archive's lock. What is wrong with a content
// is an Error whose text is the cause alone ("its deflated data is damaged"): the archive knows the name.
class Contents {
 public:
  virtual ~Contents() = default;

  virtual std::int64_t stored_bytes(std::size_t index) const = 0;

  // Fills `out`, which has the size of the content.
  virtual void read(std::size_t index, std::span<std::byte> out) = 0;

  // A content that is too large to hold.
  class Stream {
   public:
    virtual ~Stream() = default;
    // All of `out` lies within the content.
    virtual void read(std::int64_t offset, std::span<std::byte> out) = 0;
  };
  virtual std::unique_ptr<Stream> stream(std::size_t index) = 0;
};

}  // namespace starlit
