// SPDX-License-Identifier: MIT
//
// The interface: https://www.sqlite.org/c3ref/io_methods.html and https://www.sqlite.org/c3ref/vfs.html
// The locks: https://www.sqlite.org/lockingv3.html and "os_unix.c" in SQLite, unixLock().

#include "file_vfs.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

#include "archive/locks.h"

namespace starlit {
namespace {

// A database grows by an eighth of its size, but not by less or more than this.
constexpr sqlite3_int64 kGrowLeast = 64 << 10;
constexpr sqlite3_int64 kGrowMost = 4 << 20;

// pread(2) of exactly `size` bytes; how many there were, or -1 and errno.
ssize_t read_fully(int fd, void* buffer, std::size_t size, off_t offset) noexcept {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n = ::pread(fd, static_cast<char*>(buffer) + done, size - done, offset + static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return static_cast<ssize_t>(done);
}

// An SQLite code: SQLITE_FULL where there is no room, else an error of writing.
int write_fully(int fd, const void* buffer, std::size_t size, off_t offset) noexcept {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n =
        ::pwrite(fd, static_cast<const char*>(buffer) + done, size - done, offset + static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    }
    done += static_cast<std::size_t>(n);
  }
  return SQLITE_OK;
}

int sync_data(int fd) noexcept {
  int result;
  do {
    result = ::fdatasync(fd);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return SQLITE_OK;
  return errno == ENOSPC || errno == EDQUOT ? SQLITE_FULL : SQLITE_IOERR_FSYNC;
}

int truncate_file(int fd, off_t size) noexcept {
  int result;
  do {
    result = ::ftruncate(fd, size);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

int fill_read(ssize_t got, void* buffer, int size) noexcept {
  if (got == size) return SQLITE_OK;
  if (got < 0) return SQLITE_IOERR_READ;
  std::memset(static_cast<char*>(buffer) + got, 0, static_cast<std::size_t>(size - got));
  return SQLITE_IOERR_SHORT_READ;
}

// Gathers writes that follow one another: SQLite writes the pages of a new content one by one. What is gathered is
// written before anything else is asked of the file. Where that fails it is lost, so nothing may be gathered that is not
// written anew, or undone, after a failure.
class Gathered {
 public:
  int write(int fd, const void* buffer, std::size_t size, off_t offset) noexcept {
    if (!bytes_.empty() && (offset != offset_ + static_cast<off_t>(bytes_.size()) || bytes_.size() + size > kMost)) {
      if (const int code = flush(fd); code != SQLITE_OK) return code;
    }
    if (size > kMost / 2) return write_fully(fd, buffer, size, offset);
    try {
      if (bytes_.empty()) offset_ = offset;
      bytes_.append(static_cast<const char*>(buffer), size);
      return SQLITE_OK;
    } catch (const std::bad_alloc&) {
      return SQLITE_IOERR_NOMEM;
    }
  }

  int flush(int fd) noexcept {
    if (bytes_.empty()) return SQLITE_OK;
    const int code = write_fully(fd, bytes_.data(), bytes_.size(), offset_);
    bytes_.clear();
    return code;
  }

 private:
  static constexpr std::size_t kMost = 256 << 10;
  std::string bytes_;
  off_t offset_ = 0;
};

}  // namespace

// One registered VFS for one connection: it knows the file, so the names that SQLite passes say only what is meant.
class FileVfs {
 public:
  FileVfs(std::shared_ptr<const HostFile> host, const Location& location, Access access, int private_file = -1);
  FileVfs(const FileVfs&) = delete;
  FileVfs& operator=(const FileVfs&) = delete;
  ~FileVfs() { sqlite3_vfs_unregister(&vfs_); }

  const char* name() const noexcept { return name_.c_str(); }

  // For busy handlers: waits a little; false when kBusyTimeoutMs have gone by since the first call of a series.
  bool wait(int calls) noexcept;

 private:
  friend struct DatabaseFile;
  friend struct JournalFile;
  friend class FileDatabase;

  static FileVfs* self(sqlite3_vfs* vfs) noexcept { return static_cast<FileVfs*>(vfs->pAppData); }
  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) noexcept;
  static int remove(sqlite3_vfs* vfs, const char* name, int sync_directory) noexcept;
  static int access(sqlite3_vfs* vfs, const char* name, int flags, int* result) noexcept;
  static int full_pathname(sqlite3_vfs* vfs, const char* name, int size, char* out) noexcept;

  sqlite3_vfs vfs_;
  std::string name_;
  std::shared_ptr<const HostFile> host_;
  off_t offset_;
  bool has_mark_;
  Access access_;
  int private_file_;  // or -1: the archive's own file
  Fd known_journal_;  // whose name is durable: another may have made one and ended before it was; open, so that its inode
                      // number is nobody else's
  std::int64_t wait_until_ms_ = 0;
};

// SQLite calls these without types: a table of functions in front of each object.
struct DatabaseFile : sqlite3_file {
  FileVfs* vfs;
  Fd fd;
  int level = SQLITE_LOCK_NONE;
  sqlite3_int64 room = -1;  // bytes for the database in front of the mark; -1: look
  Gathered gathered = {};
  int lost = SQLITE_OK;  // until the lock is given up: see flush_first()

  off_t position(sqlite3_int64 offset) const noexcept { return vfs->offset_ + offset; }

  static DatabaseFile* self(sqlite3_file* file) noexcept { return static_cast<DatabaseFile*>(file); }

  int flush() noexcept { return gathered.flush(fd.get()); }

  // The same where SQLite asks for something else. It takes a write that fails for the end of the transaction, but when a
  // read does, it may undo no more than the statement that has read: what was gathered before it must not be committed.
  int flush_first() noexcept {
    const int code = flush();
    if (lost == SQLITE_OK) lost = code;
    return code;
  }

  static int close(sqlite3_file* file) noexcept {
    const int code = self(file)->flush();
    self(file)->~DatabaseFile();
    return code;
  }

  static int read(sqlite3_file* file, void* buffer, int size, sqlite3_int64 offset) noexcept {
    DatabaseFile* f = self(file);
    if (const int code = f->flush_first(); code != SQLITE_OK) return code;
    return fill_read(read_fully(f->fd.get(), buffer, static_cast<std::size_t>(size), f->position(offset)), buffer, size);
  }

  static int write(sqlite3_file* file, const void* buffer, int size, sqlite3_int64 offset) noexcept {
    DatabaseFile* f = self(file);
    if (f->lost != SQLITE_OK) return f->lost;
    if (const int code = f->make_room(offset + size); code != SQLITE_OK) return code;
    return f->gathered.write(f->fd.get(), buffer, static_cast<std::size_t>(size), f->position(offset));
  }

  static int truncate(sqlite3_file* file, sqlite3_int64 size) noexcept { return self(file)->shorten(size); }

  static int sync(sqlite3_file* file, int) noexcept {
    DatabaseFile* f = self(file);
    if (f->lost != SQLITE_OK) return f->lost;
    const int code = f->flush();
    return code == SQLITE_OK ? sync_data(f->fd.get()) : code;
  }

  static int file_size(sqlite3_file* file, sqlite3_int64* size) noexcept {
    DatabaseFile* f = self(file);
    if (const int code = f->flush_first(); code != SQLITE_OK) return code;
    if (const int code = f->look(); code != SQLITE_OK) return code;
    *size = f->room;
    return SQLITE_OK;
  }

  int look() noexcept {
    if (const int code = flush(); code != SQLITE_OK) return code;
    struct stat status;
    if (::fstat(fd.get(), &status) != 0) return SQLITE_IOERR_FSTAT;
    room = status.st_size - vfs->offset_ - (vfs->has_mark_ ? static_cast<off_t>(kMarkBytes) : 0);
    if (room < 0) room = 0;
    return SQLITE_OK;
  }

  int write_mark(sqlite3_int64 behind) noexcept {
    const auto mark = encode_mark(FileOffset(vfs->offset_));
    return write_fully(fd.get(), mark.data(), mark.size(), position(behind));
  }

  // Rule 2.
  int make_room(sqlite3_int64 end) noexcept {
    if (!vfs->has_mark_ || (room >= 0 && end <= room)) return SQLITE_OK;
    if (const int code = look(); code != SQLITE_OK || end <= room) return code;
    const sqlite3_int64 more = std::clamp(room / 8, kGrowLeast, kGrowMost);
    const sqlite3_int64 wanted = (end + more + 65535) / 65536 * 65536;
    // The mark goes first, in one write of one sector: whatever the file ends with after a failure is a mark.
    int code = write_mark(wanted);
    if (code == SQLITE_OK) code = sync_data(fd.get());
    // Blocks that are there already make each later commit cheaper: nothing but data has to be written for it.
    // No more than a writer needs: what a journal says of the size before may lie, and leaves a hole.
    static const std::vector<char> zeros(64 << 10);
    const sqlite3_int64 first = std::max(room + static_cast<sqlite3_int64>(kMarkBytes), end - kGrowMost);
    for (sqlite3_int64 at = first; code == SQLITE_OK && at < wanted;) {
      const auto size = std::min<sqlite3_int64>(static_cast<sqlite3_int64>(zeros.size()), wanted - at);
      code = write_fully(fd.get(), zeros.data(), static_cast<std::size_t>(size), position(at));
      at += size;
    }
    if (code != SQLITE_OK) return undo_room(code);
    room = wanted;
    return SQLITE_OK;
  }

  // What could not grow ends with its old mark, as before.
  int undo_room(int code) noexcept {
    static_cast<void>(truncate_file(fd.get(), position(room) + static_cast<off_t>(kMarkBytes)));
    room = -1;
    return code;
  }

  int shorten(sqlite3_int64 size) noexcept {
    room = -1;
    if (size <= 0) return SQLITE_IOERR_TRUNCATE;  // an archive is never empty: see roll_back()
    if (const int flushed = flush(); flushed != SQLITE_OK) return flushed;
    if (!vfs->has_mark_) return truncate_file(fd.get(), position(size));
    int code = write_mark(size);
    if (code == SQLITE_OK) code = sync_data(fd.get());
    if (code == SQLITE_OK) code = truncate_file(fd.get(), position(size) + static_cast<off_t>(kMarkBytes));
    return code;
  }

  // F_RDLCK, F_WRLCK or F_UNLCK on a range. An SQLite code.
  int set_lock(int type, off_t start, off_t length) noexcept {
    if (starlit::set_lock(fd.get(), type, start, length) == 0) return SQLITE_OK;
    if (errno == EAGAIN || errno == EACCES) return SQLITE_BUSY;
    return type == F_UNLCK ? SQLITE_IOERR_UNLOCK : SQLITE_IOERR_LOCK;
  }

  static int lock(sqlite3_file* file, int wanted) noexcept {
    DatabaseFile* f = self(file);
    if (f->level >= wanted) return SQLITE_OK;
    if (f->vfs->private_file_ >= 0) {
      f->level = wanted;
      return SQLITE_OK;
    }
    if (f->level == SQLITE_LOCK_NONE) f->room = -1;  // others may have changed the file meanwhile
    if (wanted == SQLITE_LOCK_SHARED) {
      // Through the pending byte, which a writer that waits for readers to end keeps.
      int code = f->set_lock(F_RDLCK, kPendingByte, 1);
      if (code != SQLITE_OK) return code;
      code = f->set_lock(F_RDLCK, kSharedFirst, kSharedSize);
      const int unlocked = f->set_lock(F_UNLCK, kPendingByte, 1);
      if (code != SQLITE_OK) return code;
      if (unlocked != SQLITE_OK) {
        f->set_lock(F_UNLCK, kSharedFirst, kSharedSize);
        return unlocked;
      }
      f->level = SQLITE_LOCK_SHARED;
      return SQLITE_OK;
    }
    if (wanted == SQLITE_LOCK_RESERVED) {
      const int code = f->set_lock(F_WRLCK, kReservedByte, 1);
      if (code == SQLITE_OK) f->level = SQLITE_LOCK_RESERVED;
      return code;
    }
    if (f->level < SQLITE_LOCK_PENDING) {
      const int code = f->set_lock(F_WRLCK, kPendingByte, 1);
      if (code != SQLITE_OK) return code;
      f->level = SQLITE_LOCK_PENDING;
    }
    const int code = f->set_lock(F_WRLCK, kSharedFirst, kSharedSize);
    if (code == SQLITE_OK) f->level = SQLITE_LOCK_EXCLUSIVE;
    return code;
  }

  static int unlock(sqlite3_file* file, int wanted) noexcept {
    DatabaseFile* f = self(file);
    if (f->level <= wanted) return SQLITE_OK;
    // SQLite takes the lock for given up whatever the answer is.
    const int flushed = f->flush();
    const int unlocked = f->release_to(wanted);
    f->lost = SQLITE_OK;
    return flushed == SQLITE_OK ? unlocked : flushed;
  }

  int release_to(int wanted) noexcept {
    DatabaseFile* f = this;
    if (f->vfs->private_file_ >= 0) {
      f->level = wanted;
      return SQLITE_OK;
    }
    if (wanted == SQLITE_LOCK_SHARED) {
      if (f->level == SQLITE_LOCK_EXCLUSIVE) {
        if (const int code = f->set_lock(F_RDLCK, kSharedFirst, kSharedSize); code != SQLITE_OK) {
          return SQLITE_IOERR_RDLOCK;
        }
      }
      const int code = f->set_lock(F_UNLCK, kPendingByte, 2);  // the reserved byte follows it
      f->level = SQLITE_LOCK_SHARED;
      return code;
    }
    const int code = f->set_lock(F_UNLCK, kPendingByte, 2 + kSharedSize);
    f->level = SQLITE_LOCK_NONE;
    f->room = -1;
    return code;
  }

  static int check_reserved_lock(sqlite3_file* file, int* result) noexcept {
    DatabaseFile* f = self(file);
    *result = f->level >= SQLITE_LOCK_RESERVED ? 1 : 0;
    if (*result != 0 || f->vfs->private_file_ >= 0) return SQLITE_OK;
    const auto is_by_another = is_reserved(f->fd.get());
    if (!is_by_another) return SQLITE_IOERR_CHECKRESERVEDLOCK;
    *result = *is_by_another ? 1 : 0;
    return SQLITE_OK;
  }

  // The end of a transaction is told here, also where it is not synced. Before the first write of one SQLite asks whether
  // the file still has its name: the journal of another would lie beside the file that has it now, and be undone there.
  static int file_control(sqlite3_file* file, int operation, void* argument) noexcept {
    DatabaseFile* f = self(file);
    if (operation == SQLITE_FCNTL_SYNC) {
      const int code = f->flush();
      return f->lost == SQLITE_OK ? code : f->lost;
    }
    if (operation != SQLITE_FCNTL_HAS_MOVED) return SQLITE_NOTFOUND;
    *static_cast<int*>(argument) = f->vfs->private_file_ < 0 && !f->vfs->host_->is_in_place() ? 1 : 0;
    return SQLITE_OK;
  }

  static int sector_size(sqlite3_file*) noexcept { return 4096; }

  // As SQLite's own for Unix takes for granted: writing some bytes leaves those beside them alone.
  static int device_characteristics(sqlite3_file*) noexcept { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }
};

struct JournalFile : sqlite3_file {
  FileVfs* vfs;
  Fd fd;
  bool is_new = false;  // its name may not be durable yet
  bool is_temporary = false;

  static JournalFile* self(sqlite3_file* file) noexcept { return static_cast<JournalFile*>(file); }

  static int close(sqlite3_file* file) noexcept {
    self(file)->~JournalFile();
    return SQLITE_OK;
  }

  static int read(sqlite3_file* file, void* buffer, int size, sqlite3_int64 offset) noexcept {
    return fill_read(read_fully(self(file)->fd.get(), buffer, static_cast<std::size_t>(size), offset), buffer, size);
  }

  static int write(sqlite3_file* file, const void* buffer, int size, sqlite3_int64 offset) noexcept {
    // Not gathered: to undo a change SQLite reads back what it has written here, also when writing has failed.
    return write_fully(self(file)->fd.get(), buffer, static_cast<std::size_t>(size), offset);
  }

  static int truncate(sqlite3_file* file, sqlite3_int64 size) noexcept {
    return truncate_file(self(file)->fd.get(), size);
  }

  // A journal that has no name after a power failure would not be rolled back.
  static int sync(sqlite3_file* file, int) noexcept {
    JournalFile* f = self(file);
    if (f->is_temporary) return SQLITE_OK;
    if (const int code = sync_data(f->fd.get()); code != SQLITE_OK || !f->is_new) return code;
    if (f->vfs->host_->sync_directory() != 0) return SQLITE_IOERR_DIR_FSYNC;
    f->is_new = false;
    f->vfs->known_journal_ = Fd(::fcntl(f->fd.get(), F_DUPFD_CLOEXEC, 0));
    return SQLITE_OK;
  }

  static int file_size(sqlite3_file* file, sqlite3_int64* size) noexcept {
    struct stat status;
    if (::fstat(self(file)->fd.get(), &status) != 0) return SQLITE_IOERR_FSTAT;
    *size = status.st_size;
    return SQLITE_OK;
  }

  static int no_control(sqlite3_file*, int, void*) noexcept { return SQLITE_NOTFOUND; }
  static int no_lock(sqlite3_file*, int) noexcept { return SQLITE_OK; }
  static int no_reserved_lock(sqlite3_file*, int* result) noexcept {
    *result = 0;
    return SQLITE_OK;
  }
};

namespace {

// Version 1 of the interface: neither shared memory nor xFetch.
constexpr sqlite3_io_methods kDatabaseMethods = {
    1,
    DatabaseFile::close,
    DatabaseFile::read,
    DatabaseFile::write,
    DatabaseFile::truncate,
    DatabaseFile::sync,
    DatabaseFile::file_size,
    DatabaseFile::lock,
    DatabaseFile::unlock,
    DatabaseFile::check_reserved_lock,
    DatabaseFile::file_control,
    DatabaseFile::sector_size,
    DatabaseFile::device_characteristics,
    nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};

constexpr sqlite3_io_methods kJournalMethods = {
    1,
    JournalFile::close,
    JournalFile::read,
    JournalFile::write,
    JournalFile::truncate,
    JournalFile::sync,
    JournalFile::file_size,
    JournalFile::no_lock,
    JournalFile::no_lock,
    JournalFile::no_reserved_lock,
    JournalFile::no_control,
    DatabaseFile::sector_size,
    DatabaseFile::device_characteristics,
    nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};

std::int64_t now_ms() noexcept {
  struct timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * std::int64_t{1000} + now.tv_nsec / 1'000'000;
}

bool is_journal(const char* name) noexcept {
  return name != nullptr && std::string_view(name).ends_with("-journal");
}

}  // namespace

FileVfs::FileVfs(std::shared_ptr<const HostFile> host, const Location& location, Access access, int private_file)
    : host_(std::move(host)),
      offset_(static_cast<off_t>(location.offset)),
      has_mark_(location.has_mark),
      access_(access),
      private_file_(private_file) {
  configure_sqlite();
  // Randomness, time and sleeping are the default VFS's affair.
  vfs_ = *sqlite3_vfs_find(nullptr);
  char name[40];
  std::snprintf(name, sizeof name, "starlit-%p", static_cast<void*>(this));
  name_ = name;
  vfs_.iVersion = 1;
  vfs_.pNext = nullptr;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.szOsFile = static_cast<int>(std::max(sizeof(DatabaseFile), sizeof(JournalFile)));
  vfs_.xOpen = open;
  vfs_.xDelete = remove;
  vfs_.xAccess = FileVfs::access;
  vfs_.xFullPathname = full_pathname;
  if (sqlite3_vfs_register(&vfs_, 0) != SQLITE_OK) throw std::bad_alloc();
}

int FileVfs::open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) noexcept {
  FileVfs* me = self(vfs);
  file->pMethods = nullptr;
  try {
    if ((flags & SQLITE_OPEN_MAIN_DB) != 0) {
      Fd fd = me->private_file_ < 0 ? me->host_->open(me->access_)
                                    : Fd(::fcntl(me->private_file_, F_DUPFD_CLOEXEC, 0));
      if (!fd) return SQLITE_CANTOPEN;
      auto* database = new (file) DatabaseFile{{}, me, std::move(fd)};
      database->pMethods = &kDatabaseMethods;
    } else if ((flags & SQLITE_OPEN_MAIN_JOURNAL) != 0) {
      const bool is_new = !me->host_->has_journal();
      const int mode = (flags & SQLITE_OPEN_READWRITE) != 0 ? O_RDWR : O_RDONLY;
      Fd fd(me->host_->open_journal(mode | ((flags & SQLITE_OPEN_CREATE) != 0 ? O_CREAT : 0)));
      if (!fd) return SQLITE_CANTOPEN;
      auto* journal = new (file) JournalFile{{}, me, std::move(fd), is_new};
      journal->is_new = is_new || !is_same_file(journal->fd, me->known_journal_);
      journal->pMethods = &kJournalMethods;
    } else if ((flags & SQLITE_OPEN_SUPER_JOURNAL) != 0 ||
               ((flags & SQLITE_OPEN_DELETEONCLOSE) != 0 && name == nullptr)) {
      // Of a super-journal nothing is read: it is left to those who have made it.
      auto* temporary = new (file) JournalFile{{}, me, me->host_->open_temporary(), false, true};
      temporary->pMethods = &kJournalMethods;
    } else {
      return SQLITE_CANTOPEN;
    }
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  } catch (const Error& error) {
    errno = error.posix();  // for sqlite3_system_errno()
    return SQLITE_CANTOPEN;
  } catch (const std::exception&) {
    return SQLITE_CANTOPEN;
  }
  if (out_flags != nullptr) {
    *out_flags = flags;
    if ((flags & SQLITE_OPEN_MAIN_DB) != 0 && me->access_ == Access::kRead) {
      *out_flags = (flags & ~SQLITE_OPEN_READWRITE) | SQLITE_OPEN_READONLY;
    }
  }
  return SQLITE_OK;
}

int FileVfs::remove(sqlite3_vfs* vfs, const char* name, int sync_directory) noexcept {
  if (!is_journal(name)) return SQLITE_OK;  // a super-journal: see open()
  const HostFile& host = *self(vfs)->host_;
  if (host.remove_journal() != 0) return errno == ENOENT ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE;
  if (sync_directory != 0 && host.sync_directory() != 0) return SQLITE_IOERR_DIR_FSYNC;
  return SQLITE_OK;
}

// Asked before each read, for the journal. One that is finished stays there for the next writer; to call it absent saves
// SQLite the locks, sizes and reads by which it finds the same.
// A name that is no journal's is that of a super-journal: the sqlite3 shell has changed several databases at once, and the
// journal holds as long as that file is there (https://www.sqlite.org/fileformat.html, "The Rollback Journal"). Where its
// directory is not to be seen, after chroot(2), nobody can tell.
int FileVfs::access(sqlite3_vfs* vfs, const char* name, int, int* result) noexcept {
  const FileVfs* me = self(vfs);
  *result = 0;
  if (me->private_file_ >= 0 || std::string_view(name).ends_with("-wal")) return SQLITE_OK;
  if (!is_journal(name)) {
    *result = ::access(name, F_OK) == 0 ? 1 : 0;
    if (*result != 0) return SQLITE_OK;
    const std::string_view path(name);
    char directory[PATH_MAX];
    const auto slash = path.rfind('/');
    if (slash == std::string_view::npos || slash >= sizeof directory) return SQLITE_IOERR_ACCESS;
    std::snprintf(directory, sizeof directory, "%.*s", static_cast<int>(std::max<std::size_t>(slash, 1)), name);
    return ::access(directory, X_OK) == 0 ? SQLITE_OK : SQLITE_IOERR_ACCESS;
  }
  *result = me->host_->has_unfinished_journal() ? 1 : 0;
  return SQLITE_OK;
}

int FileVfs::full_pathname(sqlite3_vfs*, const char* name, int size, char* out) noexcept {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}

bool FileVfs::wait(int calls) noexcept {
  const std::int64_t now = now_ms();
  if (calls == 0) wait_until_ms_ = now + kBusyTimeoutMs;
  if (now >= wait_until_ms_) return false;
  // A commit takes a millisecond or less; uneven times keep those who wait from meeting again and again.
  unsigned char random;
  sqlite3_randomness(1, &random);
  const long most_us = std::min(8'000, 250 << std::min(calls, 6));
  struct timespec pause = {0, 1000L * (most_us / 4 + most_us * random / 340)};
  ::nanosleep(&pause, nullptr);
  return true;
}

FileDatabase::FileDatabase() noexcept = default;
FileDatabase::FileDatabase(FileDatabase&&) noexcept = default;
FileDatabase::~FileDatabase() = default;

FileDatabase& FileDatabase::operator=(FileDatabase&& other) noexcept {
  // The connection goes before its VFS.
  std::swap(database_, other.database_);
  std::swap(vfs_, other.vfs_);
  return *this;
}

FileDatabase::FileDatabase(std::shared_ptr<const HostFile> host, const Location& location, Access access) {
  const std::string path = host->path();
  // Whether it can be opened at all is told here, in words; SQLite would only say that it cannot.
  static_cast<void>(host->open(access));
  const int sealed = host->sealed();
  vfs_ = std::make_unique<FileVfs>(std::move(host), location, access, sealed);
  const int mode = access == Access::kWrite ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  database_ = open_database("/archive", mode | SQLITE_OPEN_NOMUTEX, vfs_->name(), path);
  wait_for_others();
}

void FileDatabase::wait_for_others() noexcept {
  sqlite3_busy_handler(
      database_.get(), [](void* vfs, int calls) { return static_cast<FileVfs*>(vfs)->wait(calls) ? 1 : 0; }, vfs_.get());
}

FileDatabase::FileDatabase(std::shared_ptr<const HostFile> host, const Fd& file) {
  const std::string path = host->path();
  vfs_ = std::make_unique<FileVfs>(std::move(host), Location{}, Access::kWrite, file.get());
  database_ = open_database("/archive", SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, vfs_->name(), path);
}

void FileDatabase::trim() noexcept {
  if (!vfs_->host_->is_in_place()) return;  // what lies beside is another's
  sqlite3* database = database_.get();
  sqlite3_busy_handler(database, nullptr, nullptr);
  const bool is_alone = sqlite3_exec(database, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr) == SQLITE_OK;
  wait_for_others();
  if (!is_alone) return;
  sqlite3_file* file = nullptr;
  char header[100];
  if (vfs_->has_mark_ &&
      sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK && file->pMethods != nullptr &&
      DatabaseFile::read(file, header, sizeof header, 0) == SQLITE_OK) {
    DatabaseFile* database_file = DatabaseFile::self(file);
    const std::int64_t size = database_size({header, sizeof header});
    if (size > 0 && database_file->look() == SQLITE_OK && size < database_file->room) {
      static_cast<void>(database_file->shorten(size));
    }
  }
  // The lock is still held: the journal is nobody's.
  static_cast<void>(vfs_->host_->remove_journal());
  sqlite3_exec(database, "ROLLBACK", nullptr, nullptr, nullptr);
}

}  // namespace starlit
