// SPDX-License-Identifier: MIT
//
// The interface: https://www.sqlite.org/c3ref/io_methods.html and https://www.sqlite.org/c3ref/vfs.html

#include "member_vfs.h"

#include <limits.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <new>

#include "archive/name.h"
#include "driver/driver.h"

namespace starlit {
namespace {

constexpr const char* kName = "starlit";
constexpr const char* kMemoryVfs = "memdb";  // SQLite's own, behind sqlite3_deserialize()
constexpr std::string_view kJournal = "-journal";

sqlite3_vfs* below(sqlite3_vfs* vfs) noexcept { return static_cast<sqlite3_vfs*>(vfs->pAppData); }

// Up to this size a member is held in memory as long as it is open: then it takes no lock on its archive, and is read
// at any place though it is deflated.
constexpr std::int64_t kHeldMax = 16 << 20;

// The calling thread's connection to what is mounted at a place.
std::shared_ptr<Archive> archive_of(const Place& place) {
  return place.mount->session()->archive().shared_from_this();
}

// What is read as a database. Counts as an open file of its mount, and keeps the archive open.
class Content {
 public:
  explicit Content(const Place& place) : archive_(archive_of(place)), mount_(place.mount) { ++mount_->channels; }
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;
  virtual ~Content() { --mount_->channels; }

  // SQLite's codes.
  virtual int read(void* buffer, int size, sqlite3_int64 offset) = 0;
  virtual int size(sqlite3_int64* bytes) = 0;
  virtual int lock(int) { return SQLITE_OK; }
  virtual int unlock(int) { return SQLITE_OK; }
  virtual int check_reserved_lock(int* result) {
    *result = 0;
    return SQLITE_OK;
  }
  virtual int characteristics() { return SQLITE_IOCAP_IMMUTABLE; }
  virtual bool is_archive() const { return true; }

 protected:
  const std::shared_ptr<Archive> archive_;

 private:
  const std::shared_ptr<const Mount> mount_;
};

class MemberContent final : public Content {
 public:
  MemberContent(const Place& place, std::unique_ptr<MemberReader> reader)
      : Content(place), reader_(std::move(reader)), size_(reader_->size_bytes()) {
    if (reader_->bytes() || size_ > kHeldMax) return;
    held_ = std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(size_));
    reader_->read(0, {held_.get(), static_cast<std::size_t>(size_)});
    reader_.reset();
  }

  int read(void* buffer, int size, sqlite3_int64 offset) override {
    const auto wanted = static_cast<std::size_t>(size);
    auto* out = static_cast<std::byte*>(buffer);
    std::size_t done = 0;
    if (reader_) {
      done = reader_->read(offset, {out, wanted});
    } else if (offset < size_) {
      done = static_cast<std::size_t>(std::min<std::int64_t>(size, size_ - offset));
      std::memcpy(out, held_.get() + offset, done);
    }
    if (done == wanted) return SQLITE_OK;
    std::memset(out + done, 0, wanted - done);
    return SQLITE_IOERR_SHORT_READ;
  }

  int size(sqlite3_int64* bytes) override {
    *bytes = size_;
    return SQLITE_OK;
  }

  bool is_archive() const override { return false; }

 private:
  std::unique_ptr<MemberReader> reader_;
  const std::int64_t size_;
  std::unique_ptr<std::byte[]> held_;  // in place of the reader
};

// The file that the archive's own connection reads: its bytes in memory.
class ArchiveInMemory final : public Content {
 public:
  explicit ArchiveInMemory(const Place& place) : Content(place) {
    const auto turn = archive_->lock();
    if (sqlite3_file_control(archive_->database(), "main", SQLITE_FCNTL_FILE_POINTER, &file_) != SQLITE_OK ||
        file_->pMethods == nullptr) {
      throw posix_error("couldn't open", archive_->path(), EIO);
    }
  }

  int read(void* buffer, int size, sqlite3_int64 offset) override {
    const auto turn = archive_->lock();
    return file_->pMethods->xRead(file_, buffer, size, offset);
  }

  int size(sqlite3_int64* bytes) override {
    const auto turn = archive_->lock();
    return file_->pMethods->xFileSize(file_, bytes);
  }

