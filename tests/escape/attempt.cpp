// SPDX-License-Identifier: MIT

#include "attempt.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace escape {

void Facts::add(std::string_view word) {
  const auto at = word.find('=');
  if (at != std::string_view::npos) values_[std::string(word.substr(0, at))] = std::string(word.substr(at + 1));
}

std::string Facts::text(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::string() : found->second;
}

long Facts::number(const std::string& name) const { return std::strtol(text(name).c_str(), nullptr, 0); }

Outcome escaped(std::string text) { return {Outcome::Kind::kEscaped, std::move(text)}; }
Outcome denied(std::string text) { return {Outcome::Kind::kDenied, std::move(text)}; }
Outcome unavailable(std::string proof) { return {Outcome::Kind::kUnavailable, std::move(proof)}; }
Outcome tried(std::string text) { return {Outcome::Kind::kTried, std::move(text)}; }

Outcome failed(std::string_view call, int error) {
  const char* name = strerrorname_np(error);
  std::string text = std::string(call) + ": " + (name != nullptr ? name : std::to_string(error).c_str());
  switch (error) {
    case ENOSYS:
    case EAFNOSUPPORT:
    case ESOCKTNOSUPPORT:
    case EPROTONOSUPPORT:
    case EOPNOTSUPP:
      return unavailable(std::move(text));
    default:
      return denied(std::move(text));
  }
}

Outcome outcome_of(std::string_view call, long result) {
  return result < 0 ? failed(call) : escaped(std::string(call) + " returned " + std::to_string(result));
}

Outcome content_of(std::string_view how, int fd) {
  if (fd < 0) return failed(how);
  std::array<char, 4096> buffer;
  const ssize_t n = read(fd, buffer.data(), buffer.size());
  if (n < 0) return failed(std::string(how) + ", then read");
  if (n == 0) return denied(std::string(how) + ", then read: nothing came");
  return escaped(std::string(how) + ": " + std::string(buffer.data(), static_cast<std::size_t>(n)));
}

Outcome use_directory(std::string_view how, int directory, const Facts& facts) {
  const std::string path = facts.canary_below_root();
  int fd = openat(directory, path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd >= 0) return content_of(std::string(how) + ", openat", fd);
  const int error = errno;
  if (fchdir(directory) == 0) {
    fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) return content_of(std::string(how) + ", fchdir", fd);
  }
  return failed(std::string(how) + ", openat", error);
}

#if defined(__x86_64__)
namespace {

// An ELF file of one segment: the ELF header (64 bytes), one program header (56), the code, the text it writes.
// https://refspecs.linuxfoundation.org/elf/elf.pdf
constexpr std::string_view kText = "ESCAPED the new program runs\n";
constexpr std::string_view kCode(
    "\xb8\x01\x00\x00\x00"          // mov eax, 1         write
    "\xbf\x01\x00\x00\x00"          // mov edi, 1
    "\x48\x8d\x35\x10\x00\x00\x00"  // lea rsi, [rip+16]  the text
    "\xba\x1d\x00\x00\x00"          // mov edx, 29
    "\x0f\x05"                      // syscall
    "\xb8\xe7\x00\x00\x00"          // mov eax, 231       exit_group
    "\x31\xff"                      // xor edi, edi
    "\x0f\x05",                     // syscall
    33);
static_assert(kText.size() == 0x1d);

std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

std::string make_program() {
  constexpr std::uint64_t kAddress = 0x400000;
  constexpr std::uint64_t kHeaders = 64 + 56;
  const std::uint64_t size = kHeaders + kCode.size() + kText.size();
  std::string elf(
      "\x7f"
      "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0",
      16);
  elf += little_endian(2, 2) + little_endian(62, 2) + little_endian(1, 4);  // executable, x86-64
  elf += little_endian(kAddress + kHeaders, 8) + little_endian(64, 8) + little_endian(0, 8);
  elf += little_endian(0, 4) + little_endian(64, 2) + little_endian(56, 2) + little_endian(1, 2);
  elf += little_endian(0, 6);
  elf += little_endian(1, 4) + little_endian(5, 4) + little_endian(0, 8);  // PT_LOAD, r-x
  elf += little_endian(kAddress, 8) + little_endian(kAddress, 8);
  elf += little_endian(size, 8) + little_endian(size, 8) + little_endian(4096, 8);
  return elf.append(kCode).append(kText);
}

}  // namespace

std::string_view tiny_program() {
  static const std::string program = make_program();
  return program;
}
#else
std::string_view tiny_program() { return {}; }
#endif

}  // namespace escape
