// SPDX-License-Identifier: MIT
//
// Changes to an archive that was opened for writing.
//
// 1. Each call is one transaction: when it returns, what it did is durable and to be seen by all; when it throws, nothing
//    has changed. Within a Transaction of the caller it is a part of that.
// 2. The rules are those of the host's file systems, and so are the errors: Error{posix}.
// 3. A directory that was only implied by what is in it becomes a member before the last of that goes.
// 4. A directory's time is that of the last name made, removed or renamed in it.
// 5. What the archive's writer has recorded (facts.h) stays valid as long as it stays true.
//
// Whoever waits for another writer waits kBusyTimeoutMs; then there is Error{EAGAIN, "BUSY"}.

#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "archive/archive.h"
#include "archive/working_file.h"
#include "archive/writer.h"

namespace starlit {

// All changes of one archive object between the constructor and commit() are one change. Those within another are
// savepoints. What is not committed is undone by the destructor. Holds the archive's lock.
class Transaction {
 public:
  // Throws Error{EROFS} for an archive that is not writable, Error{EAGAIN, "BUSY"}.
  explicit Transaction(Archive& archive);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  // Throws Error where the changes could not be made durable; they are undone then.
  void commit();

 private:
  void undo() noexcept;
  void publish();

  Archive& archive_;
  std::unique_lock<std::recursive_mutex> turn_;
  int level_ = 0;
  bool open_ = false;
};

class Editor {
 public:
  explicit Editor(std::shared_ptr<Archive> archive);
  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;
  ~Editor();

  // Makes a file or replaces its content. EISDIR, ENOENT and ENOTDIR as for open(2). A large content that began as the
  // member's own is changed in place; ESTALE when the member has been changed by others meanwhile. With kOfFile a file that
  // is there keeps its permissions.
  enum class Permissions { kGiven, kOfFile };
  void put_file(std::string_view name, std::uint32_t permissions, std::int64_t mtime_s, WorkingFile& content,
                Permissions which = Permissions::kGiven);

  // Makes a file that must not be there yet: EEXIST.
  void create_file(std::string_view name, std::uint32_t permissions, std::int64_t mtime_s);

  // Copies a file or a link with its time and permissions, without inflating it. `to` must not be there.
  void copy_member(std::string_view from, std::string_view to);

  // Makes a directory that is not there yet, and below it files and directories of the host, whose names count from
  // there; a directory comes before what is in it. The files are read and deflated by all processors before the archive
  // is locked for others, as far as 64 MB go.
  void put_tree(std::string_view root, const NewMember& directory, std::vector<NewMember> members);

  void make_directory(std::string_view name, std::uint32_t permissions, std::int64_t mtime_s);
  void make_link(std::string_view name, std::string_view target, std::int64_t mtime_s);

  // A file or a link: EISDIR for a directory.
  void remove_file(std::string_view name, std::int64_t now_s);

  // ENOTEMPTY unless `recursive`.
  void remove_directory(std::string_view name, bool recursive, std::int64_t now_s);

  // As rename(2): replaces a file by a file, an empty directory by a directory.
  void rename(std::string_view from, std::string_view to, std::int64_t now_s);

  void set_mtime(std::string_view name, std::int64_t mtime_s);
  void set_permissions(std::string_view name, std::uint32_t permissions);

 private:
  struct Statements;
  struct Row;

  void need_room_for(std::string_view name);
  void need_directory(std::string_view name);
  void make_explicit(std::string_view directory);
  void entered(std::string_view name, std::int64_t now_s);
  void write_row(std::string_view name, std::int64_t mode, std::int64_t mtime_s, std::int64_t size, const Row& row);
  void delete_row(std::string_view name, const Member& member);
  void delete_chunks(std::int64_t number, std::int64_t from_index);
  std::int64_t write_chunks(WorkingFile& content);
  void drop_chunks(std::int64_t number) noexcept;
  void update_chunks(std::string_view name, WorkingFile& content, std::int64_t number);
  void put_chunk(std::int64_t id, Bytes piece);
  void set_version(std::int64_t number, std::int64_t version);
  void need_content(std::string_view name, std::int64_t number);
  Bytes deflate(Bytes bytes);
  bool may_deflate(Bytes piece);
  std::int64_t new_content_number();
  void create_chunk_table();
  sqlite3_stmt* statement(Statement& slot, std::string_view sql);
  void run(sqlite3_stmt* statement);
  void note(std::string_view name);
  [[noreturn]] void fail(std::string_view name, int posix) const;

  std::shared_ptr<Archive> archive_;
  std::unique_ptr<Statements> statements_;
  std::unique_ptr<Deflater> deflater_;  // made when it is first needed
};

}  // namespace starlit
