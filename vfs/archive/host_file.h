// SPDX-License-Identifier: MIT
//
// The file of the host that an archive lies in, and what lies beside it: SQLite's journal and temporary files.
//
// 1. It is found by its directory, which is held open, so that all of this goes on when paths no longer lead there:
//    after chroot(2), or when the process has moved.
// 2. The file is never another one: when it was replaced meanwhile, opening it again is an Error.
// 3. Opening is not fooled by what others put there: links are not followed, only regular files are opened, and a FIFO
//    does not block.
//
// Safe to use from any thread.

#pragma once

#include <sys/types.h>

#include <string>

#include "archive/archive.h"
#include "base/file.h"

namespace starlit {

// fsync(2), repeated when a signal interrupts it. 0, or -1 and errno.
int sync_file(int fd) noexcept;

class HostFile {
 public:
  // `path` may lead through links; what it leads to is a regular file. Throws Error `couldn't open "path": ...`.
  explicit HostFile(const std::string& path);

  // A file that was opened before, and nothing of its directory: for a process that has locked itself in. It can be read,
  // by this one open file description; whoever opened it sees to it that it does not change. `path` is for messages.
  HostFile(Fd file, std::string path);

  // That one, or -1.
  int sealed() const noexcept { return sealed_.get(); }

  // As it was given.
  const std::string& path() const noexcept { return path_; }

  // A new open file description. Throws Error: EACCES or EROFS where it may not be written, ETXTBSY for a program that
  // runs, ESTALE where another file has taken its place.
  Fd open(Access access) const;

  // The file that has the name now, whichever it is.
  Fd open_current() const;
  bool stat_current(struct stat& status) const noexcept;

  // Whether the name still leads to the file.
  bool is_in_place() const noexcept;

  // Throws Error unless files can be made in the directory, and the journal can be one, as changing the archive needs.
  void check_directory() const;

  // Throws Error{..., "JOURNAL"} where something has the journal's name that open_journal() refuses.
  void check_journal() const;

  // A new file in the same directory that can take the file's name. The destructor removes one that has not, and
  // remove_leftovers() those of processes that were killed.
  class Beside {
   public:
    explicit Beside(const HostFile& host);
    Beside(const Beside&) = delete;
    Beside& operator=(const Beside&) = delete;
    ~Beside();

    const Fd& fd() const noexcept { return fd_; }

    // With these permissions, set-id bits and all. Durable when it returns; what it returns is the file, only for reading.
    Fd take_place(mode_t permissions);

   private:
    Fd reopen() const;
    static std::string prefix(const HostFile& host);
    friend class HostFile;

    const HostFile& host_;
    std::string name_;
    Fd fd_;
  };

  // Removes each file of Beside's that lies there. For who keeps all others from making one; what cannot be removed, or
  // listed, stays.
  void remove_leftovers() const noexcept;

  // The rollback journal, `NAME-journal`. -1 and errno where it cannot be opened; `flags` are open(2)'s. EPERM for one
  // that somebody has put there who could not have changed the archive: what it says would become the archive's.
  int open_journal(int flags) const noexcept;
  bool has_journal() const noexcept;
  // Whether there is one that SQLite may have to undo: not empty, not ended with a zero in front. True where it cannot be
  // read.
  bool has_unfinished_journal() const noexcept;
  // 0, or -1 and errno.
  int remove_journal() const noexcept;

  // Makes what was created, removed or renamed in the directory durable. 0, or -1 and errno.
  int sync_directory() const noexcept;

  // A file without a name, in the same directory: for what does not fit into memory.
  Fd open_temporary() const;

 private:
  // Whether who has made a journal could have changed the archive.
  bool trusts(const struct stat& journal) const noexcept;

  std::string path_;
  Fd sealed_;
  std::string name_;  // in the directory
  Fd directory_;
  bool can_sync_ = true;  // whether the directory is open for reading
  FileId id_;
  mode_t mode_ = 0;
  uid_t owner_ = 0;
  gid_t group_ = 0;
};

}  // namespace starlit