 private:
  sqlite3_file* file_ = nullptr;
};

// The VFS of an archive that lies in a file, and the name that it knows the database by; null for one in memory. Both
// live as long as the archive.
struct ArchiveFileName {
  sqlite3_vfs* vfs = nullptr;
  const char* name = nullptr;
};

ArchiveFileName file_name_of(Archive& archive) {
  const auto turn = archive.lock();
  sqlite3_vfs* vfs = nullptr;
  sqlite3_file_control(archive.database(), "main", SQLITE_FCNTL_VFS_POINTER, &vfs);
  if (vfs == nullptr || vfs == sqlite3_vfs_find(kMemoryVfs)) return {};
  return {vfs, sqlite3_db_filename(archive.database(), "main")};
}

// The archive's file once more, through the same VFS.
class ArchiveInFile final : public Content {
 public:
  explicit ArchiveInFile(const Place& place) : Content(place) {
    // What was interrupted is undone by a connection that may write: this one will not.
    if (archive_->is_writable()) static_cast<void>(archive_->find("main.tcl"));
    const auto [vfs, name] = file_name_of(*archive_);
    memory_ = std::make_unique<std::byte[]>(static_cast<std::size_t>(vfs->szOsFile));
    int out_flags = 0;
    const int code = vfs->xOpen(vfs, name, file(), SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB, &out_flags);
    if (code == SQLITE_OK) return;
    close();
    throw sqlite_error(nullptr, code, archive_->path(), "couldn't open");
  }

  ~ArchiveInFile() override { close(); }

  int read(void* buffer, int size, sqlite3_int64 offset) override {
    return methods().xRead(file(), buffer, size, offset);
  }
  int size(sqlite3_int64* bytes) override { return methods().xFileSize(file(), bytes); }
  int lock(int level) override {
    if (level == SQLITE_LOCK_SHARED) archive_->renew();
    return methods().xLock(file(), level);
  }
  int unlock(int level) override { return methods().xUnlock(file(), level); }
  int check_reserved_lock(int* result) override { return methods().xCheckReservedLock(file(), result); }
  int characteristics() override { return methods().xDeviceCharacteristics(file()); }

 private:
  sqlite3_file* file() noexcept { return reinterpret_cast<sqlite3_file*>(memory_.get()); }
  const sqlite3_io_methods& methods() noexcept { return *file()->pMethods; }
  void close() noexcept {
    if (file()->pMethods != nullptr) methods().xClose(file());
  }

  std::unique_ptr<std::byte[]> memory_;
};

// What SQLite sees of it. Files of the host have no part in this: they are those of the VFS below.
struct MemberFile : sqlite3_file {
  Content* content;

  // Runs what may throw; the answer is SQLite's code, `failure` for an error of the archive.
  template <typename Body>
  static int answer(sqlite3_file* file, int failure, Body&& body) noexcept {
    try {
      return body(*static_cast<MemberFile*>(file)->content);
    } catch (const std::bad_alloc&) {
      return SQLITE_IOERR_NOMEM;
    } catch (const std::exception&) {
      return failure;
    }
  }

  static int close(sqlite3_file* file) noexcept {
    delete static_cast<MemberFile*>(file)->content;
    return SQLITE_OK;
  }
  static int read(sqlite3_file* file, void* buffer, int size, sqlite3_int64 offset) noexcept {
    return answer(file, SQLITE_IOERR_READ, [&](Content& content) { return content.read(buffer, size, offset); });
  }
  static int file_size(sqlite3_file* file, sqlite3_int64* size) noexcept {
    return answer(file, SQLITE_IOERR_FSTAT, [&](Content& content) { return content.size(size); });
  }
  static int lock(sqlite3_file* file, int level) noexcept {
    return answer(file, SQLITE_IOERR_LOCK, [&](Content& content) { return content.lock(level); });
  }
  static int unlock(sqlite3_file* file, int level) noexcept {
    return answer(file, SQLITE_IOERR_UNLOCK, [&](Content& content) { return content.unlock(level); });
  }
  static int check_reserved_lock(sqlite3_file* file, int* result) noexcept {
    return answer(file, SQLITE_IOERR_CHECKRESERVEDLOCK,
                  [&](Content& content) { return content.check_reserved_lock(result); });
  }
  static int characteristics(sqlite3_file* file) noexcept {
    return answer(file, 0, [](Content& content) { return content.characteristics(); });
  }

