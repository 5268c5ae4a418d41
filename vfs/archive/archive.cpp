// SPDX-License-Identifier: MIT

#include "archive/archive.h"

#include <algorithm>

#include "archive/chunks.h"
#include "archive/executable.h"
#include "archive/facts.h"
#include "archive/listing.h"
#include "archive/name.h"
#include "file_vfs.h"
#include "host_file.h"
#include "recovery.h"
#include "starpack.h"

namespace starlit {
namespace {

// The columns that member_of() reads, in its order. The length of a text, which a link's target is, counts characters.
// A content that is in chunks has its number there, negative.
#define STARLIT_COLUMNS                                                                                        \
  "name, mode, mtime, sz, CASE typeof(data) WHEN 'text' THEN length(CAST(data AS BLOB)) WHEN 'integer' THEN -data " \
  "ELSE length(data) END"
// One statement for looking up and for reading: the data comes only when it is not longer than ?2.
constexpr std::string_view kFind =
    "SELECT " STARLIT_COLUMNS ", CASE WHEN length(data) <= ?2 THEN data END, rowid FROM sqlar WHERE name = ?1";
constexpr std::string_view kAll = "SELECT " STARLIT_COLUMNS " FROM sqlar ORDER BY name";
#undef STARLIT_COLUMNS

// In the middle of a change, which a journal tells of, the header may state more than there is.
Location locate_in(const HostFile& host, const Fd& fd) {
  try {
    return locate_archive(fd, host.path());
  } catch (const Error& error) {
    if (error.code() != "CUT") throw;
    return locate_archive(fd, host.path(), host.has_journal());
  }
}

constexpr int kLinksMax = 40;  // as the kernel's MAXSYMLINKS
constexpr std::int64_t kLinkTargetMax = 4096;

// FNV-1a, 64 bit (http://www.isthe.com/chongo/tech/comp/fnv/): an inode number made of the name.
std::uint64_t inode_of(std::string_view name) {
  std::uint64_t hash = 14695981039346656037u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  // Without the top bit, which Tcl would show as a sign.
  return (hash & INT64_MAX) | 1;
}

Member implied_directory(std::string_view name) {
  Member member;
  member.inode = inode_of(name);
  return member;
}

}  // namespace

mode_t Member::mode() const noexcept {
  switch (type) {
    case MemberType::kFile: return S_IFREG | permissions;
    case MemberType::kLink: return S_IFLNK | permissions;
    default: return S_IFDIR | permissions;
  }
}

Archive::Archive(Database database, std::string path, Trust trust)
    : path_(std::move(path)), memory_(std::move(database)), database_(memory_.get()) {
  prepare_statements(trust);
}

Archive::Archive(std::shared_ptr<const HostFile> host, const Location& location, Access access)
    : path_(host->path()),
      access_(access),
      host_(std::move(host)),
      file_(std::make_unique<FileDatabase>(host_, location, access)),
      database_(file_->get()) {
  if (access == Access::kWrite) {
    // PERSIST overwrites the journal's header at the end of a transaction instead of removing the file; with FULL that
    // is durable when COMMIT returns. FAST overwrites what is deleted where that costs no further writing.
    execute(database_,
            "PRAGMA journal_mode=PERSIST;PRAGMA synchronous=FULL;PRAGMA journal_size_limit=1048576;"
            "PRAGMA temp_store=MEMORY;PRAGMA secure_delete=FAST;PRAGMA cache_size=-8192;"
            "PRAGMA ignore_check_constraints=ON",
            path_, kWriting);
  }
  prepare_statements(Trust::kNone);
}

// The copy is private: neither durability nor locks are asked of it.
Archive::Archive(std::shared_ptr<const HostFile> executable)
    : path_(executable->path()),
      access_(Access::kWrite),
      host_(std::move(executable)),
      starpack_(std::make_unique<Starpack>(host_)),
      file_(std::make_unique<FileDatabase>(host_, starpack_->copy())),
      database_(file_->get()) {
  execute(database_,
          "PRAGMA journal_mode=MEMORY;PRAGMA synchronous=OFF;PRAGMA temp_store=MEMORY;PRAGMA secure_delete=FAST;"
          "PRAGMA ignore_check_constraints=ON",
          path_, kWriting);
  prepare_statements(Trust::kNone);
}

void Archive::hold() {
  const auto turn = lock();
  if (!file_ || is_writable() || in_view_) return;
  execute(database_, "BEGIN; SELECT 1 FROM sqlite_schema", path_);
  in_view_ = true;
}

void Archive::tidy_up() noexcept {
  if (starpack_ || !file_ || !is_writable()) return;
  release();
  if (transactions_ > 0) sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
  if (host_->has_journal()) file_->trim();
}

Archive::~Archive() {
  names_.reset();
  find_.reset();
  begin_.reset();
  end_.reset();
  carry_.reset();
  rollback_.reset();
  if (starpack_) return;
  // SQLite leaves the journal while anybody writes: without one there is nothing to tidy up.
  if (file_ && is_writable() && host_->has_journal()) file_->trim();
}

void Archive::prepare_statements(Trust trust) {
  if (trust == Trust::kNone) {
    execute(database_, "PRAGMA cell_size_check=ON", path_);
    check_schema();
  }
  find_ = prepare(database_, kFind, path_);
  if (trust == Trust::kOwn) return;
  if (const auto dot = find_stored(".", ""); dot && dot->type == MemberType::kDirectory) root_ = "./";
}

std::shared_ptr<Archive> Archive::open_bytes(Bytes bytes, std::string path, Trust trust) {
  check_database_header({reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 100)},
                        static_cast<std::int64_t>(bytes.size()), path);
  // Pages are then read where they lie (memdb's xFetch), not copied.
  Database database = open_database(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr, path);
  auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
  const auto size = static_cast<sqlite3_int64>(bytes.size());
  const int code = sqlite3_deserialize(database.get(), "main", data, size, size, SQLITE_DESERIALIZE_READONLY);
  if (code != SQLITE_OK) throw sqlite_error(database.get(), code, path);
  return std::shared_ptr<Archive>(new Archive(std::move(database), std::move(path), trust));
}

