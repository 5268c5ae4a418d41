// SPDX-License-Identifier: MIT

#include "starpack.h"

#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "archive/sqlite.h"

namespace starlit {
namespace {

// The same file, and not changed in place, as the sqlite3 shell changes one that does not run.
bool is_same(const struct stat& a, const struct stat& b) noexcept {
  return is_same_file(a, b) && a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

// Copies `size` bytes, by the kernel where it can; from and to their offsets.
void copy_bytes(const Fd& from, std::int64_t from_offset, const Fd& to, std::int64_t to_offset, std::int64_t size,
                const std::string& path) {
  off_t in = static_cast<off_t>(from_offset);
  off_t out = static_cast<off_t>(to_offset);
  const off_t end = in + static_cast<off_t>(size);
  while (in < end) {
    const ssize_t n = ::copy_file_range(from.get(), &in, to.get(), &out, static_cast<std::size_t>(end - in), 0);
    if (n > 0 || (n < 0 && errno == EINTR)) continue;
    if (n == 0) throw Error(EIO, "CUT", quoted("couldn't read", path) + ": it is cut short");
    if (errno == ENOSPC || errno == EIO || errno == EDQUOT) throw posix_error("couldn't write", path);
    break;  // between these files it cannot
  }
  std::string buffer;
  while (in < end) {
    buffer.resize(static_cast<std::size_t>(std::min<off_t>(end - in, 1 << 20)));
    buffer.resize(read_at(from, buffer.data(), buffer.size(), in, path));
    if (buffer.empty()) throw Error(EIO, "CUT", quoted("couldn't read", path) + ": it is cut short");
    if (::lseek(to.get(), out, SEEK_SET) < 0) throw posix_error("couldn't write", path);
    write_all(to, buffer, path);
    in += static_cast<off_t>(buffer.size());
    out += static_cast<off_t>(buffer.size());
  }
}

}  // namespace

Starpack::Starpack(std::shared_ptr<const HostFile> host) : host_(std::move(host)), copy_(host_->open_temporary()) {
  renew();
}

bool Starpack::is_stale() const noexcept {
  struct stat now;
  return host_->stat_current(now) && !is_same(now, status_);
}

void Starpack::renew() { renew_from(host_->open_current()); }

void Starpack::renew_from(const Fd& file) {
  const std::string& path = host_->path();
  const struct stat status = stat_fd(file, path);
  const Location location = locate_archive(file, path);
  auto program = std::make_unique<Program>(file, static_cast<std::int64_t>(location.offset), path);
  forget();
  int result;
  do {
    result = ::ftruncate(copy_.get(), 0);
  } while (result != 0 && errno == EINTR);
  if (result != 0) throw posix_error("couldn't copy", path);
  copy_bytes(file, static_cast<std::int64_t>(location.offset), copy_, 0, location.size_bytes, path);
  program_ = std::move(program);
  source_ = Fd(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
  if (!source_) throw posix_error("couldn't open", path);
  status_ = status;
}

// source_ may be the same open file, so that closing is not enough.
void Starpack::end() noexcept {
  if (lock_) ::flock(lock_.get(), LOCK_UN);
  lock_ = Fd();
}

bool Starpack::begin() {
  for (int waited_ms = 0;;) {
    Fd file = host_->open_current();
    if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) {
      // Between opening and locking it another may have taken its place.
      struct stat now;
      if (!host_->stat_current(now) || !is_same(now, stat_fd(file, host_->path()))) continue;
      const bool stale = !is_same(now, status_);
      lock_ = std::move(file);
      try {
        if (stale) renew_from(lock_);
      } catch (...) {
        end();
        throw;
      }
      return stale;
    }
    if (errno != EWOULDBLOCK && errno != EINTR) throw posix_error("couldn't lock", host_->path());
    if (waited_ms >= kBusyTimeoutMs) {
      throw Error(EAGAIN, "BUSY",
                  quoted("couldn't write", host_->path()) + ": another process or thread is using the archive");
    }
    const struct timespec pause = {0, 5'000'000};
    ::nanosleep(&pause, nullptr);
    waited_ms += 5;
  }
}

void Starpack::publish() {
  const std::string& path = host_->path();
  std::string header(100, '\0');
  header.resize(read_at(copy_, header.data(), header.size(), 0, path));
  const std::int64_t size = database_size(header);
  if (size == 0) throw Error(EIO, "CORRUPT", quoted("couldn't write", path) + ": its changed archive states no size");

  // Ours is the executable's lock: they are those of processes that were killed.
  host_->remove_leftovers();
  HostFile::Beside output(*host_);
  const auto offset = static_cast<std::int64_t>(program_->archive_offset());
  write_all(output.fd(), program_->with_archive(size + static_cast<std::int64_t>(kMarkBytes)), path);
  copy_bytes(copy_, 0, output.fd(), offset, size, path);
  if (::lseek(output.fd().get(), 0, SEEK_END) < 0) throw posix_error("couldn't write", path);
  const auto mark = encode_mark(program_->archive_offset());
  write_all(output.fd(), {mark.data(), mark.size()}, path);
  // The owner first: changing it takes set-id bits away, which come last.
  struct stat made = stat_fd(output.fd(), path);
  if ((made.st_uid != status_.st_uid || made.st_gid != status_.st_gid) &&
      ::fchown(output.fd().get(), status_.st_uid, status_.st_gid) != 0) {
    throw Error(errno, "OWNER", quoted("couldn't write", path) + ": its owner and group could not be kept");
  }
  if (::fchmod(output.fd().get(), status_.st_mode & 0777) != 0) throw posix_error("couldn't set the mode of", path);
  if (sync_file(output.fd().get()) != 0) throw posix_error("couldn't write", path);
  made = stat_fd(output.fd(), path);
  made.st_mode = status_.st_mode;
  source_ = output.take_place(status_.st_mode & 07777);
  status_ = made;
}

}  // namespace starlit
