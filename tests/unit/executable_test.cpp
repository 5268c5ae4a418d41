// SPDX-License-Identifier: MIT

#include "archive/executable.h"

#include <fcntl.h>

#include "fake_elf.h"
#include "support.h"

using namespace starlit;

namespace {

Program program_of(const std::string& bytes, std::int64_t prefix_size) {
  const Scratch scratch;
  write_host_file(scratch / "p", bytes);
  return Program(open_regular(scratch / "p"), prefix_size, "app");
}

Program program_of(const std::string& bytes) { return program_of(bytes, static_cast<std::int64_t>(bytes.size())); }

Error refusal(const std::string& bytes) {
  return error_of([&] { program_of(bytes); });
}

}  // namespace

TEST_CASE("an ELF program is known by its first bytes") {
  CHECK(is_elf("\x7f" "ELF and more"));
  CHECK_FALSE(is_elf("\x7f" "EL"));
  CHECK_FALSE(is_elf("#!/bin/sh"));
  CHECK_FALSE(is_elf(""));
}

TEST_CASE("the spare program header becomes a read-only segment over the archive") {
  const std::string elf = fake_elf({Note::kOther}, 5000);
  const Program program = program_of(elf);
  CHECK(program.archive_offset() == FileOffset(8192));
  const std::string bytes = program.with_archive(10025);
  REQUIRE(bytes.size() == 8192);
  const Elf64_Phdr header = program_header(bytes, 1);
  CHECK(header.p_type == Elf64_Word{PT_LOAD});
  CHECK(header.p_flags == Elf64_Word{PF_R});
  CHECK(header.p_offset == 8192);
  CHECK(header.p_filesz == 10025);
  CHECK(header.p_memsz == 10025);
  CHECK(header.p_align == 4096);
  // Above the program's 0x3000 bytes, on the next 64 KB, and congruent to its offset.
  CHECK(header.p_vaddr == 0x12000);
  CHECK(header.p_paddr == 0x12000);
}

TEST_CASE("the segment loads with the pages that the program's other segments load with") {
  struct Row {
    std::uint64_t program, archive;
  };
  // Those of arm64 are linked for pages of 64 KB; no machine has larger ones.
  for (const Row& row : {Row{0, 4096}, Row{4096, 4096}, Row{16384, 16384}, Row{65536, 65536}, Row{0x200000, 65536},
                         Row{65535, 32768}}) {
    INFO(row.program);
    for (const std::size_t size : {5000, 20000, 70000}) {
      const std::string elf = fake_elf({Note::kOther}, size, row.program);
      const Elf64_Phdr header = program_header(program_of(elf).with_archive(1000), 1);
      CHECK(header.p_align == row.archive);
      CHECK(header.p_vaddr % 65536 == header.p_offset % 65536);
      CHECK(header.p_vaddr >= 0x10000);
    }
  }
}

TEST_CASE("nothing of a program changes but the spare header and the padding") {
  const std::string elf = fake_elf({Note::kBuildId, Note::kOther}, 5000);
  std::string bytes = program_of(elf).with_archive(1000);
  CHECK(bytes.substr(5000) == std::string(3192, '\0'));
  bytes.resize(5000);
  const std::size_t at = sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr);
  bytes.replace(at, sizeof(Elf64_Phdr), elf.substr(at, sizeof(Elf64_Phdr)));
  CHECK((bytes == elf));
}

TEST_CASE("the build id keeps its header, wherever it stands") {
  for (const bool first : {true, false}) {
    INFO(first);
    const std::string elf = first ? fake_elf({Note::kBuildId, Note::kOther}, 5000)
                                  : fake_elf({Note::kOther, Note::kBuildId}, 5000);
    const std::string bytes = program_of(elf).with_archive(1000);
    CHECK(program_header(bytes, first ? 1 : 2).p_type == Elf64_Word{PT_NOTE});
    CHECK(program_header(bytes, first ? 2 : 1).p_type == Elf64_Word{PT_LOAD});
  }
}

TEST_CASE("of two spare headers the first is taken") {
  const std::string bytes = program_of(fake_elf({Note::kOther, Note::kOther}, 5000)).with_archive(1000);
  CHECK(program_header(bytes, 1).p_type == Elf64_Word{PT_LOAD});
  CHECK(program_header(bytes, 2).p_type == Elf64_Word{PT_NOTE});
}