std::shared_ptr<Archive> Archive::open_mapping(Mapping mapping, std::size_t skip_bytes, std::size_t size_bytes,
                                               std::string path) {
  auto archive = open_bytes(mapping.bytes().subspan(skip_bytes, size_bytes), std::move(path));
  archive->mapping_ = std::move(mapping);
  return archive;
}

std::shared_ptr<Archive> Archive::load_file(const std::string& path, std::int64_t max_bytes) {
  auto archive = open_file(path);
  const Snapshot snapshot(*archive);
  archive->find("main.tcl");  // the first read takes the lock
  const Fd fd = open_regular(path);
  const Location location = locate_archive(fd, path);
  if (location.size_bytes > max_bytes) return archive;
  std::vector<std::byte> bytes(static_cast<std::size_t>(location.size_bytes));
  bytes.resize(read_at(fd, bytes.data(), bytes.size(), static_cast<std::int64_t>(location.offset), path));
  auto loaded = open_bytes(bytes, path);
  loaded->content_ = std::move(bytes);
  return loaded;
}

std::vector<std::byte> Archive::content_bytes(MemberReader& content, const std::string& path) {
  // What a member states of its size is not believed to the last byte of memory: a content in chunks may state 4 TiB.
  if (content.size_bytes() > kContentMax) {
    throw Error(EFBIG, "TOOBIG",
                quoted("couldn't open", path) + ": an archive in an archive can have " + std::to_string(kContentMax) +
                    " bytes at most, this one has " + std::to_string(content.size_bytes()) +
                    " (hint: copy it out first)");
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(content.size_bytes()));
  content.read(0, bytes);
  return bytes;
}

std::shared_ptr<Archive> Archive::open_content(MemberReader& content, std::string path) {
  std::vector<std::byte> bytes = content_bytes(content, path);
  const Location location = locate_archive(bytes, path);
  auto archive = open_bytes(Bytes(bytes).subspan(static_cast<std::size_t>(location.offset),
                                                 static_cast<std::size_t>(location.size_bytes)),
                            std::move(path));
  archive->content_ = std::move(bytes);
  return archive;
}

