// SPDX-License-Identifier: MIT
//
// An executable whose archive is changed.
//
// A program that runs cannot be written to, and one that is cut off in the middle of a change must still run. So the
// archive is changed in a private copy, a temporary file without a name beside the executable; and each transaction that
// is committed makes a new executable from it, which takes the old one's place in one step (rename(2)), with its owner
// and mode. Whoever runs the old one goes on with that.
//
// 1. begin() takes the executable's lock (flock(2)) and brings the copy up to date, so that nobody's change is lost.
// 2. publish() has made the new executable durable when it returns; when it throws the old one is in its place, but for
//    a directory that could not be synced.
// 3. Owner, group and mode are kept. Extended attributes (file capabilities, access control lists) are not, and other
//    hard links go on leading to the old executable.
// 4. The lock is for those who come this way. The sqlite3 shell changes an executable that does not run in place, under
//    SQLite's locks alone: what it commits while another is made here is lost.
//
// Not safe to use from two threads at a time.

#pragma once

#include <sys/stat.h>

#include <memory>

#include "archive/executable.h"
#include "host_file.h"

namespace starlit {

class Starpack {
 public:
  // Throws Error where the executable cannot be read, has no archive, or nothing can be made beside it.
  explicit Starpack(std::shared_ptr<const HostFile> host);

  // The private copy: a plain archive.
  const Fd& copy() const noexcept { return copy_; }

  // Whether another executable has taken this one's place since the copy was made.
  bool is_stale() const noexcept;

  // Copies the archive of the executable that is there now.
  void renew();

  // What the copy holds is not what the executable does: it is stale until it was renewed.
  void forget() noexcept { status_ = {}; }

  // Waits kBusyTimeoutMs for others: Error{EAGAIN, "BUSY"}. Returns whether the copy was renewed.
  bool begin();
  void publish();
  void end() noexcept;

 private:
  void renew_from(const Fd& file);

  std::shared_ptr<const HostFile> host_;
  Fd copy_;
  Fd lock_;  // the executable, while it is locked
  std::unique_ptr<Program> program_;
  Fd source_;                // the executable that was copied: held, or its inode number would be another's one day
  struct stat status_ = {};  // of that
};

}  // namespace starlit
