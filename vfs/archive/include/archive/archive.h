// SPDX-License-Identifier: MIT
//
// An open archive: an SQLite database with the table
//
//     sqlar(name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB)
//
//     a file           mode has S_IFREG; sz is its size; data as codec.h says, or for a large one as chunks.h says
//     a directory      mode has S_IFDIR; data is null
//     a symbolic link  mode has S_IFLNK; sz is -1; data is the target
//
// Rules
// 1. Nothing is read when an archive is opened but its header and its schema: opening costs the same for ten members
//    and for a million.
// 2. A directory that is only implied by the names below it is there like any other.
// 3. What an archive says of itself is not believed: types, sizes and names are checked where they are used.
// 4. `sqlite3 -A` names what it is given: an archive made of "." holds "./a". Such an archive is seen without the "./".
// 5. Any thread may call; calls on one archive take turns.
// 6. An archive in a file that is opened for writing is changed through editor.h. Everything that is read is the last
//    committed state, or within a transaction of this object what that has made of it.
//
// Names are members' names (name.h); "" is the root directory. Every function throws Error for what is damaged; what
// is not there is std::nullopt.

#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "archive/codec.h"
#include "archive/mark.h"
#include "archive/sqlite.h"

namespace starlit {

class ChunkReader;
class Contents;
class FileDatabase;
class HostFile;
class Starpack;
struct ListedMember;

enum class MemberType { kFile, kDirectory, kLink };

struct Member {
  MemberType type = MemberType::kDirectory;
  std::uint32_t permissions = 0755;  // the low 12 bits of st_mode
  std::int64_t mtime_s = 0;          // seconds since 1970
  std::int64_t size_bytes = 0;       // of a file's content, or of a link's target
  std::int64_t stored_bytes = 0;     // what the content takes in its row; see Archive::stored_bytes()
  std::int64_t chunks = 0;           // the number of a large file's content, see chunks.h; 0: it lies in its row
  std::uint64_t inode = 0;           // made of the name: the same at every mount

  // st_mode: type and permissions.
  mode_t mode() const noexcept;
};

class MemberReader;

enum class Access { kRead, kWrite };

// kOwn: an archive that is a part of the running program, whose schema need not be checked.
enum class Trust { kNone, kOwn };

class Archive : public std::enable_shared_from_this<Archive> {
 public:
  // An archive in memory that outlives it: a segment of this program or a mapping. `path` is for messages.
  static std::shared_ptr<Archive> open_bytes(Bytes database, std::string path, Trust trust = Trust::kNone);

  // The same over a mapping that the archive keeps.
  static std::shared_ptr<Archive> open_mapping(Mapping mapping, std::size_t skip_bytes, std::size_t size_bytes,
                                               std::string path);

  // An archive in a file, found by its mark or at its start. Readers in other processes and writers such as the
  // sqlite3 shell are held apart by SQLite's locks. An executable is changed by making a new one: see starpack.h.
  static std::shared_ptr<Archive> open_file(const std::string& path, Access access = Access::kRead);

  // Opens an archive, read-only, in a file that was opened before: HostFile's second constructor. Throws Error.
  static std::shared_ptr<Archive> open_sealed(Fd file, std::string path);

  // The same file once more, as a connection of its own: for another thread. Works where the path no longer leads to
  // the file. Only for archives in files.
  std::shared_ptr<Archive> reopen() const;

  // The same for a program that reads all of it and ends: up to `max_bytes` it is read into memory at once, as one
  // state. Larger ones are left in the file.
  static std::shared_ptr<Archive> load_file(const std::string& path, std::int64_t max_bytes = kLoadMax);
  static constexpr std::int64_t kLoadMax = 64 << 20;

  // An archive that is itself a member of another: its file's content is held in memory. Throws Error{EFBIG} above
  // kContentMax bytes.
  static std::shared_ptr<Archive> open_content(MemberReader& content, std::string path);
  static std::vector<std::byte> content_bytes(MemberReader& content, const std::string& path);
  static constexpr std::int64_t kContentMax = 256 << 20;

  // An archive of another format: listing.h. Throws Error where a member's name is none, or two have the same, or one lies
  // below what is no directory.
  static std::shared_ptr<Archive> open_listing(std::vector<ListedMember> members, std::unique_ptr<Contents> contents,
                                               std::string path);

  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;
  ~Archive();

  const std::string& path() const noexcept { return path_; }
  bool is_writable() const noexcept { return access_ == Access::kWrite; }

