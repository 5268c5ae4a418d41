// SPDX-License-Identifier: MIT

#include "archive/executable.h"

#include <elf.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "base/error.h"

// The linker's name for the start of the ELF header in memory.
extern "C" const char __ehdr_start[] __attribute__((visibility("hidden")));

// The program header to spare: a note that says nothing, apart from the others because of its alignment. On x86-64
// .note.gnu.property would do, which arm64 does not have.
asm(R"(
    .pushsection .note.starlit, "a", %note
    .balign 8
    .long 8, 0, 0
    .asciz "Starlit"
    .balign 8
    .popsection
)");

namespace starlit {
namespace {

// Pages have 4, 16 or 64 KB: Linux has no others on machines with 64-bit little-endian programs.
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kLargestPage = 65536;

std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

std::string_view own_program_headers() {
  const auto* headers = reinterpret_cast<const char*>(::getauxval(AT_PHDR));
  return {headers, headers == nullptr ? 0 : ::getauxval(AT_PHNUM) * sizeof(Elf64_Phdr)};
}

// Whether the byte at an address can be read. The kernel copies the set of rt_sigprocmask(2) before it looks at a wrong
// first argument, and answers EFAULT where a read of ours would end in SIGBUS: behind the end of a mapped file.
bool is_readable(const char* address) noexcept {
  const auto aligned = reinterpret_cast<std::uintptr_t>(address) & ~std::uintptr_t{7};
  return ::syscall(SYS_rt_sigprocmask, ~0, aligned, nullptr, 8) != 0 && errno != EFAULT;
}

bool is_known_kind(const Elf64_Ehdr& elf) noexcept {
  return elf.e_ident[EI_CLASS] == ELFCLASS64 && elf.e_ident[EI_DATA] == ELFDATA2LSB;
}

bool is_archive(std::string_view bytes) { return bytes.starts_with(kDatabaseMagic); }

// Whether the notes in [offset, offset+size) hold the build id.
bool holds_build_id(std::string_view file, const Elf64_Phdr& note) {
  if (note.p_offset > file.size() || note.p_filesz > file.size() - note.p_offset) return true;
  const std::string_view notes = file.substr(note.p_offset, note.p_filesz);
  std::size_t at = 0;
  while (at + sizeof(Elf64_Nhdr) <= notes.size()) {
    Elf64_Nhdr header;
    std::memcpy(&header, notes.data() + at, sizeof header);
    if (header.n_type == NT_GNU_BUILD_ID) return true;
    at += sizeof header + align_up(header.n_namesz, 4) + align_up(header.n_descsz, 4);
  }
  return false;
}

[[noreturn]] void fail(const std::string& path, const std::string& cause) {
  throw Error(ENOEXEC, "NOTRUNTIME", quoted("couldn't use", path) + " as a runtime: " + cause);
}

}  // namespace

bool is_elf(std::string_view bytes) noexcept { return bytes.starts_with(std::string_view(ELFMAG, SELFMAG)); }

std::string machine_of(std::string_view header) {
  Elf64_Ehdr elf;
  if (header.size() < sizeof elf) return "unknown";
  std::memcpy(&elf, header.data(), sizeof elf);
  if (!is_known_kind(elf)) return "unknown";
  switch (elf.e_machine) {
    case EM_X86_64: return "x86_64";
    case EM_AARCH64: return "aarch64";
    default: return "unknown (" + std::to_string(elf.e_machine) + ")";
  }
}

std::optional<Bytes> own_archive_segment(const std::string& path) {
  const std::string_view headers = own_program_headers();
  for (std::size_t at = 0; at + sizeof(Elf64_Phdr) <= headers.size(); at += sizeof(Elf64_Phdr)) {
    Elf64_Phdr header;
    std::memcpy(&header, headers.data() + at, sizeof header);
    if (header.p_type != PT_LOAD || header.p_flags != PF_R || header.p_filesz <= 100 + kMarkBytes) continue;
    // A static-pie's first segment has address 0: the ELF header's address is what all addresses are relative to. In a
    // program at a fixed address they are absolute, and the header lies at the first segment's.
    const Elf64_Ehdr* elf = reinterpret_cast<const Elf64_Ehdr*>(__ehdr_start);
    const char* base = elf->e_type == ET_DYN ? __ehdr_start : nullptr;
    const std::string_view segment(base + header.p_vaddr, header.p_filesz);
    const auto fail_cut = [&] {
      throw Error(EINVAL, "CUT",
                  quoted("couldn't start", path) + ": the executable is cut short: it has less than " +
                      std::to_string(header.p_offset + header.p_filesz) + " bytes (hint: copy it again)");
    };
    if (!is_readable(segment.data()) || !is_readable(segment.data() + 99)) fail_cut();
    if (!is_archive(segment)) continue;
    std::size_t size = segment.size() - kMarkBytes;
    if (const std::int64_t stated = database_size(segment.substr(0, 100)); stated > 0) {
      if (static_cast<std::size_t>(stated) > size) return std::nullopt;
      size = static_cast<std::size_t>(stated);
    }
    const std::string_view mark = segment.substr(size, kMarkBytes);
    if (!is_readable(mark.data()) || !is_readable(mark.data() + mark.size() - 1)) fail_cut();
    if (decode_mark(mark) != header.p_offset) {
      throw Error(EINVAL, "MARK",
                  quoted("couldn't start", path) +
                      ": the executable is cut short or damaged: its mark is not at its end (hint: copy it again)");
    }
    return Bytes(reinterpret_cast<const std::byte*>(segment.data()), size);
  }
  return std::nullopt;
}

bool is_own_image(const Fd& fd) {
  const auto* elf = reinterpret_cast<const Elf64_Ehdr*>(__ehdr_start);
  const std::size_t size = std::max<std::size_t>(
      sizeof *elf, elf->e_phoff + static_cast<std::size_t>(elf->e_phnum) * elf->e_phentsize);
  if (size > kPage) return false;
  std::vector<char> bytes(size);
  const ssize_t n = ::pread(fd.get(), bytes.data(), size, 0);
  return n == static_cast<ssize_t>(size) && std::memcmp(bytes.data(), __ehdr_start, size) == 0;
}

Program::Program(const Fd& fd, std::int64_t prefix_size_bytes, const std::string& path)
    : bytes_(static_cast<std::size_t>(prefix_size_bytes), '\0') {
  Elf64_Ehdr elf;
  if (read_at(fd, bytes_.data(), bytes_.size(), 0, path) != bytes_.size() || bytes_.size() < sizeof elf ||
      !is_elf(bytes_)) {
    fail(path, "not an ELF program");
  }
  std::memcpy(&elf, bytes_.data(), sizeof elf);
  if (!is_known_kind(elf)) {
    fail(path, "not a 64-bit little-endian ELF program");
  }
  if (elf.e_phentsize != sizeof(Elf64_Phdr) || elf.e_phoff > bytes_.size() ||
      elf.e_phnum > (bytes_.size() - elf.e_phoff) / sizeof(Elf64_Phdr)) {
    fail(path, "its program headers are damaged");
  }
  std::uint64_t top = 0;
  bool found = false;
  for (std::size_t i = 0; i < elf.e_phnum; ++i) {
    Elf64_Phdr header;
    const std::size_t at = elf.e_phoff + i * sizeof header;
    std::memcpy(&header, bytes_.data() + at, sizeof header);
    const bool is_old_archive = header.p_type == PT_LOAD && header.p_offset == bytes_.size();
    constexpr std::uint64_t kUserSpaceEnd = std::uint64_t{1} << 47;
    if (header.p_type == PT_LOAD && (header.p_vaddr > kUserSpaceEnd || header.p_memsz > kUserSpaceEnd)) {
      fail(path, "its program headers are damaged");
    }
    if (header.p_type == PT_LOAD && !is_old_archive) {
      top = std::max(top, header.p_vaddr + header.p_memsz);
      alignment_ = std::clamp(header.p_align, alignment_, kLargestPage);
    }
    if (is_old_archive || (header.p_type == PT_NOTE && !found && !holds_build_id(bytes_, header))) {
      header_offset_ = at;
      found = true;
    }
    if (is_old_archive) break;
  }
  if (!found) fail(path, "it has no program header to spare");
  bytes_.resize(align_up(bytes_.size(), static_cast<std::uint64_t>(kArchiveAlignment)), '\0');
  // Segments may share no page, and a page's address and offset are the same multiple of the page size.
  segment_address_ = align_up(top, kLargestPage) + bytes_.size() % kLargestPage;
}

std::string Program::with_archive(std::int64_t size_bytes) const {
  Elf64_Phdr header{};
  header.p_type = PT_LOAD;
  header.p_flags = PF_R;
  header.p_offset = bytes_.size();
  header.p_vaddr = header.p_paddr = segment_address_;
  header.p_filesz = header.p_memsz = static_cast<std::uint64_t>(size_bytes);
  header.p_align = std::bit_floor(alignment_);
  std::string program = bytes_;
  std::memcpy(program.data() + header_offset_, &header, sizeof header);
  return program;
}

}  // namespace starlit
