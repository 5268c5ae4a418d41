// SPDX-License-Identifier: MIT

#include "archive/writer.h"

#include <fcntl.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "archive/chunks.h"
#include "archive/executable.h"
#include "archive/facts.h"
#include "archive/name.h"
#include "archive/packages.h"
#include "base/file.h"
#include "deflate_pool.h"
#include "leaf_packer.h"
#include "file_vfs.h"
#include "host_file.h"

namespace starlit {
namespace {

constexpr const char* kSchema = "CREATE TABLE sqlar(name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB);";

// All is written in one transaction, the file's first: its change counter is 1 afterwards.
constexpr std::uint32_t kFirstCounter = 1;

// Members of a mean size below the first lie tighter in small pages; larger ones are read faster from large ones. Pages
// beyond 16384 bytes gain little more (1 GB stored, read by fcopy: 0.65 s of processor time from pages of 4096 bytes,
// 0.51 s from 16384, 0.49 s from 65536), and half a page is lost with each piece that is deflated.
constexpr std::int64_t kSmallMemberBytes = 32 << 10;
constexpr std::int64_t kLargeMemberBytes = 1 << 20;

// From this compression level on, size counts more than that `sqlite3 -A -t` lists members in the order of their names.
constexpr int kLevelPacked = 10;

struct NameBefore {
  bool operator()(const NewMember& a, const NewMember& b) const { return a.name < b.name; }
  bool operator()(const NewMember& a, std::string_view b) const { return a.name < b; }
};

void check_names(const std::vector<NewMember>& members) {
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::string& name = members[i].name;
    if (const auto fault = new_name_fault(name); !fault.empty()) {
      throw Error(EINVAL, "NAME", quoted("couldn't add", name) + ": the name " + std::string(fault));
    }
    if (i > 0 && members[i - 1].name == name) {
      throw Error(EEXIST, "NAME", quoted("couldn't add", name) + ": two members of this name");
    }
  }
}

bool holds(const std::vector<NewMember>& sorted, std::string_view name) {
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), name, NameBefore{});
  return at != sorted.end() && at->name == name;
}

// A row of sqlar that waits for its place.
struct Row {
  std::string name;
  std::int64_t mode = 0;
  std::int64_t mtime_s = 0;
  std::int64_t size = 0;    // -1: a link
  bool is_null = false;     // a directory
  std::int64_t chunks = 0;  // the number of a content that is in chunks
  DeflatedMember content;

  // The size of SQLite's record, near enough: five fields, and a header that describes each in a byte or two.
  std::int64_t record_bytes() const {
    constexpr std::int64_t kNumbersAndHeader = 3 + 4 + 3 + 8;
    return static_cast<std::int64_t>(name.size() + (is_null ? 0 : content.data().size())) + kNumbersAndHeader;
  }
};

// The tables of one new archive and the statements that fill them.
class Tables {
 public:
  Tables(sqlite3* database, const std::string& path) : database_(database), path_(path) {}

  // A journal is of no use in a file that is thrown away when something fails. SQLite's defensive mode forbids to go
  // without one, and has nothing to defend here.
  void create(int page_size_bytes, bool with_chunks) {
    sqlite3_db_config(database_, SQLITE_DBCONFIG_DEFENSIVE, 0, nullptr);
    const std::string pragmas = "PRAGMA page_size=" + std::to_string(page_size_bytes) +
                                ";PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF;PRAGMA locking_mode=EXCLUSIVE;"
                                "PRAGMA cache_size=-16384;BEGIN;PRAGMA application_id=" +
                                std::to_string(kApplicationId) +
                                ";PRAGMA user_version=" + std::to_string(kFormatVersion);
    execute(database_, pragmas.c_str(), path_, kWriting);
    execute(database_, kSchema, path_, kWriting);
    execute(database_, kFactSchema, path_, kWriting);
    member_ = prepare(database_, "INSERT INTO sqlar VALUES(?1,?2,?3,?4,?5)", path_, kWriting);
    if (!with_chunks) return;
    execute(database_, kChunkSchema, path_, kWriting);
    chunk_ = prepare(database_, "INSERT INTO starlit_chunk VALUES(?1,?2)", path_, kWriting);
  }

