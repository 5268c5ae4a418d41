// SPDX-License-Identifier: MIT
//
// What is left when a process is killed, or the power fails, while it changes an archive: a journal that says how to
// go back (https://www.sqlite.org/atomiccommit.html). Until that is done the database may look damaged: its header
// can already state a size that the file never reached, and behind the mark there can be room that was just being
// made. So the archive is found here by its mark alone.

#pragma once

#include <memory>

#include "host_file.h"

namespace starlit {

// Whether a change was cut off: there is a journal with a header, and nobody is at work on the archive.
bool has_hot_journal(const HostFile& host);

// Goes back to the last committed state. Does nothing where there is nothing to do. Throws Error where the archive
// cannot be written.
void roll_back(const std::shared_ptr<const HostFile>& host);

// Gives a file that has no mark at its end a new one there: something was appended to it, or the sqlite3 shell, which
// remembers where the mark was, has written over one that had moved. The archive is the first thing behind the file's
// beginning, at a multiple of kArchiveAlignment, that reads as a database's header and is there whole; nothing that
// is there is changed. False where there is none. Throws Error where the file cannot be read or written, or others
// use it.
bool restore_mark(const std::shared_ptr<const HostFile>& host);

}  // namespace starlit
