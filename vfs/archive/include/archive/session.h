// SPDX-License-Identifier: MIT
//
// An archive as a file system for one thread: what is in it, and the files that the thread has open.
//
// 1. All handles on one file share its content, as on a disk: what one has written, the others read, and stat() and
//    listings of this session tell of it. Other sessions and processes see it when close() has returned, all at once.
// 2. A file that is removed or replaced keeps its content for those who have it open.
// 3. Handles that only append add to what the file holds when they are closed: appending by several processes at a time
//    loses nothing. Of others that write the same file the last to close wins. Its permissions are those that were set
//    last, by whomever. A file that another session renames or removes while it is open here is made anew by closing it,
//    under the name it was opened by; ESTALE where what was not changed of it is no longer to be had.
// 4. In a writable archive the permissions of the owner hold, for all but root. In others everything is readable.
//
// A session of a writable archive belongs to one thread at a time; handles may outlive their places in it. Names come
// resolved: links are followed by the caller. Errors are Error{posix}.

#pragma once

#include <fcntl.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/archive.h"
#include "archive/editor.h"
#include "archive/working_file.h"

namespace starlit {

class OpenFile;

class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(std::shared_ptr<Archive> archive);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  Archive& archive() const noexcept { return *archive_; }
  bool is_writable() const noexcept { return archive_->is_writable(); }

  // As Archive's, with what this session has open.
  std::optional<Member> find(std::string_view name);
  std::vector<std::string> child_names(std::string_view directory);

  // `flags` are open(2)'s: O_ACCMODE, O_CREAT, O_EXCL, O_TRUNC, O_APPEND. A file that is not there yet is made when its
  // handle is closed, with O_EXCL at once. `permissions` are those of a new file.
  std::shared_ptr<OpenFile> open(std::string_view name, int flags, std::uint32_t permissions);

  // For a read-only archive: a file by its exact name, for reading. Nothing where there is none.
  std::shared_ptr<OpenFile> open_here(std::string_view name);

  // EROFS unless the archive is writable; EACCES unless the owner may.
  void make_directory(std::string_view name, std::uint32_t permissions);
  void make_link(std::string_view name, std::string_view target);
  void remove_file(std::string_view name);
  void remove_directory(std::string_view name, bool recursive);
  void rename(std::string_view from, std::string_view to);
  void copy_file(std::string_view from, std::string_view to);

  // Nothing yet, to be filled and given to put_file().
  std::unique_ptr<WorkingFile> new_content() const;

  // Makes a file, or another one in place of what has the name: a file or a link.
  void put_file(std::string_view name, std::uint32_t permissions, std::int64_t mtime_s, WorkingFile& content);

  // Editor::put_tree().
  void put_tree(std::string_view root, const NewMember& directory, std::vector<NewMember> members);

  void set_mtime(std::string_view name, std::int64_t mtime_s);
  void set_permissions(std::string_view name, std::uint32_t permissions);

  // What the open files are at a moment: to be gone back to when a transaction is undone.
  class Handles {
   public:
    explicit Handles(Session& session);
    ~Handles();
    // Call after the transaction was undone.
    void restore() const;

   private:
    struct State;
    Session& session_;
    std::vector<State> states_;
  };

  // Whether the owner's permission `bit` (4 read, 2 write, 1 execute or search) holds.
  bool permits(const Member& member, std::uint32_t bit) const noexcept;

  // Whether all directories on the way to `name` may be searched: behind one that may not, nothing can be reached.
  bool may_reach(std::string_view name);
  // EACCES where it cannot be reached.
  void need_search(std::string_view name);

  // The first directory below `directory` that may not be emptied, in the order of names; nothing when all may.
  std::optional<std::string> not_to_be_emptied(std::string_view directory);

 private:
  friend class OpenFile;

  std::shared_ptr<OpenFile> known(std::string_view name);
  void need_writable(std::string_view name) const;
  void need_entry(std::string_view name);
  void forget(std::string_view name);
  void for_each_below(std::string_view directory, const std::function<void(OpenFile&)>& visit);
  void move_names(std::string_view from, std::string_view to);
  [[noreturn]] void fail(std::string_view name, int posix) const;

  std::shared_ptr<Archive> archive_;
  Editor editor_;
  std::map<std::string, std::weak_ptr<OpenFile>, std::less<>> files_;
};

// A file that is open. Close it through close(): the destructor keeps nothing.
class OpenFile : public std::enable_shared_from_this<OpenFile> {
 public:
  OpenFile(std::shared_ptr<Session> session, std::string name);
  ~OpenFile();

  std::int64_t size_bytes() const noexcept;

  // Copies bytes from `offset` on; returns how many: fewer than asked for only at the end.
  std::size_t read(std::int64_t offset, std::span<std::byte> out);

  void write(std::int64_t offset, Bytes bytes);

  // At the end, wherever that is.
  void append(Bytes bytes);

  void truncate(std::int64_t size_bytes);

  // For each handle that was opened for writing, once. What was written is in the archive and durable when it returns.
  // Throws Error where that failed, or where something could not be written before, which others than the writer need
  // not have been told: the archive has the content from before.
  void close_writer();

 private:
  friend class Session;

  std::unique_ptr<WorkingFile> working_file(std::unique_ptr<MemberReader> base) const;
  WorkingFile& working();
  template <typename Body>
  void change(Body&& body);
  static void append_to(WorkingFile& content, std::int64_t end, WorkingFile& tail);
  void put(WorkingFile& content);
  void settle();
  void append_to_current();
  void keep();
  void keep_whole();
  void keep_row();
  void detach();
  void refresh();
  void try_refresh() noexcept;

  std::shared_ptr<Session> session_;
  std::string name_;
  bool is_removed_ = false;
  bool is_new_ = false;     // not in the archive yet
  bool sets_permissions_ = false;  // they were set while it was not
  bool is_changed_ = false;
  bool is_stale_ = false;   // neither reader_ nor working_ hold what the archive does
  bool only_appended_ = false;
  std::int64_t appended_from_ = 0;  // where tail_ begins
  int writers_ = 0;
  std::uint32_t permissions_ = 0644;
  std::int64_t mtime_s_ = 0;  // of the last change
  std::optional<Error> failure_;  // of a change: what is here is not what was meant
  std::unique_ptr<MemberReader> reader_;
  std::unique_ptr<WorkingFile> working_;
  std::unique_ptr<WorkingFile> tail_;  // what was appended, as long as nothing else was changed
};

}  // namespace starlit