  void add(const Row& row) {
    const bool is_link = row.size == -1;
    has_links_ = has_links_ || is_link;
    sqlite3_stmt* insert = member_.get();
    const Use use(insert);
    const Bytes data = row.content.data();
    bind_text(insert, 1, row.name);
    sqlite3_bind_int64(insert, 2, row.mode);
    sqlite3_bind_int64(insert, 3, row.mtime_s);
    sqlite3_bind_int64(insert, 4, row.size);
    if (row.is_null) {
      sqlite3_bind_null(insert, 5);
    } else if (row.chunks != 0) {
      sqlite3_bind_int64(insert, 5, row.chunks);
    } else if (is_link) {
      sqlite3_bind_text64(insert, 5, data.empty() ? "" : reinterpret_cast<const char*>(data.data()), data.size(),
                          SQLITE_STATIC, SQLITE_UTF8);
    } else {
      sqlite3_bind_blob64(insert, 5, data.empty() ? "" : static_cast<const void*>(data.data()), data.size(),
                          SQLITE_STATIC);
    }
    run(insert);
  }

  void add_chunk(std::int64_t number, std::int64_t index, Bytes data) {
    const Use use(chunk_.get());
    sqlite3_bind_int64(chunk_.get(), 1, number * kChunkIdsPerContent + index);
    sqlite3_bind_blob64(chunk_.get(), 2, data.data(), data.size(), SQLITE_STATIC);
    run(chunk_.get());
  }

  void add_fact(std::string_view key, std::string_view text) {
    write_fact(database_, key, kFirstCounter, text, path_);
  }

  void commit() {
    if (!has_links_) add_fact(kFactLinkless, "");
    execute(database_, "COMMIT", path_, kWriting);
  }

 private:
  void run(sqlite3_stmt* row) {
    if (const int code = sqlite3_step(row); code != SQLITE_DONE) throw sqlite_error(database_, code, path_, kWriting);
  }

  sqlite3* database_;
  const std::string& path_;
  Statement member_;
  Statement chunk_;
  bool has_links_ = false;
};

// What a runtime executable gives to a new one: its program, its members and their packages.
struct Runtime {
  std::shared_ptr<Archive> archive;
  std::optional<Program> program;
  std::set<std::string, std::less<>> names;

  explicit Runtime(const std::string& path) {
    const Fd fd = open_regular(path);
    const Location location = locate_archive(fd, path);
    program.emplace(fd, static_cast<std::int64_t>(location.offset), path);
    archive = Archive::load_file(path);
    names = runtime_members(*archive);
    if (names.empty()) {
      throw Error(ENOEXEC, "NOTRUNTIME", quoted("couldn't use", path) + " as a runtime: it holds no Tcl library");
    }
  }
};

// Hands rows to the tables: in the order of their names, or in one that fills the pages. Holds a bounded number of them.
class RowOrder {
 public:
  RowOrder(Tables& tables, int page_size_bytes, bool packed)
      : tables_(tables), packer_(page_size_bytes), waiting_max_(packed ? 64 : 0) {}

  void add(Row row) {
    record_bytes_.push_back(row.record_bytes());
    waiting_bytes_ += record_bytes_.back();
    waiting_.push_back(std::move(row));
    while (waiting_.size() > waiting_max_ || waiting_bytes_ > kWaitingBytesMax) insert_next();
  }

  void finish() {
    while (!waiting_.empty()) insert_next();
  }

 private:
  static constexpr std::int64_t kWaitingBytesMax = 64 << 20;