  static int write(sqlite3_file*, const void*, int, sqlite3_int64) noexcept { return SQLITE_READONLY; }
  static int truncate(sqlite3_file*, sqlite3_int64) noexcept { return SQLITE_READONLY; }
  static int sync(sqlite3_file*, int) noexcept { return SQLITE_OK; }
  static int file_control(sqlite3_file*, int, void*) noexcept { return SQLITE_NOTFOUND; }
  static int sector_size(sqlite3_file*) noexcept { return 4096; }
};

// Version 1 of the interface: neither shared memory nor xFetch.
constexpr sqlite3_io_methods kMethods = {
    1,
    MemberFile::close,
    MemberFile::read,
    MemberFile::write,
    MemberFile::truncate,
    MemberFile::sync,
    MemberFile::file_size,
    MemberFile::lock,
    MemberFile::unlock,
    MemberFile::check_reserved_lock,
    MemberFile::file_control,
    MemberFile::sector_size,
    MemberFile::characteristics,
    nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};

// The place that a full path of SQLite's names.
std::optional<Place> place_at(std::string_view full) {
  const MountTable* table = mount_table();
  auto place = table != nullptr ? table->find(utf8_to_tcl(full)) : std::nullopt;
  if (place) place->name = to_utf8(place->name);
  return place;
}

// A path given by the user, as Tcl understands it.
struct Found {
  Place place;
  bool is_link;  // whether its last part was a link
};

std::optional<Found> find_path(std::string_view name) {
  const MountTable* table = mount_table();
  if (table == nullptr) return std::nullopt;
  std::string text = utf8_to_tcl(name);
  // For Tcl a tilde would be somebody's home.
  if (text.starts_with('~')) text.insert(0, "./");
  const Obj path(new_string(text));
  Tcl_Obj* normal = Tcl_FSGetNormalizedPath(nullptr, path.get());
  auto place = normal != nullptr ? table->find(string_of(normal)) : std::nullopt;
  if (!place) return std::nullopt;
  place->name = to_utf8(place->name);
  const std::string point = to_utf8(place->mount->point);
  auto resolved = archive_of(*place)->resolve(place->name, true, {point});
  const bool is_link = resolved && *resolved != place->name;
  if (is_link) place->name = std::move(*resolved);
  return Found{std::move(*place), is_link};
}

int write_path(const Found& found, int size, char* out) {
  const std::string point = to_utf8(found.place.mount->point);
  const std::string full =
      found.place.name.empty() ? point : point + (point.ends_with('/') ? "" : "/") + found.place.name;
  if (full.size() >= static_cast<std::size_t>(size)) return SQLITE_CANTOPEN;
  std::memcpy(out, full.c_str(), full.size() + 1);
  return found.is_link ? SQLITE_OK_SYMLINK : SQLITE_OK;
}

int full_pathname(sqlite3_vfs* vfs, const char* name, int size, char* out) noexcept {
  try {
    if (const auto found = find_path(name)) return write_path(*found, size, out);
    const int code = below(vfs)->xFullPathname(below(vfs), name, std::min(size, below(vfs)->mxPathname + 1), out);
    if (code != SQLITE_OK && code != SQLITE_OK_SYMLINK) return code;
    // Tcl leaves the last link alone; in the host it may lead into a mount.
    auto found = find_path(out);
    if (!found) return code;
    found->is_link = true;
    return write_path(*found, size, out);
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  } catch (const std::exception&) {
    return SQLITE_CANTOPEN;
  }
}

// Whether changes to the member lie beside it that are not in it. A journal that has done its work begins with zeros
// (https://www.sqlite.org/fileformat2.html#the_rollback_journal).
bool has_changes_beside(Archive& archive, const std::string& name) {
  if (const auto journal = archive.open(name + std::string(kJournal))) {
    std::byte first{};
    if (journal->read(0, {&first, 1}) == 1 && first != std::byte{}) return true;
  }
  const auto log = archive.find(name + "-wal");
  return log && log->size_bytes > 0;
}

std::unique_ptr<Content> open_place(const Place& place) {
  const auto archive = archive_of(place);
  if (place.name.empty()) {
    if (file_name_of(*archive).vfs != nullptr) return std::make_unique<ArchiveInFile>(place);
    return std::make_unique<ArchiveInMemory>(place);
  }
  auto reader = archive->open(place.name);
  if (!reader || has_changes_beside(*archive, place.name)) return nullptr;
  return std::make_unique<MemberContent>(place, std::move(reader));
}

// The journal of a mounted archive's file, for the name that SQLite makes of the mount point.
ArchiveFileName archive_journal(std::string_view name) {
  if (!name.ends_with(kJournal)) return {};
  const auto place = place_at(name.substr(0, name.size() - kJournal.size()));
  if (!place || !place->name.empty()) return {};
  ArchiveFileName file = file_name_of(*archive_of(*place));
  if (file.vfs != nullptr) file.name = sqlite3_filename_journal(file.name);
  return file;
}

int open_temporary(sqlite3_vfs* vfs, sqlite3_file* file, int flags, int* out_flags) noexcept {
  const int code = below(vfs)->xOpen(below(vfs), nullptr, file, flags, out_flags);
  if (code == SQLITE_OK) return code;
  sqlite3_vfs* memory = sqlite3_vfs_find(kMemoryVfs);
  int ignored = 0;
  if (memory == nullptr || memory->szOsFile > vfs->szOsFile) return code;
  return memory->xOpen(memory, nullptr, file, flags, out_flags != nullptr ? out_flags : &ignored);
}

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) noexcept {
  file->pMethods = nullptr;
  if (name == nullptr) return open_temporary(vfs, file, flags, out_flags);
  try {
    if (const auto place = place_at(name)) {
      auto content = (flags & SQLITE_OPEN_MAIN_DB) != 0 ? open_place(*place) : nullptr;
      if (!content) return SQLITE_CANTOPEN;
      auto* opened = new (file) MemberFile{};
      opened->content = content.release();
      opened->pMethods = &kMethods;
      if (out_flags != nullptr) {
        *out_flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
      }
      return SQLITE_OK;
    }
    if (const ArchiveFileName journal = archive_journal(name); journal.vfs != nullptr) {
      // Whether it has to be played back is all that is asked: by a connection that may write.
      if (journal.vfs->szOsFile > vfs->szOsFile || (flags & SQLITE_OPEN_READWRITE) != 0) return SQLITE_CANTOPEN;
      return journal.vfs->xOpen(journal.vfs, journal.name, file, flags, out_flags);
    }
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  } catch (const std::exception&) {
    return SQLITE_CANTOPEN;
  }
  return below(vfs)->xOpen(below(vfs), name, file, flags, out_flags);
}

