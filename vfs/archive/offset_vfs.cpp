// SPDX-License-Identifier: MIT
//
// The interface: https://www.sqlite.org/c3ref/io_methods.html and https://www.sqlite.org/vfs.html

#include "offset_vfs.h"

#include <limits.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>

namespace starlit {
namespace {

constexpr const char* kName = "starlit-offset";

// Lies at the start of what SQLite allocates for a file; the file of the VFS below follows it.
struct OffsetFile : sqlite3_file {
  sqlite3_int64 offset;     // of the database in its file
  sqlite3_int64 mark_size;  // of what follows it

  sqlite3_file* real() noexcept { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

OffsetFile* self(sqlite3_file* file) noexcept { return static_cast<OffsetFile*>(file); }
sqlite3_vfs* below(sqlite3_vfs* vfs) noexcept { return static_cast<sqlite3_vfs*>(vfs->pAppData); }

int close(sqlite3_file* file) noexcept {
  sqlite3_file* real = self(file)->real();
  return real->pMethods == nullptr ? SQLITE_OK : real->pMethods->xClose(real);
}

int read(sqlite3_file* file, void* buffer, int size, sqlite3_int64 offset) noexcept {
  sqlite3_file* real = self(file)->real();
  return real->pMethods->xRead(real, buffer, size, offset + self(file)->offset);
}

int write(sqlite3_file* file, const void* buffer, int size, sqlite3_int64 offset) noexcept {
  sqlite3_file* real = self(file)->real();
  return real->pMethods->xWrite(real, buffer, size, offset + self(file)->offset);
}

int truncate(sqlite3_file* file, sqlite3_int64 size) noexcept {
  sqlite3_file* real = self(file)->real();
  return real->pMethods->xTruncate(real, size + self(file)->offset);
}

int sync(sqlite3_file* file, int flags) noexcept {
  sqlite3_file* real = self(file)->real();
  return real->pMethods->xSync(real, flags);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) noexcept {
  sqlite3_file* real = self(file)->real();
  const int code = real->pMethods->xFileSize(real, size);
  if (code == SQLITE_OK) {
    *size -= self(file)->offset + self(file)->mark_size;
    if (*size < 0) *size = 0;
  }
  return code;
}

int lock(sqlite3_file* file, int level) noexcept {
  sqlite3_file* real = self(file)->real();
  return real->pMethods->xLock(real, level);
}

int unlock(sqlite3_file* file, int level) noexcept {
  sqlite3_file* real = self(file)->real();
  return real->pMethods->xUnlock(real, level);
}

int check_reserved_lock(sqlite3_file* file, int* result) noexcept {
  sqlite3_file* real = self(file)->real();
  return real->pMethods->xCheckReservedLock(real, result);
}

int file_control(sqlite3_file* file, int operation, void* argument) noexcept {
  // A hint of the final size would be taken for the whole file's.
  if (operation == SQLITE_FCNTL_SIZE_HINT || operation == SQLITE_FCNTL_CHUNK_SIZE) return SQLITE_OK;
  sqlite3_file* real = self(file)->real();
  return real->pMethods->xFileControl(real, operation, argument);
}

int sector_size(sqlite3_file* file) noexcept {
  sqlite3_file* real = self(file)->real();
  return real->pMethods->xSectorSize(real);
}

int device_characteristics(sqlite3_file* file) noexcept {
  sqlite3_file* real = self(file)->real();
  return real->pMethods->xDeviceCharacteristics(real);
}

// Version 1 of the interface: neither shared memory nor xFetch.
constexpr sqlite3_io_methods kMethods = {
    1,    close,  read, write, truncate, sync, file_size, lock, unlock, check_reserved_lock, file_control, sector_size,
    device_characteristics, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) noexcept {
  // Only the database lies at an offset; journals and temporary files are files of their own.
  if ((flags & SQLITE_OPEN_MAIN_DB) == 0) {
    file->pMethods = nullptr;
    // The VFS below copies a journal's path into 513 bytes: findCreateFileMode() in SQLite's os_unix.c.
    if (name != nullptr && std::strlen(name) > 512) return SQLITE_CANTOPEN;
    return below(vfs)->xOpen(below(vfs), name, file, flags, out_flags);
  }
  auto* offset_file = new (file) OffsetFile{};
  offset_file->offset = sqlite3_uri_int64(name, "offset", 0);
  offset_file->mark_size = sqlite3_uri_int64(name, "mark", 0);
  const int code = below(vfs)->xOpen(below(vfs), name, offset_file->real(), flags, out_flags);
  if (code == SQLITE_OK) offset_file->pMethods = &kMethods;
  return code;
}

// The VFS below would resolve the path again; open_at_offset() has done so.
int full_pathname(sqlite3_vfs*, const char* name, int size, char* out) noexcept {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}

// Registers the VFS once in the process.
const char* offset_vfs() {
  static sqlite3_vfs vfs;
  static std::once_flag once;
  std::call_once(once, [] {
    sqlite3_vfs* real = sqlite3_vfs_find(nullptr);
    vfs = *real;
    vfs.pNext = nullptr;
    vfs.zName = kName;
    vfs.pAppData = real;
    vfs.szOsFile = static_cast<int>(sizeof(OffsetFile)) + real->szOsFile;
    vfs.mxPathname = PATH_MAX;  // SQLite's own for Unix stops at 512 bytes
    vfs.xOpen = open;
    vfs.xFullPathname = full_pathname;
    sqlite3_vfs_register(&vfs, 0);
  });
  return kName;
}

std::string uri_of(std::string_view path, const Location& location) {
  std::string uri = "file://";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      static constexpr char kHex[] = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      uri += {'%', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      uri += c;
    }
  }
  uri += "?offset=" + std::to_string(static_cast<std::int64_t>(location.offset));
  if (location.has_mark) uri += "&mark=" + std::to_string(kMarkBytes);
  return uri;
}

}  // namespace

Database open_at_offset(const std::string& path, const Location& location, int flags) {
  const char* vfs = offset_vfs();
  // The VFS below opens with O_NOFOLLOW: it has to be given the file itself.
  const std::unique_ptr<char, Calls<std::free>> real(::realpath(path.c_str(), nullptr));
  if (!real) throw posix_error("couldn't open", path);
  return open_database(uri_of(real.get(), location), flags | SQLITE_OPEN_URI, vfs, path);
}

}  // namespace starlit