  void insert_next() {
    const auto at = static_cast<std::ptrdiff_t>(packer_.choose(record_bytes_));
    tables_.add(waiting_[static_cast<std::size_t>(at)]);
    waiting_bytes_ -= record_bytes_[static_cast<std::size_t>(at)];
    waiting_.erase(waiting_.begin() + at);
    record_bytes_.erase(record_bytes_.begin() + at);
  }

  Tables& tables_;
  LeafPacker packer_;
  const std::size_t waiting_max_;
  std::vector<Row> waiting_;
  std::vector<std::int64_t> record_bytes_;  // of waiting_
  std::int64_t waiting_bytes_ = 0;
};

class Job {
 public:
  Job(const std::string& path, NewArchive archive) : output_(path), archive_(std::move(archive)) {}

  Written write() {
    prepare_members();
    choose_prefix();
    const auto offset = static_cast<std::int64_t>(location_.offset);
    {
      const FileDatabase database(std::make_shared<const HostFile>(output_.temporary_path()), location_, Access::kWrite);
      Tables tables(database.get(), output_.path());
      tables.create(page_size(), has_large_members());
      write_members(tables);
      if (archive_.packages && can_record(packages_)) tables.add_fact(kFactPackages, package_text(packages_));
      if (!runtime_names_.empty()) tables.add_fact(kFactRuntime, runtime_text());
      tables.commit();
    }
    const std::int64_t database_end = stat_fd(output_.fd(), output_.path()).st_size;
    if (has_prefix_) finish_prefix(database_end - offset);
    output_.commit(archive_.permissions.value_or(has_prefix_ ? 0755 : 0644));
    written_.file_bytes = database_end + (has_prefix_ ? static_cast<std::int64_t>(kMarkBytes) : 0);
    return written_;
  }

 private:
  void prepare_members() {
    auto& members = archive_.members;
    std::sort(members.begin(), members.end(), NameBefore{});
    check_names(members);
    if (archive_.packages) packages_ = *archive_.packages;
    for (NewMember& member : members) member.mtime_s = std::min(member.mtime_s, archive_.mtime_max_s);
    if (!archive_.program_path.empty()) {
      for (const NewMember& member : members) runtime_names_.insert(member.name);
    }
    if (archive_.runtime_path.empty()) return;
    runtime_.emplace(archive_.runtime_path);
    for (const std::string& name : runtime_->names) {
      if (!holds(members, name)) runtime_names_.insert(name);
    }
    for (PackageRecord& package : all_packages(*runtime_->archive)) {
      // The runtime may be a starpack: only what its runtime members provide goes on.
      const std::string member =
          package.module.empty() ? join_name(package.directory, "pkgIndex.tcl") : package.module;
      if (runtime_names_.contains(member)) packages_.push_back(std::move(package));
    }
  }

  std::string runtime_text() const {
    std::string text;
    for (const std::string& name : runtime_names_) text += name + '\0';
    return text;
  }

  void choose_prefix() {
    has_prefix_ = true;
    if (runtime_) {
      program_ = runtime_->program;
      location_.offset = program_->archive_offset();
    } else if (!archive_.program_path.empty()) {
      const Fd fd = open_regular(archive_.program_path);
      program_.emplace(fd, stat_fd(fd, archive_.program_path).st_size, archive_.program_path);
      location_.offset = program_->archive_offset();
    } else if (!archive_.script.empty()) {
      const auto size = static_cast<std::int64_t>(archive_.script.size());
      const std::int64_t padded = (size + kArchiveAlignment - 1) / kArchiveAlignment * kArchiveAlignment;
      archive_.script.resize(static_cast<std::size_t>(padded), '#');
      location_.offset = FileOffset(padded);
    } else {
      has_prefix_ = false;
    }
  }

