// SPDX-License-Identifier: MIT
//
// A program that is only headers: what the packer reads of an executable, with nothing to run.

#pragma once

#include <elf.h>

#include <cstring>
#include <string>
#include <vector>

namespace starlit {

enum class Note { kBuildId, kOther };

// One PT_LOAD of 0x3000 bytes from address 0, for pages of `page_bytes`; a PT_NOTE for each of `notes`; `size_bytes` in all.
inline std::string fake_elf(const std::vector<Note>& notes, std::size_t size_bytes, std::uint64_t page_bytes = 4096) {
  std::string bytes(size_bytes, '\x90');
  const auto put = [&](std::size_t at, const auto& value) { std::memcpy(bytes.data() + at, &value, sizeof value); };
  Elf64_Ehdr elf{};
  std::memcpy(elf.e_ident, ELFMAG, SELFMAG);
  elf.e_ident[EI_CLASS] = ELFCLASS64;
  elf.e_ident[EI_DATA] = ELFDATA2LSB;
  elf.e_ident[EI_VERSION] = EV_CURRENT;
  elf.e_type = ET_DYN;
  elf.e_machine = EM_X86_64;
  elf.e_version = EV_CURRENT;
  elf.e_ehsize = sizeof elf;
  elf.e_phoff = sizeof elf;
  elf.e_phentsize = sizeof(Elf64_Phdr);
  elf.e_phnum = static_cast<Elf64_Half>(1 + notes.size());
  put(0, elf);
  Elf64_Phdr load{};
  load.p_type = PT_LOAD;
  load.p_flags = PF_R | PF_X;
  load.p_filesz = size_bytes;
  load.p_memsz = 0x3000;
  load.p_align = page_bytes;
  put(sizeof elf, load);
  std::size_t note_at = 1024;
  for (std::size_t i = 0; i < notes.size(); ++i) {
    Elf64_Phdr header{};
    header.p_type = PT_NOTE;
    header.p_flags = PF_R;
    header.p_offset = header.p_vaddr = note_at;
    header.p_filesz = header.p_memsz = sizeof(Elf64_Nhdr) + 4 + 20;
    header.p_align = 4;
    put(sizeof elf + (1 + i) * sizeof header, header);
    const Elf64_Nhdr note{4, 20, notes[i] == Note::kBuildId ? Elf64_Word{NT_GNU_BUILD_ID} : Elf64_Word{NT_GNU_ABI_TAG}};
    put(note_at, note);
    bytes.replace(note_at + sizeof note, 4, std::string("GNU\0", 4));
    note_at += 64;
  }
  return bytes;
}

inline Elf64_Phdr program_header(const std::string& program, std::size_t index) {
  Elf64_Phdr header;
  std::memcpy(&header, program.data() + sizeof(Elf64_Ehdr) + index * sizeof header, sizeof header);
  return header;
}

}  // namespace starlit
