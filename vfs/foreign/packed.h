// SPDX-License-Identifier: MIT
//
// How a foreign archive's contents lie in its file.

#pragma once

#include "archive/codec.h"
#include "foreign/foreign.h"

namespace starlit {

enum class Packing {
  kStored,
  kZlib,     // RFC 1950
  kDeflate,  // RFC 1951
  kUnknown,  // what we cannot read: `fault` says why
};

struct Packed {
  std::int64_t offset = 0;  // in the file; of a zip file's local header
  std::int64_t stored_bytes = 0;
  std::int64_t size_bytes = 0;
  Packing packing = Packing::kStored;
  bool has_local_header = false;           // in front of the content: zip
  std::optional<std::uint32_t> crc;        // CRC-32 of the content
  std::string fault = {};
};

// Members and their contents, which belong together by their numbers.
struct ForeignListing {
  std::vector<ListedMember> members;
  std::vector<Packed> contents;
};

// Throws Error{EINVAL, `code`} where a content does not lie in the file, lies over another, or states a size that its data
// cannot have.
std::shared_ptr<Archive> open_packed(std::shared_ptr<const ForeignFile> file, ForeignListing listing, const char* code);

// Fills `out`, which has the size of the content, and looks at its check sum. Throws Error as Contents::read().
void read_packed(const ForeignFile& file, const Packed& content, Inflater& inflater, std::span<std::byte> out);

// `couldn't open "path": <cause>`.
[[noreturn]] void fail_foreign(const ForeignFile& file, const char* code, const std::string& cause);

}  // namespace starlit