std::shared_ptr<Archive> Archive::open_file(const std::string& path, Access access) {
  const auto host = std::make_shared<const HostFile>(path);
  bool is_program = false;
  if (access == Access::kWrite) {
    const Fd fd = host->open(Access::kRead);
    char magic[4];
    is_program = read_at(fd, magic, sizeof magic, 0, path) == sizeof magic && is_elf({magic, sizeof magic});
  }
  if (has_hot_journal(*host)) {
    // What a process that was killed has left half done is undone by the next one that may write.
    try {
      roll_back(host);
    } catch (const Error& error) {
      if (error.code() == "JOURNAL") throw;
      // Else reading tells.
    }
  }
  if (is_program) {
    // An executable is only read here, and made anew: one that runs could not be written. A journal of the old one would
    // be taken for the new one's.
    if (has_hot_journal(*host)) {
      throw Error(EAGAIN, "ROLLBACK",
                  quoted("couldn't open", path) +
                      " for writing: a change of it was interrupted and must be undone first (hint: open it once while it "
                      "does not run)");
    }
    host->check_directory();
    return std::shared_ptr<Archive>(new Archive(host));
  }
  Fd fd;
  try {
    fd = host->open(access);
    if (access == Access::kWrite) host->check_directory();
  } catch (const Error& error) {
    if (access == Access::kRead || !error.code().empty()) throw;
    throw Error(error.posix(), "", error.text() + " (hint: mount it with -readonly)");
  }
  const Location location = locate_in(*host, fd);
  return std::shared_ptr<Archive>(new Archive(host, location, access));
}

std::shared_ptr<Archive> Archive::open_sealed(Fd file, std::string path) {
  const auto host = std::make_shared<const HostFile>(std::move(file), std::move(path));
  const Location location = locate_archive(host->open(Access::kRead), host->path());
  return std::shared_ptr<Archive>(new Archive(host, location, Access::kRead));
}

void Archive::renew() {
  if (!starpack_) return;
  const auto turn = lock();
  if (transactions_ > 0 || in_view_ || !starpack_->is_stale()) return;
  release();
  starpack_->renew();
  sqlite3_file_control(database_, "main", SQLITE_FCNTL_RESET_CACHE, nullptr);
}

std::shared_ptr<Archive> Archive::reopen() const {
  if (starpack_) return std::shared_ptr<Archive>(new Archive(host_));
  if (has_hot_journal(*host_) && is_writable()) roll_back(host_);
  const Fd fd = host_->open(access_);
  return std::shared_ptr<Archive>(new Archive(host_, locate_in(*host_, fd), access_));
}

// `sqlar` must be a table, not a view or a virtual table: those would run code of the archive's author. That its columns
// are the right ones is checked by preparing the statements.
void Archive::check_schema() {
  const Statement statement =
      prepare(database_, "SELECT type, rootpage FROM sqlite_schema WHERE name = 'sqlar'", path_);
  const bool found = step(statement.get());
  if (!found) {
    throw Error(EINVAL, "NOTSQLAR",
                quoted("couldn't open", path_) + ": not a kit (hint: its database has no table sqlar)");
  }
  if (column_text(statement.get(), 0) != "table" || sqlite3_column_int64(statement.get(), 1) <= 0) {
    throw Error(EINVAL, "NOTSQLAR", quoted("couldn't open", path_) + ": its sqlar is not an ordinary table");
  }
  // Generated columns run code of the archive's author as well.
  const Statement hidden =
      prepare(database_, "SELECT 1 FROM pragma_table_xinfo('sqlar') WHERE hidden <> 0", path_);
  if (step(hidden.get())) {
    throw Error(EINVAL, "NOTSQLAR", quoted("couldn't open", path_) + ": its table sqlar has generated columns");
  }
  if (is_writable()) check_writable_schema();
}

// Constraints with ON CONFLICT IGNORE or REPLACE would undo in silence what is written, other affinities and collations
// would give it another name; expressions in indices and defaults run code of the archive's author.
void Archive::check_writable_schema() {
  const Statement odd = prepare(
      database_,
      "SELECT 1 FROM pragma_table_xinfo('sqlar') WHERE CASE name WHEN 'name' THEN upper(type) <> 'TEXT' "
      "WHEN 'data' THEN upper(type) NOT IN ('BLOB', '') OR \"notnull\" WHEN 'mode' THEN 0 WHEN 'mtime' THEN 0 "
      "WHEN 'sz' THEN 0 ELSE \"notnull\" OR dflt_value IS NOT NULL END UNION ALL "
      "SELECT 1 FROM pragma_index_list('sqlar') AS list, pragma_index_xinfo(list.name) AS part WHERE part.key AND "
      "(part.cid = -2 OR list.partial OR (list.\"unique\" AND (part.name <> 'name' OR part.coll <> 'BINARY'))) UNION ALL "
      "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM pragma_index_list('sqlar') WHERE \"unique\")",
      path_);
  if (step(odd.get())) {
    throw Error(EINVAL, "SCHEMA",
                quoted("couldn't open", path_) +
                    " for writing: its table sqlar is not as it should be (hint: mount it with -readonly)");
  }
}