int access(sqlite3_vfs* vfs, const char* name, int flags, int* result) noexcept {
  try {
    if (const auto place = place_at(name)) {
      *result = flags != SQLITE_ACCESS_READWRITE && archive_of(*place)->find(place->name) ? 1 : 0;
      return SQLITE_OK;
    }
    if (const ArchiveFileName journal = archive_journal(name); journal.vfs != nullptr) {
      return journal.vfs->xAccess(journal.vfs, journal.name, flags, result);
    }
  } catch (const std::exception&) {
    return SQLITE_IOERR_ACCESS;
  }
  return below(vfs)->xAccess(below(vfs), name, flags, result);
}

int remove(sqlite3_vfs* vfs, const char* name, int sync_directory) noexcept {
  try {
    if (place_at(name) || archive_journal(name).vfs != nullptr) return SQLITE_READONLY;
  } catch (const std::exception&) {
    return SQLITE_IOERR_DELETE;
  }
  return below(vfs)->xDelete(below(vfs), name, sync_directory);
}

}  // namespace

const char* member_vfs() {
  static sqlite3_vfs vfs;
  static std::once_flag once;
  std::call_once(once, [] {
    sqlite3_vfs* real = sqlite3_vfs_find(nullptr);
    const sqlite3_vfs* memory = sqlite3_vfs_find(kMemoryVfs);
    vfs = *real;
    vfs.pNext = nullptr;
    vfs.zName = kName;
    vfs.pAppData = real;
    // Also room for the journal of an archive, whose VFS takes less than SQLite's own.
    vfs.szOsFile = std::max({real->szOsFile, memory != nullptr ? memory->szOsFile : 0, 256,
                             static_cast<int>(sizeof(MemberFile))});
    vfs.mxPathname = PATH_MAX;  // SQLite's own for Unix stops at 512 bytes, and is told so
    vfs.xOpen = open;
    vfs.xDelete = remove;
    vfs.xAccess = access;
    vfs.xFullPathname = full_pathname;
    sqlite3_vfs_register(&vfs, 0);
  });
  return kName;
}

bool is_archive_database(sqlite3* database) noexcept {
  sqlite3_file* file = nullptr;
  return sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK &&
         file->pMethods == &kMethods && static_cast<MemberFile*>(file)->content->is_archive();
}

}  // namespace starlit