  // Of an executable: takes over what others have made of it meanwhile. Does nothing within a transaction or a
  // Snapshot.
  void renew();

  // From now on the view is this one, under one lock that is kept: for a process that is about to lock itself in and cannot
  // take locks then. Does nothing to a writable archive or one in memory. Throws Error.
  void hold();

  // For a thread that leaves it, with which the process may end: undoes the transaction that is open, if one is, and takes
  // away what writing has left beside the file.
  void tidy_up() noexcept;

  // The file that the archive lies in; null for one in memory.
  const std::shared_ptr<const HostFile>& host() const noexcept { return host_; }

  // An empty file that is not in any archive yet.
  static Member new_member(std::string_view name);

  // A member by its exact name; links are not followed.
  std::optional<Member> find(std::string_view name);

  // The name that `name` comes to when links in it are followed: all of them, or all but the last part. A link that
  // leads out of the archive leads nowhere; an absolute one does unless it leads to or below `mounted_at`, the path of
  // the root. Throws Error{ELOOP} for a cycle.
  struct Links {
    std::string_view mounted_at = {};
    bool must_exist = true;  // else the name is given whether there is a member or not
  };
  std::optional<std::string> resolve(std::string_view name, bool follow_last, const Links& links);
  std::optional<std::string> resolve(std::string_view name, bool follow_last) { return resolve(name, follow_last, {}); }

  // Whether there may be a symbolic link in the archive. False only when its writer has recorded that there is none and
  // nothing has changed since.
  bool may_hold_links();

  // The target of a symbolic link; nothing when `name` is no link.
  std::optional<std::string> link_target(std::string_view name);

  // What a file's content takes in the archive.
  std::int64_t stored_bytes(const Member& member);

  // A file's content. Nothing when there is no such file. Contents that were read lately are kept inflated, up to
  // kKeptMax bytes in all, as long as nothing in the archive changes.
  std::unique_ptr<MemberReader> open(std::string_view name);
  static constexpr std::int64_t kKeptMax = 16 << 20;

  // The last parts of the names of a directory's children. Takes time in their number, not in that of descendants, and
  // reads nothing but the index of names.
  std::vector<std::string> child_names(std::string_view directory);

  // Calls `visit` with the last part and the member for each child of a directory.
  using ChildVisitor = std::function<void(std::string_view part, const Member& member)>;
  void children(std::string_view directory, const ChildVisitor& visit);

  // Calls `visit` for every member in the order of the names' bytes. A name that is no member's name is an Error.
  using MemberVisitor = std::function<void(std::string_view name, const Member& member)>;
  void each(const MemberVisitor& visit);

  // From the first read on keeps one state of the archive in view, and its lock, while the object lives: for reading
  // several things at once.
  // Within another one, or a transaction, it changes nothing.
  class Snapshot {
   public:
    explicit Snapshot(Archive& archive);
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;
    ~Snapshot();

   private:
    Archive& archive_;
    std::unique_lock<std::recursive_mutex> turn_;
    bool is_outermost_;
  };

  // The database, for the further tables of the layer above; hold lock() while using it.
  sqlite3* database() const noexcept { return database_; }
  std::unique_lock<std::recursive_mutex> lock() { return std::unique_lock(mutex_); }

  // What the archive's writer has recorded about it under a key (facts.h), or nothing when nobody has, or when anything
  // in the archive has changed since: SQLite's change counter tells. Lives until the next call.
  std::optional<std::string_view> recorded(std::string_view key);

  // The statement of carry_facts(); none where there is no table of facts.
  Statement& carry_statement();

  // A row as it lies in the archive, unchecked. `data` is valid until the next call, so hold lock(); it is left out
  // (has_data false) when it is longer than `data_max` bytes.
  struct Stored {
    std::int64_t mode = 0, mtime_s = 0, size = 0, row = 0;
    std::int64_t chunks = 0;
    Bytes data;
    bool is_null = false;
    bool has_data = false;
  };
  std::optional<Stored> stored(std::string_view name, std::int64_t data_max = std::int64_t{1} << 40);

  // The content of a file's row that came with its data: the row's size in bytes. Checks what the row states.
  std::unique_ptr<std::byte[]> content_of(std::string_view name, const Stored& row, Inflater& inflater) const;

  // Ends what stored() began: lets other processes change the archive again.
  void release() noexcept { sqlite3_reset(find_.get()); }