  int page_size() const {
    if (archive_.page_size_bytes != 0) return archive_.page_size_bytes;
    std::int64_t bytes = 0;
    for (const NewMember& member : archive_.members) bytes += member.size_bytes;
    const auto count = static_cast<std::int64_t>(archive_.members.size()) + 1;
    if (bytes / count >= kLargeMemberBytes) return 16384;
    // In one that will be written to, fewer pages to a commit, and none shares a block of the disk with another.
    return bytes / count < kSmallMemberBytes && !archive_.for_writing ? 512 : 4096;
  }

  bool has_large_members() {
    for (const NewMember& member : archive_.members) {
      if (pieces_of(member) > 1) return true;
    }
    for (const std::string& name : runtime_names_) {
      if (runtime_ && runtime_member(name).chunks != 0) return true;
    }
    return false;
  }

  // Merges the sorted new members with the runtime's, whose data is copied as it lies.
  void write_members(Tables& tables) {
    std::int64_t total = 0;
    for (const NewMember& member : archive_.members) total += member.size_bytes;
    DeflatePool pool(archive_.members, archive_.level, archive_.threads);
    RowOrder rows(tables, page_size(), archive_.level >= kLevelPacked);
    auto from_runtime = runtime_ ? runtime_names_.begin() : runtime_names_.end();
    const auto copy_runtime_until = [&](const std::string* name) {
      for (; from_runtime != runtime_names_.end() && (name == nullptr || *from_runtime < *name); ++from_runtime) {
        rows.add(runtime_row(*from_runtime, tables));
      }
    };
    for (std::size_t i = 0; i < archive_.members.size(); ++i) {
      const NewMember& member = archive_.members[i];
      copy_runtime_until(&member.name);
      Row row = new_row(member);
      const std::int64_t pieces = pieces_of(member);
      if (pieces > 1) row.chunks = ++contents_in_chunks_;
      for (std::int64_t piece = 0; piece < pieces; ++piece) {
        DeflatedMember content = pool.take(i);
        written_.content_bytes += content.size_bytes;
        if (pieces > 1) {
          tables.add_chunk(row.chunks, piece, content.data());
        } else if (member.type == MemberType::kFile) {
          row.content = std::move(content);
        }
        if (archive_.progress) archive_.progress(written_.content_bytes, total);
      }
      rows.add(std::move(row));
    }
    copy_runtime_until(nullptr);
    rows.finish();
  }

  // All of it but a file's content.
  Row new_row(const NewMember& member) {
    Member as_member;
    as_member.type = member.type;
    as_member.permissions = member.permissions & 07777;
    Row row;
    row.name = member.name;
    row.mode = static_cast<std::int64_t>(as_member.mode());
    row.mtime_s = member.mtime_s;
    ++written_.members;
    switch (member.type) {
      case MemberType::kDirectory:
        row.is_null = true;
        break;
      case MemberType::kLink:
        row.size = -1;
        row.content.content = member.content;
        break;
      case MemberType::kFile:
        row.size = member.size_bytes;
        break;
    }
    return row;
  }

  Member runtime_member(const std::string& name) {
    const auto member = runtime_->archive->find(name);
    if (!member) throw Error(EIO, "CORRUPT", quoted("couldn't read", archive_.runtime_path) + ": a member is missing");
    return *member;
  }

  Row runtime_row(const std::string& name, Tables& tables) {
    const auto turn = runtime_->archive->lock();
    const auto stored = runtime_->archive->stored(name);
    if (!stored) throw Error(EIO, "CORRUPT", quoted("couldn't read", archive_.runtime_path) + ": a member is missing");
    Row row;
    row.name = name;
    row.mode = stored->mode;
    row.mtime_s = stored->mtime_s;
    row.size = stored->size;
    row.is_null = stored->is_null;
    row.content.content.assign(reinterpret_cast<const char*>(stored->data.data()), stored->data.size());
    runtime_->archive->release();
    if (stored->chunks != 0) {
      row.chunks = ++contents_in_chunks_;
      copy_chunks(runtime_member(name), row.chunks, tables);
    }
    return row;
  }

