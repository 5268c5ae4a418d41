// SPDX-License-Identifier: MIT
//
// Input, numbers big endian:
//
//     kind      1 byte: even: a program that is to carry an archive; odd: the archive that this process is said
//               to carry
//
//     program   3 bytes: size of the archive to come; 2 bytes: what lies behind the program; the file
//     segment   2 bytes: how many bytes the segment is longer than the file; the archive and its mark
//
// The kernel's word for the program headers, getauxval(3), is replaced by the linker (--wrap), so that
// own_archive_segment() finds a segment of our choice. It is mapped from a file, as the kernel does: behind the
// file's last page there is SIGBUS.

#include "archive/executable.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include <cstring>
#include <vector>

#include "base/file.h"
#include "fuzzer.h"

extern "C" const char __ehdr_start[] __attribute__((visibility("hidden")));

namespace {

// The wrapped function has no argument for it.
const Elf64_Phdr* said_header = nullptr;

}  // namespace

extern "C" unsigned long __real_getauxval(unsigned long type);
extern "C" unsigned long __wrap_getauxval(unsigned long type) {
  if (said_header != nullptr && type == AT_PHDR) return reinterpret_cast<unsigned long>(said_header);
  if (said_header != nullptr && type == AT_PHNUM) return 1;
  return __real_getauxval(type);
}

namespace starlit {
namespace {

constexpr std::uint64_t kPage = 4096;

Fd in_memory(std::string_view bytes) {
  Fd fd(::memfd_create("fuzz", MFD_CLOEXEC));
  if (!fd) throw posix_error("couldn't create", "memfd");
  write_all(fd, bytes, "memfd");
  return fd;
}

std::vector<Elf64_Phdr> headers_of(const std::string& program) {
  Elf64_Ehdr elf;
  std::memcpy(&elf, program.data(), sizeof elf);
  std::vector<Elf64_Phdr> headers(elf.e_phnum);
  std::memcpy(headers.data(), program.data() + elf.e_phoff, headers.size() * sizeof(Elf64_Phdr));
  return headers;
}

bool carry(Choices choices) {
  const auto archive_size = static_cast<std::int64_t>(choices.number(3));
  const auto behind = static_cast<std::size_t>(choices.number(2));
  const std::string file(choices.rest());
  const std::size_t prefix = file.size() - std::min(behind, file.size());
  return answers([&] {
    const Program program(in_memory(file), static_cast<std::int64_t>(prefix), "app");
    const std::string made = program.with_archive(archive_size);
    require(made.size() == static_cast<std::size_t>(program.archive_offset()), "the archive follows the program");
    require(made.size() % kArchiveAlignment == 0 && made.size() >= prefix && made.size() - prefix < kPage,
            "the program is padded, no more");
    // All but one header is as it was.
    std::size_t first = 0;
    while (first < prefix && made[first] == file[first]) ++first;
    std::size_t last = prefix;
    while (last > first && made[last - 1] == file[last - 1]) --last;
    require(last - first <= sizeof(Elf64_Phdr), "one header changes");

    const auto headers = headers_of(made);
    const auto is_new = [&](const Elf64_Phdr& header) {
      return header.p_type == PT_LOAD && header.p_offset == made.size() && header.p_flags == PF_R &&
             header.p_filesz == static_cast<std::uint64_t>(archive_size);
    };
    std::size_t found = 0;
    for (const Elf64_Phdr& header : headers) {
      if (!is_new(header)) continue;
      ++found;
      require(header.p_vaddr % kPage == header.p_offset % kPage, "the segment can be mapped");
      for (const Elf64_Phdr& other : headers) {
        if (other.p_type != PT_LOAD || is_new(other)) continue;
        require(other.p_vaddr + other.p_memsz <= header.p_vaddr, "the segment lies above all others");
      }
    }
    require(found >= 1, "there is a segment for the archive");
  });
}

bool find_own(Choices choices) {
  const auto more = static_cast<std::size_t>(choices.number(2));
  const std::string_view file = choices.rest();
  const std::size_t size = file.size() + more;
  if (size == 0) return false;
  const Fd fd = in_memory(file);
  const Mapping mapping = map_file(fd, 0, size, "memfd");
  const auto* begin = reinterpret_cast<const char*>(mapping.bytes().data());
  Elf64_Phdr header{};
  header.p_type = PT_LOAD;
  header.p_flags = PF_R;
  header.p_offset = kPage;
  header.p_vaddr = reinterpret_cast<std::uint64_t>(begin) - reinterpret_cast<std::uint64_t>(__ehdr_start);
  header.p_filesz = header.p_memsz = size;
  bool good = false;
  const bool answered = answers([&] {
    said_header = &header;
    struct Unsay {
      ~Unsay() { said_header = nullptr; }
    } const unsay;
    const auto segment = own_archive_segment("app");
    if (!segment) return;
    require(reinterpret_cast<const char*>(segment->data()) == begin && segment->size() + kMarkBytes <= size,
            "an archive lies in its segment");
    // Trusted, as at a start.
    if (segment->size() <= file.size()) {
      answers([&] { good = explore(*Archive::open_bytes(*segment, "app", Trust::kOwn)); });
    }
  });
  return answered && good;
}

}  // namespace

bool run_input(Bytes input) {
  Choices choices(input);
  return choices.byte() % 2 == 0 ? carry(choices) : find_own(choices);
}

}  // namespace starlit