  // SQLite's count of the changes that were ever made.
  std::uint32_t change_counter();

 private:
  friend class ChunkReader;
  friend class Editor;
  friend class MemberReader;
  friend class Transaction;
  class Ascending;

  Archive(Database database, std::string path, Trust trust);
  Archive(std::shared_ptr<const HostFile> host, const Location& location, Access access);
  explicit Archive(std::shared_ptr<const HostFile> executable);
  void prepare_statements(Trust trust);
  void end_leftover() noexcept;
  void check_schema();
  void check_writable_schema();
  void need_chunk_table();
  std::string stored_name(std::string_view name) const { return root_ + std::string(name); }
  std::optional<Member> find_row(std::string_view name);
  std::optional<Member> find_stored(std::string_view stored, std::string_view name);
  bool is_implied_directory(std::string_view name);
  Member member_of(sqlite3_stmt* row, std::string_view name) const;
  [[noreturn]] void fail_member(std::string_view name, int posix, const char* code, const std::string& cause) const;
  [[noreturn]] void fail_name(std::string_view name, std::string_view fault) const;
  [[noreturn]] void fail_corrupt() const;
  bool step(sqlite3_stmt* statement) const;
  sqlite3_stmt* names_statement();
  void seek(std::string_view low, std::string_view high);

  // A content that is kept, see open(); the one used last comes first.
  struct Kept {
    std::string name;
    std::shared_ptr<std::byte[]> content;
    std::int64_t size_bytes;
  };
  std::unique_ptr<MemberReader> open_listed(std::string_view name, const Member& member);
  std::unique_ptr<MemberReader> open_kept(std::string_view name);
  void keep(std::string_view name, const MemberReader& reader);

  std::recursive_mutex mutex_;
  std::list<Kept> kept_;
  std::unordered_map<std::string_view, std::list<Kept>::iterator> kept_by_name_;
  std::int64_t kept_bytes_ = 0;
  std::uint32_t kept_at_ = 0;  // the change counter then
  std::string path_;
  Access access_ = Access::kRead;
  Mapping mapping_;  // where the database's bytes lie, when they are not in a file; outlives it
  std::vector<std::byte> content_;
  Database memory_;
  std::shared_ptr<const HostFile> host_;
  std::unique_ptr<Starpack> starpack_;
  std::unique_ptr<Contents> contents_;  // of a listing: Member::chunks is the number in it, from 1 on
  std::unique_ptr<FileDatabase> file_;
  sqlite3* database_ = nullptr;  // of one of the two
  bool in_view_ = false;         // a Snapshot is there
  int transactions_ = 0;         // open ones, each within the one before
  bool has_changed_ = false;     // anything, in the outermost one
  bool hides_linkless_ = false;  // the record no longer holds in this transaction
  bool hides_packages_ = false;
  Statement rollback_;
  Statement find_;
  Statement names_;
  Statement begin_;
  Statement end_;
  Statement carry_;
  bool may_carry_ = true;
  Inflater inflater_;
  std::string root_;  // "" or "./", see rule 4
  std::map<std::string, std::optional<std::string>, std::less<>> facts_;  // what recorded() found
  std::uint32_t facts_at_ = 0;    // when the change counter was this
};

// The content of one file: any part of it, in any order.
//
// Small members are inflated whole at once. Large ones are read piece by piece; going back in one that is deflated as a
// whole starts from its beginning, one in chunks (chunks.h) is read anywhere at the same cost. Holds its archive.
class MemberReader {
 public:
  ~MemberReader();
  MemberReader(const MemberReader&) = delete;
  MemberReader& operator=(const MemberReader&) = delete;

  std::int64_t size_bytes() const noexcept { return size_bytes_; }

  // Copies bytes from `offset` on; returns how many: fewer than asked for only at the end.
  std::size_t read(std::int64_t offset, std::span<std::byte> out);

  // The whole content when it is in memory; for large members nothing.
  std::optional<Bytes> bytes() const noexcept;

  // The content's chunks, or null.
  const ChunkReader* chunks() const noexcept { return chunks_.get(); }

 private:
  friend class Archive;
  struct Stream;
  struct Listed;
  MemberReader();

  std::int64_t size_bytes_ = 0;
  std::shared_ptr<std::byte[]> content_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<ChunkReader> chunks_;
  std::unique_ptr<Listed> listed_;
};

}  // namespace starlit