Member Archive::new_member(std::string_view name) {
  Member member;
  member.type = MemberType::kFile;
  member.inode = inode_of(name);
  return member;
}

// What could not be ended for want of memory, or undone on a broken disk, is ended before the next one begins.
void Archive::end_leftover() noexcept {
  if (transactions_ == 0 && !in_view_ && sqlite3_get_autocommit(database_) == 0) {
    release();
    sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

Archive::Snapshot::Snapshot(Archive& archive) : archive_(archive), turn_(archive.lock()), is_outermost_(false) {
  archive.end_leftover();
  // One in memory has no locks, and nobody else changes it.
  is_outermost_ = archive.file_ && sqlite3_get_autocommit(archive.database_) != 0;
  if (!is_outermost_) return;
  if (!archive.begin_) {
    archive.begin_ = prepare(archive.database_, "BEGIN", archive.path_);
    archive.end_ = prepare(archive.database_, "COMMIT", archive.path_);
  }
  // BEGIN alone takes no lock: the first read does.
  archive.step(archive.begin_.get());
  sqlite3_reset(archive.begin_.get());
  archive.in_view_ = true;
}

Archive::Snapshot::~Snapshot() {
  if (!is_outermost_) return;
  archive_.in_view_ = false;
  archive_.release();
  sqlite3_step(archive_.end_.get());
  sqlite3_reset(archive_.end_.get());
}

bool Archive::step(sqlite3_stmt* statement) const {
  const int code = sqlite3_step(statement);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  throw sqlite_error(database_, code, path_);
}

void Archive::fail_member(std::string_view name, int posix, const char* code, const std::string& cause) const {
  throw Error(posix, code, quoted("couldn't read", path_ + "/" + std::string(name)) + ": " + cause);
}

Member Archive::member_of(sqlite3_stmt* row, std::string_view name) const {
  Member member;
  const std::int64_t mode = sqlite3_column_int64(row, 1);
  const std::int64_t size = sqlite3_column_int64(row, 3);
  const bool has_data = sqlite3_column_type(row, 4) != SQLITE_NULL;
  const std::int64_t stored_or_chunks = sqlite3_column_int64(row, 4);
  member.chunks = stored_or_chunks < 0 ? -stored_or_chunks : 0;
  member.stored_bytes = stored_or_chunks < 0 ? 0 : stored_or_chunks;
  member.permissions = static_cast<std::uint32_t>(mode & 07777);
  member.mtime_s = sqlite3_column_int64(row, 2);
  member.inode = inode_of(name);
  switch (mode & S_IFMT) {
    case S_IFDIR: member.type = MemberType::kDirectory; break;
    case S_IFLNK: member.type = MemberType::kLink; break;
    case S_IFREG: member.type = MemberType::kFile; break;
    case 0: member.type = has_data ? MemberType::kFile : MemberType::kDirectory; break;
    default: fail_member(name, EINVAL, "MEMBER", "its type is neither file nor directory nor link");
  }
  if (member.type == MemberType::kLink) {
    member.size_bytes = member.stored_bytes;
  } else if (member.type == MemberType::kFile && member.chunks != 0) {
    if (size < 0 || size > kChunkedSizeMax) fail_member(name, EIO, "SIZE", "its size lies: " + std::to_string(size));
    member.size_bytes = size;
  } else if (member.type == MemberType::kFile) {
    const std::int64_t stored = member.stored_bytes;
    if (size < stored || size / kDeflateRatioMax > stored) {
      fail_member(name, EIO, "SIZE",
                  "its size lies: " + std::to_string(size) + " bytes cannot be stored in " + std::to_string(stored));
    }
    member.size_bytes = size;
  }
  return member;
}

std::optional<Member> Archive::find_row(std::string_view name) {
  return root_.empty() ? find_stored(name, name) : find_stored(stored_name(name), name);
}

std::optional<Member> Archive::find_stored(std::string_view stored, std::string_view name) {
  release();
  const Use use(find_.get());
  bind_text(find_.get(), 1, stored);
  sqlite3_bind_int64(find_.get(), 2, -1);
  if (!step(find_.get())) return std::nullopt;
  return member_of(find_.get(), name);
}

bool Archive::is_implied_directory(std::string_view name) {
  const Use use(names_statement());
  const std::string low = stored_name(name) + "/";
  const std::string high = stored_name(name) + "0";  // '0' follows '/'
  seek(low, high);
  return step(names_.get());
}

// The names in a range, from the index alone.
sqlite3_stmt* Archive::names_statement() {
  if (!names_) {
    names_ = prepare(database_, "SELECT name FROM sqlar WHERE name >= ?1 AND name < ?2 ORDER BY name", path_);
  }
  return names_.get();
}

void Archive::seek(std::string_view low, std::string_view high) {
  sqlite3_reset(names_.get());
  bind_text(names_.get(), 1, low);
  bind_text(names_.get(), 2, high);
}

void Archive::fail_name(std::string_view name, std::string_view fault) const {
  throw Error(EINVAL, "NAME",
              quoted("couldn't read", path_) + ": " + quoted("the member name", name) + " " + std::string(fault));
}

std::optional<Member> Archive::find(std::string_view name) {
  const auto turn = lock();
  if (name.empty()) {
    const auto dot = root_.empty() ? std::nullopt : find_stored(".", "");
    return dot ? dot : implied_directory("");
  }
  if (auto member = find_row(name)) return member;
  if (is_implied_directory(name)) return implied_directory(name);
  return std::nullopt;
}

std::optional<std::string> Archive::link_target(std::string_view name) {
  const auto turn = lock();
  const auto member = find_row(name);
  if (!member || member->type != MemberType::kLink) return std::nullopt;
  if (member->stored_bytes > kLinkTargetMax) fail_member(name, EIO, "SIZE", "its target is longer than a path can be");
  const auto row = stored(name);
  if (!row) return std::nullopt;
  std::string target(reinterpret_cast<const char*>(row->data.data()), row->data.size());
  release();
  return target;
}

std::optional<std::string> Archive::resolve(std::string_view name, bool follow_last, const Links& how) {
  const auto turn = lock();
  // The usual case: a member, or a name in a directory, without a link on the way.
  if (const auto member = find(name); member && (member->type != MemberType::kLink || !follow_last)) {
    return std::string(name);
  }
  std::string done;
  std::string rest(name);
  int links = 0;
  while (!rest.empty()) {
    const auto slash = rest.find('/');
    const std::string part = rest.substr(0, slash);
    rest = slash == std::string::npos ? "" : rest.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (done.empty()) return std::nullopt;  // out of the archive
      done = parent_name(done);
      continue;
    }
    const std::string here = join_name(done, part);
    const bool last = rest.empty();
    const auto target = last && !follow_last ? std::nullopt : link_target(here);
    if (!target) {
      done = here;
      continue;
    }
    if (++links > kLinksMax) fail_member(name, ELOOP, "", "too many levels of symbolic links");
    std::string_view onward = *target;
    if (onward.starts_with('/')) {
      if (how.mounted_at.empty() || !onward.starts_with(how.mounted_at)) return std::nullopt;
      onward.remove_prefix(how.mounted_at.size());
      if (!onward.empty() && !onward.starts_with('/') && !how.mounted_at.ends_with('/')) return std::nullopt;
      done.clear();
    }
    rest = std::string(onward) + (rest.empty() ? "" : "/" + rest);
  }
  return !how.must_exist || find(done) ? std::optional(done) : std::nullopt;
}

// Watches that names come in ascending order. Those of a damaged index need not: its pages may lead to one another again
// and again, and a listing would not end.
class Archive::Ascending {
 public:
  explicit Ascending(const Archive& archive) : archive_(archive) {}

  std::string_view next(std::string_view name) {
    if (any_ && name < last_) archive_.fail_corrupt();
    if (any_ && name == last_) {
      throw Error(EEXIST, "NAME",
                  quoted("couldn't read", archive_.path_) + ": two members have the name " + quoted("", name).substr(1));
    }
    any_ = true;
    last_ = name;
    return last_;
  }

 private:
  const Archive& archive_;
  std::string last_;
  bool any_ = false;
};

void Archive::fail_corrupt() const {
  throw Error(EIO, "CORRUPT", quoted("couldn't read", path_) + ": the archive is damaged (its index is out of order)");
}

std::vector<std::string> Archive::child_names(std::string_view directory) {
  const auto turn = lock();
  const Use use(names_statement());
  const std::string base = stored_name(directory) + (directory.empty() ? "" : "/");
  std::string low = base;
  std::string high = base;
  if (base.empty()) {
    high = "\xff";  // follows every name in UTF-8
  } else {
    high.back() = '0';  // follows '/'
  }
  std::vector<std::string> parts;
  // Whether a directory has been seen by its own name: only names that begin with it lie between that and what is in it.
  const auto is_known = [&](std::string_view part) {
    for (auto at = parts.rbegin(); at != parts.rend() && at->starts_with(part); ++at) {
      if (*at == part) return true;
    }
    return false;
  };
  seek(low, high);
  Ascending names(*this);
  while (step(names_.get())) {
    const std::string_view name = names.next(column_text(names_.get(), 0));
    if (!name.starts_with(base)) fail_corrupt();
    std::string_view part = name.substr(base.size());
    if (part.empty()) continue;
    const auto slash = part.find('/');
    part = part.substr(0, slash);
    if (const auto fault = name_fault(part); !fault.empty()) fail_name(name, fault);
    if (slash == std::string_view::npos) {
      parts.emplace_back(part);
      continue;
    }
    // Something deeper: its first part is a directory; on with what follows the whole of it.
    if (!is_known(part)) parts.emplace_back(part);
    low = base + std::string(part) + "0";
    seek(low, high);
  }
  return parts;
}

void Archive::children(std::string_view directory, const ChildVisitor& visit) {
  const auto turn = lock();
  for (const std::string& part : child_names(directory)) {
    if (const auto member = find(join_name(directory, part))) visit(part, *member);
  }
}

namespace {

// A name of 4000 bytes can imply 2000 directories that are no members, whose names take a thousand times as much as it
// does. Who makes something of each is kept from taking memory and time out of proportion to the archive. Names come in
// their order; "a/c" that follows "a-b" is counted as if it implied "a" anew.
class ImpliedDirectories {
 public:
  // Whether there are still not too many.
  bool add(std::string_view name) {
    const auto same = static_cast<std::size_t>(
        std::mismatch(name.begin(), name.end(), before_.begin(), before_.end()).first - name.begin());
    name_bytes_ += name.size();
    for (auto at = name.find('/', same); at != std::string_view::npos; at = name.find('/', at + 1)) {
      if (at != before_.size()) implied_bytes_ += at;
    }
    before_ = name;
    return implied_bytes_ <= kBytesMin + kBytesPer * name_bytes_;
  }

 private:
  static constexpr std::size_t kBytesMin = 16 << 20;
  static constexpr std::size_t kBytesPer = 16;

  std::string before_;
  std::size_t name_bytes_ = 0;
  std::size_t implied_bytes_ = 0;
};

}  // namespace

void Archive::each(const MemberVisitor& visit) {
  const auto turn = lock();
  const Statement range = prepare(database_, kAll, path_);
  Ascending names(*this);
  ImpliedDirectories implied;
  while (step(range.get())) {
    if (sqlite3_column_type(range.get(), 0) != SQLITE_TEXT) fail_name(column_text(range.get(), 0), "is no text");
    std::string_view name = names.next(column_text(range.get(), 0));
    if (!root_.empty()) {
      if (name == ".") continue;
      if (name.starts_with(root_)) name.remove_prefix(root_.size());
    }
    if (const auto fault = name_fault(name); !fault.empty()) fail_name(name, fault);
    if (!implied.add(name)) {
      throw Error(EINVAL, "NAME", quoted("couldn't read", path_) + ": its names imply too many directories");
    }
    visit(name, member_of(range.get(), name));
  }
}

std::uint32_t Archive::change_counter() {
  const auto turn = lock();
  sqlite3_file* file = nullptr;
  unsigned char field[4];
  if (sqlite3_file_control(database_, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
      file->pMethods == nullptr || file->pMethods->xRead(file, field, sizeof field, 24) != SQLITE_OK) {
    return 0;
  }
  return static_cast<std::uint32_t>(field[0]) << 24 | static_cast<std::uint32_t>(field[1]) << 16 |
         static_cast<std::uint32_t>(field[2]) << 8 | field[3];
}

std::optional<std::string_view> Archive::recorded(std::string_view key) {
  const auto turn = lock();
  const std::uint32_t counter = change_counter();
  if (counter == 0) return std::nullopt;
  if (hides_linkless_ && key == kFactLinkless) return std::nullopt;
  if (hides_packages_ && key == kFactPackages) return std::nullopt;
  if (facts_at_ != counter) facts_.clear();
  facts_at_ = counter;
  auto known = facts_.find(key);
  if (known == facts_.end()) known = facts_.emplace(key, read_fact(*this, key, counter)).first;
  return known->second;
}

// As with sqlar: a view, a virtual table or a generated column would run code of the archive's author.
void Archive::need_chunk_table() {
  const Statement table = prepare(database_,
                                  "SELECT type = 'table' AND rootpage > 0 AND NOT EXISTS (SELECT 1 FROM "
                                  "pragma_table_xinfo('starlit_chunk') WHERE hidden <> 0) FROM sqlite_schema WHERE name "
                                  "= 'starlit_chunk'",
                                  path_);
  if (!step(table.get()) || sqlite3_column_int(table.get(), 0) == 0) {
    throw Error(EIO, "CHUNK", quoted("couldn't read", path_) + ": its table of large contents is missing or no table");
  }
}

std::int64_t Archive::stored_bytes(const Member& member) {
  if (member.chunks == 0) return member.stored_bytes;
  if (contents_) return contents_->stored_bytes(static_cast<std::size_t>(member.chunks - 1));
  const auto turn = lock();
  need_chunk_table();
  const Statement sum =
      prepare(database_, "SELECT total(length(data)) FROM starlit_chunk WHERE id BETWEEN ?1 AND ?2", path_);
  sqlite3_bind_int64(sum.get(), 1, member.chunks * kChunkIdsPerContent);
  sqlite3_bind_int64(sum.get(), 2, member.chunks * kChunkIdsPerContent + kChunkIdsPerContent - 2);
  return step(sum.get()) ? sqlite3_column_int64(sum.get(), 0) : 0;
}

Statement& Archive::carry_statement() {
  if (!carry_ && may_carry_) {
    sqlite3_stmt* raw = nullptr;
    may_carry_ = sqlite3_prepare_v3(database_,
                                    "UPDATE starlit_fact SET counter = ?1 WHERE counter = ?2 AND (key <> 'linkless' OR "
                                    "?3) AND (key <> 'packages' OR ?4)",
                                    -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr) == SQLITE_OK;
    carry_.reset(raw);
  }
  return carry_;
}

bool Archive::may_hold_links() { return !recorded(kFactLinkless); }

std::optional<Archive::Stored> Archive::stored(std::string_view name, std::int64_t data_max) {
  sqlite3_stmt* row = find_.get();
  sqlite3_reset(row);
  const std::string full = stored_name(name);
  sqlite3_bind_text(row, 1, full.data(), static_cast<int>(full.size()), SQLITE_TRANSIENT);
  sqlite3_bind_int64(row, 2, data_max);
  if (!step(row)) return std::nullopt;
  Stored stored;
  stored.mode = sqlite3_column_int64(row, 1);
  stored.mtime_s = sqlite3_column_int64(row, 2);
  stored.size = sqlite3_column_int64(row, 3);
  stored.is_null = sqlite3_column_type(row, 4) == SQLITE_NULL;
  if (sqlite3_column_type(row, 5) != SQLITE_INTEGER) stored.data = column_blob(row, 5);
  stored.has_data = stored.is_null || sqlite3_column_type(row, 5) != SQLITE_NULL;
  if (sqlite3_column_type(row, 5) == SQLITE_INTEGER) stored.chunks = sqlite3_column_int64(row, 5);
  stored.row = sqlite3_column_int64(row, 6);
  return stored;
}

}  // namespace starlit