TEST_CASE("a program that has an archive gives its header to the next one") {
  const std::string elf = fake_elf({Note::kBuildId, Note::kOther, Note::kOther}, 5000);
  const std::string first = program_of(elf).with_archive(100000);
  const Program again = program_of(first + std::string(100000, 'a'), 8192);
  CHECK(again.archive_offset() == FileOffset(8192));
  const std::string second = again.with_archive(7);
  CHECK(program_header(second, 1).p_type == Elf64_Word{PT_NOTE});
  CHECK(program_header(second, 2).p_filesz == 7);
  CHECK(program_header(second, 2).p_vaddr == program_header(first, 2).p_vaddr);
  CHECK(program_header(second, 3).p_type == Elf64_Word{PT_NOTE});
  CHECK((again.with_archive(100000) == first));
}

TEST_CASE("what cannot be a runtime's program says why") {
  CHECK(refusal("#!/bin/sh\n").text() == "couldn't use \"app\" as a runtime: not an ELF program");
  CHECK(refusal("").text() == "couldn't use \"app\" as a runtime: not an ELF program");
  CHECK(refusal("\x7f" "ELF").code() == "NOTRUNTIME");
  CHECK(refusal(fake_elf({}, 5000)).text() == "couldn't use \"app\" as a runtime: it has no program header to spare");
  CHECK(refusal(fake_elf({Note::kBuildId}, 5000)).posix() == ENOEXEC);
  std::string narrow = fake_elf({Note::kOther}, 5000);
  narrow[EI_CLASS] = ELFCLASS32;
  std::string swapped = fake_elf({Note::kOther}, 5000);
  swapped[EI_DATA] = ELFDATA2MSB;
  CHECK(refusal(swapped).text() == "couldn't use \"app\" as a runtime: not a 64-bit little-endian ELF program");
  CHECK(refusal(narrow).text() == "couldn't use \"app\" as a runtime: not a 64-bit little-endian ELF program");
}

TEST_CASE("the machine that a program is for is told as uname does") {
  const auto machine = [](const std::string& elf) { return machine_of(elf.substr(0, 64)); };
  std::string elf = fake_elf({Note::kOther}, 5000);
  CHECK(machine(elf) == "x86_64");
  elf[offsetof(Elf64_Ehdr, e_machine)] = static_cast<char>(EM_AARCH64);
  CHECK(machine(elf) == "aarch64");
  elf[offsetof(Elf64_Ehdr, e_machine)] = static_cast<char>(EM_RISCV);
  CHECK(machine(elf) == "unknown (243)");
  elf[EI_DATA] = ELFDATA2MSB;
  CHECK(machine(elf) == "unknown");
  CHECK(machine("\x7f" "ELF") == "unknown");
}

TEST_CASE("program headers that lie outside of the file are damage") {
  const std::string good = fake_elf({Note::kOther}, 5000);
  const auto damaged = [&](std::size_t at, const std::string& value) {
    std::string bytes = good;
    bytes.replace(at, value.size(), value);
    return refusal(bytes).text();
  };
  const std::string text = "couldn't use \"app\" as a runtime: its program headers are damaged";
  CHECK(damaged(offsetof(Elf64_Ehdr, e_phoff), std::string(8, '\xff')) == text);
  CHECK(damaged(offsetof(Elf64_Ehdr, e_phnum), "\xff\xff") == text);
  CHECK(damaged(offsetof(Elf64_Ehdr, e_phentsize), std::string("\x20\0", 2)) == text);
}

TEST_CASE("an executable flipped at any byte of its headers is used or refused") {
  const std::string good = fake_elf({Note::kBuildId, Note::kOther}, 5000);
  for (std::size_t at = 4; at < 1200; ++at) {
    if (at == 300) at = 1024;  // the notes
    std::string bytes = good;
    bytes[at] = static_cast<char>(~bytes[at]);
    std::string outcome = "used";
    try {
      if (program_of(bytes).with_archive(1000).size() != 8192) outcome = "of another size";
    } catch (const Error& error) {
      outcome = error.code() == "NOTRUNTIME" ? "refused" : error.text();
    }
    INFO(at);
    CHECK((outcome == "used" || outcome == "refused"));
  }
}

TEST_CASE("this program has no archive, and knows its own image") {
  CHECK_FALSE(own_archive_segment("program"));
  CHECK(is_own_image(open_file("/proc/self/exe", O_RDONLY)));
  CHECK_FALSE(is_own_image(open_file("/bin/sh", O_RDONLY)));
  CHECK_FALSE(is_own_image(open_file("/dev/null", O_RDONLY)));
}