  // As they lie; what a piece holds is checked by whoever reads it.
  void copy_chunks(const Member& member, std::int64_t number, Tables& tables) {
    Archive& archive = *runtime_->archive;
    const Statement chunks = prepare(archive.database(), "SELECT data FROM starlit_chunk WHERE id = ?1", archive.path());
    for (std::int64_t index = 0; index * kChunkBytes < member.size_bytes; ++index) {
      const Use use(chunks.get());
      sqlite3_bind_int64(chunks.get(), 1, member.chunks * kChunkIdsPerContent + index);
      if (sqlite3_step(chunks.get()) != SQLITE_ROW) {
        throw Error(EIO, "CORRUPT", quoted("couldn't read", archive.path()) + ": a part of a member is missing");
      }
      tables.add_chunk(number, index, column_blob(chunks.get(), 0));
    }
  }

  // Writes what stands in front of the database, which was a hole until now, and the mark behind it.
  void finish_prefix(std::int64_t database_bytes) {
    const auto mark = encode_mark(location_.offset);
    const std::string prefix = program_ ? program_->with_archive(database_bytes + static_cast<std::int64_t>(kMarkBytes))
                                        : archive_.script;
    if (::lseek(output_.fd().get(), 0, SEEK_SET) != 0) throw posix_error("couldn't write", output_.path());
    write_all(output_.fd(), prefix, output_.path());
    if (::lseek(output_.fd().get(), 0, SEEK_END) < 0) throw posix_error("couldn't write", output_.path());
    write_all(output_.fd(), {mark.data(), mark.size()}, output_.path());
  }

  OutputFile output_;
  NewArchive archive_;
  std::vector<PackageRecord> packages_;
  std::optional<Runtime> runtime_;
  std::set<std::string, std::less<>> runtime_names_;
  std::optional<Program> program_;
  Location location_;
  bool has_prefix_ = false;
  std::int64_t contents_in_chunks_ = 0;
  Written written_;
};

}  // namespace

NewMember member_from_file(std::string name, const std::string& path) {
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0) throw posix_error("couldn't stat", path);
  NewMember member;
  member.name = std::move(name);
  member.permissions = status.st_mode & 07777;
  member.mtime_s = status.st_mtime;
  switch (status.st_mode & S_IFMT) {
    case S_IFREG:
      member.type = MemberType::kFile;
      member.path = path;
      member.size_bytes = status.st_size;
      break;
    case S_IFDIR:
      member.type = MemberType::kDirectory;
      break;
    case S_IFLNK: {
      member.type = MemberType::kLink;
      member.content.resize(4096);
      const ssize_t size = ::readlink(path.c_str(), member.content.data(), member.content.size());
      if (size < 0) throw posix_error("couldn't read", path);
      member.content.resize(static_cast<std::size_t>(size));
      break;
    }
    default:
      throw Error(EINVAL, "TYPE", quoted("couldn't add", path) + ": neither a file nor a directory nor a link");
  }
  return member;
}

NewMember member_from_archive(std::string name, std::shared_ptr<Archive> source, std::string source_name) {
  const auto found = name_fault(source_name).empty() ? source->find(source_name) : std::nullopt;
  if (!found || found->type != MemberType::kFile) {
    throw Error(found ? EISDIR : ENOENT, "NOMEMBER",
                quoted("couldn't read", source->path() + "/" + source_name) + ": no such file in the archive");
  }
  NewMember member;
  member.name = std::move(name);
  member.permissions = found->permissions;
  member.mtime_s = found->mtime_s;
  member.size_bytes = found->size_bytes;
  member.source = std::move(source);
  member.source_name = std::move(source_name);
  return member;
}

Written write_archive(const std::string& path, NewArchive archive) { return Job(path, std::move(archive)).write(); }

}  // namespace starlit
