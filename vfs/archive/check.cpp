// SPDX-License-Identifier: MIT

#include "archive/check.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <unordered_set>

#include "archive/chunks.h"
#include "archive/facts.h"
#include "archive/name.h"
#include "archive/packages.h"
#include "base/file.h"
#include "file_vfs.h"
#include "recovery.h"

namespace starlit {
namespace {

constexpr std::size_t kPieceBytes = 256 << 10;
constexpr std::int64_t kLinkTargetMax = 4096;
constexpr std::int64_t kChunkIdMax = (kContentNumberMax + 1) * kChunkIdsPerContent;

// How long to wait for somebody who is changing the archive.
constexpr std::chrono::milliseconds kAttemptEvery(20);
constexpr int kAttemptsMax = 250;

// SQLite tells no more than this; what is behind it is more of the same.
constexpr const char* kIntegrityCheck = "PRAGMA integrity_check(100)";

using Blob = std::unique_ptr<sqlite3_blob, Calls<sqlite3_blob_close>>;

class Check {
 public:
  Check(const std::string& path, const CheckOptions& options, const std::function<void(const Fault&)>& report)
      : path_(path), options_(options), report_(report), host_(std::make_shared<const HostFile>(path)) {}

  Checked run() {
    Location location;
    try {
      for (int attempt = 0;; ++attempt) {
        if (!check_journal()) return done_;
        try {
          location = locate();
          break;
        } catch (const Error& error) {
          // In the middle of a change the header may state more than there is.
          if (error.code() != "CUT" || !host_->has_journal() || attempt == kAttemptsMax) throw;
          std::this_thread::sleep_for(kAttemptEvery);
        }
      }
    } catch (const Error& error) {
      // What an errno says is that the file cannot be read.
      if (error.code().empty()) throw;
      fault(error.code(), "", error.text());
      return done_;
    }
    try {
      file_ = std::make_unique<FileDatabase>(host_, location, Access::kRead);
      execute(database(), "PRAGMA cell_size_check=ON;PRAGMA temp_store=FILE;BEGIN", path_);
      if (attempt([&] { check_schema(); }) && is_readable_) {
        page_bytes_ = number("PRAGMA page_size").value_or(0);
        done_.free_bytes = number("PRAGMA freelist_count").value_or(0) * page_bytes_;
        const std::int64_t used = number("PRAGMA page_count").value_or(0) * page_bytes_;
        done_.free_bytes += std::max<std::int64_t>(0, location.size_bytes - used);
        attempt([&] { check_database(); });
        attempt([&] { check_members(); });
        if (has_chunks_) attempt([&] { check_lost_chunks(); });
        if (has_facts_) attempt([&] { check_facts(); });
      }
    } catch (const Error& error) {
      fault(error.code().empty() ? "DATABASE" : error.code(), "", error.text());
    }
    return done_;
  }

 private:
  Location locate() {
    const Fd file = host_->open(Access::kRead);
    try {
      return locate_archive(file, path_);
    } catch (const Error& error) {
      if (!options_.repair || (error.code() != "NOTKIT" && error.code() != "MARKNOTLAST")) throw;
      if (!restore_mark(host_)) throw;
    }
    done_.mark_restored = true;
    return locate_archive(file, path_);
  }

  sqlite3* database() const noexcept { return file_->get(); }

  void fault(std::string code, std::string_view member, std::string text) {
    ++done_.faults;
    report_({std::move(code), std::string(member), std::move(text)});
  }

  // What cannot be read on is a fault, and the next thing is looked at.
  template <typename Body>
  bool attempt(Body body) {
    try {
      body();
      return true;
    } catch (const Error& error) {
      fault("DATABASE", "", error.text());
      return false;
    }
  }

  bool step(sqlite3_stmt* statement) const {
    const int code = sqlite3_step(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE) throw sqlite_error(database(), code, path_);
    return code == SQLITE_ROW;
  }

  std::optional<std::int64_t> number(std::string_view sql) const {
    const Statement query = prepare(database(), sql, path_);
    if (!step(query.get())) return std::nullopt;
    return sqlite3_column_int64(query.get(), 0);
  }

  void progress(std::int64_t bytes) {
    done_.content_bytes += bytes;
    if (options_.progress) options_.progress(done_.content_bytes, total_bytes_);
  }

  bool check_journal() {
    if (!has_hot_journal(*host_)) return true;
    if (options_.repair) {
      try {
        roll_back(host_);
      } catch (const Error& error) {
        fault("JOURNAL", "", "a change that was cut off could not be rolled back: " + error.text());
        done_.journal = JournalState::kHot;
        return false;
      }
      done_.journal = JournalState::kRolledBack;
      return true;
    }
    done_.journal = JournalState::kHot;
    fault("JOURNAL", "",
          "a change was cut off and must be rolled back before the rest can be checked (hint: use -repair, or open it "
          "once where it can be written)");
    return false;
  }

  // A table whose rows are data and not code of its author's.
  bool is_ordinary_table(const std::string& name, const char* columns) {
    const Statement table = prepare(
        database(), "SELECT type, rootpage FROM sqlite_schema WHERE name = '" + name + "'", path_);
    if (!step(table.get())) return false;
    if (column_text(table.get(), 0) != "table" || sqlite3_column_int64(table.get(), 1) <= 0) {
      fault("SCHEMA", "", name + " is not an ordinary table");
      return false;
    }
    const Statement layout =
        prepare(database(), "SELECT group_concat(name), total(hidden) FROM pragma_table_xinfo('" + name + "')", path_);
    if (!step(layout.get()) || column_text(layout.get(), 0) != columns || sqlite3_column_int64(layout.get(), 1) != 0) {
      fault("SCHEMA", "", "the columns of " + name + " are not " + columns);
      return false;
    }
    return true;
  }

  void check_schema() {
    const std::int64_t before = done_.faults;
    if (!is_ordinary_table("sqlar", "name,mode,mtime,sz,data")) {
      if (done_.faults == before) fault("SCHEMA", "", "it has no table sqlar");
      return;
    }
    if (number("PRAGMA application_id") == kApplicationId && number("PRAGMA user_version").value_or(0) > kFormatVersion) {
      fault("SCHEMA", "", "its format is newer than this program knows");
    }
    if (!number("SELECT 1 FROM pragma_index_list('sqlar') l WHERE l.\"unique\" AND (SELECT group_concat(name) FROM "
                "pragma_index_info(l.name)) = 'name'")) {
      fault("SCHEMA", "", "its names have no unique index");
      by_name_ = false;
    }
    is_readable_ = true;
    has_chunks_ = is_ordinary_table("starlit_chunk", "id,data");
    has_facts_ = is_ordinary_table("starlit_fact", "key,counter,sz,data");
  }

  void check_database() {
    const Statement check = prepare(database(), kIntegrityCheck, path_);
    while (step(check.get())) {
      const std::string_view line = column_text(check.get(), 0);
      if (line == "ok") return;
      // Then the index may lead to what is not there, and not to what is.
      by_name_ = false;
      std::string text(line);
      std::replace(text.begin(), text.end(), '\n', ' ');
      fault("DATABASE", "", text);
    }
  }

  void check_members() {
    total_bytes_ = number("SELECT total(sz) FROM sqlar WHERE sz > 0").value_or(0);
    const Statement dot = prepare(database(), "SELECT mode FROM sqlar WHERE name = '.'", path_);
    if (step(dot.get()) && (sqlite3_column_int64(dot.get(), 0) & S_IFMT) == S_IFDIR) root_ = "./";
    sqlite3_reset(dot.get());
    parent_ = prepare(database(), "SELECT mode, typeof(data) FROM sqlar WHERE name = ?1", path_);
    // Without an index that can be relied on, the order of the table.
    const std::string select = std::string("SELECT rowid, name, mode, mtime, sz, typeof(data), length(data), "
                                           "typeof(name), typeof(mode), typeof(mtime), typeof(sz) FROM sqlar ") +
                               (by_name_ ? "ORDER BY name" : "NOT INDEXED");
    const Statement rows = prepare(database(), select, path_);
    std::string last;
    while (step(rows.get())) {
      ++done_.members;
      if (by_name_ && done_.members > 1 && column_text(rows.get(), 1) == last) {
        fault("NAME", last, "another member has the same name");
      }
      last = column_text(rows.get(), 1);
      check_member(rows.get(), last);
    }
  }

  void check_member(sqlite3_stmt* row, const std::string& stored_name) {
    if (column_text(row, 7) != "text") return fault("NAME", stored_name, "its name is no text");
    if (!root_.empty() && stored_name == ".") return;
    std::string_view name = stored_name;
    if (name.starts_with(root_)) name.remove_prefix(root_.size());
    if (const auto cause = new_name_fault(name); !cause.empty()) {
      return fault("NAME", stored_name, "its name " + std::string(cause));
    }
    if (!root_.empty() && !stored_name.starts_with(root_) && stored_mode(root_ + stored_name)) {
      fault("NAME", stored_name, "another member has the same name");
    }
    check_parents(name);
    for (const int column : {8, 9, 10}) {
      if (column_text(row, column) != "integer") {
        return fault("MEMBER", name, "its mode, time or size is no whole number");
      }
    }
    const std::int64_t mode = sqlite3_column_int64(row, 2);
    const std::int64_t size = sqlite3_column_int64(row, 4);
    const std::string type(column_text(row, 5));
    if (mode < 0 || mode > 0177777) return fault("MEMBER", name, "its mode is out of range");
    switch (mode & S_IFMT) {
      case S_IFDIR: return check_directory(name, type, size);
      case S_IFLNK: return check_link(row, name, type, size);
      case S_IFREG: return check_file(row, name, type, size);
      case 0: return type == "null" ? check_directory(name, type, size) : check_file(row, name, type, size);
      default: return fault("MEMBER", name, "its type is neither file nor directory nor link");
    }
  }

  std::optional<mode_t> stored_mode(const std::string& stored_name) {
    const Use use(parent_.get());
    bind_text(parent_.get(), 1, stored_name);
    if (!step(parent_.get())) return std::nullopt;
    const auto mode = static_cast<mode_t>(sqlite3_column_int64(parent_.get(), 0) & S_IFMT);
    if (mode == 0) return column_text(parent_.get(), 1) == "null" ? S_IFDIR : S_IFREG;
    return mode;
  }

  // Every directory above is one, or is only implied.
  void check_parents(std::string_view name) {
    const std::string_view directory = parent_name(name);
    if (directory == good_directory_) return;
    for (std::string_view above = directory; !above.empty(); above = parent_name(above)) {
      const auto mode = stored_mode(root_ + std::string(above));
      if (mode && *mode != S_IFDIR) return fault("NAME", name, quoted("it lies below", above) + ", which is no directory");
    }
    good_directory_ = directory;
  }

  void check_directory(std::string_view name, std::string_view type, std::int64_t size) {
    if (type != "null") return fault("MEMBER", name, "a directory with a content");
    if (size != 0) fault("SIZE", name, "a directory with a size");
  }

  void check_link(sqlite3_stmt* row, std::string_view name, std::string_view type, std::int64_t size) {
    if (type != "text" && type != "blob") return fault("MEMBER", name, "a link without a target");
    if (size != -1) fault("SIZE", name, "a link's size is -1");
    const std::int64_t length = sqlite3_column_int64(row, 6);
    if (length < 1 || length >= kLinkTargetMax) fault("SIZE", name, "its target is no path");
    has_links_ = true;
  }

  void check_file(sqlite3_stmt* row, std::string_view name, std::string_view type, std::int64_t size) {
    if (type == "integer") return check_chunks(name, number_in_row(sqlite3_column_int64(row, 0)), size);
    if (type != "text" && type != "blob") return fault("MEMBER", name, "a file without a content");
    sqlite3_blob* raw = nullptr;
    const int code =
        sqlite3_blob_open(database(), "main", "sqlar", "data", sqlite3_column_int64(row, 0), 0, &raw);
    const Blob blob(raw);
    if (code != SQLITE_OK) return fault("DATA", name, sqlite_error(database(), code, path_).text());
    const std::int64_t stored = sqlite3_blob_bytes(blob.get());
    if (size < stored || size / kDeflateRatioMax > stored) {
      return fault("SIZE", name, std::to_string(size) + " bytes cannot be stored in " + std::to_string(stored));
    }
    if (const std::string cause = data_fault(blob.get(), stored, size); !cause.empty()) fault("DATA", name, cause);
  }

  std::int64_t number_in_row(std::int64_t row) const {
    return number("SELECT data FROM sqlar WHERE rowid = " + std::to_string(row)).value_or(0);
  }

  // Why a content is not what it should be, or nothing.
  std::string data_fault(sqlite3_blob* blob, std::int64_t stored, std::int64_t size) {
    InflateStream inflater;
    piece_.resize(kPieceBytes);
    plain_.resize(kPieceBytes);
    std::int64_t produced = 0;
    bool finished = false;
    for (std::int64_t at = 0; at < stored && !finished;) {
      const auto want = std::min<std::int64_t>(static_cast<std::int64_t>(kPieceBytes), stored - at);
      const int code = sqlite3_blob_read(blob, piece_.data(), static_cast<int>(want), static_cast<int>(at));
      if (code != SQLITE_OK) return "it cannot be read: " + std::string(sqlite3_errstr(code));
      at += want;
      if (stored == size) {
        progress(want);
        continue;
      }
      Bytes in = Bytes(piece_).first(static_cast<std::size_t>(want));
      try {
        while (!finished) {
          const auto step = inflater.inflate(in, plain_);
          in = in.subspan(step.consumed);
          produced += static_cast<std::int64_t>(step.produced);
          finished = step.finished;
          if (produced > size) return "its deflated data goes on beyond its size";
          progress(static_cast<std::int64_t>(step.produced));
          if (step.consumed == 0 && step.produced == 0) break;
        }
      } catch (const Error&) {
        return "its deflated data is damaged";
      }
      if (finished && (!in.empty() || at < stored)) return "something follows its deflated data";
    }
    if (stored == size) return {};
    if (!finished) return "its deflated data is cut short";
    return produced == size ? "" : "its deflated data ends before its size is reached";
  }

  void check_chunks(std::string_view name, std::int64_t content, std::int64_t size) {
    if (!has_chunks_) return fault("CHUNK", name, "the table of its content is missing");
    if (content < 1 || content > kContentNumberMax || size < 1 || size > kChunkedSizeMax) {
      return fault("CHUNK", name, "its size or the number of its content is out of range");
    }
    if (!contents_.insert(content).second) fault("CHUNK", name, "another member has the same content");
    const Statement chunks = prepare(
        database(),
        "SELECT id, typeof(data), length(data), CASE WHEN length(data) <= ?3 THEN data END FROM starlit_chunk WHERE id "
        "BETWEEN ?1 AND ?2 ORDER BY id",
        path_);
    const std::int64_t first = content * kChunkIdsPerContent;
    const std::int64_t count = (size + kChunkBytes - 1) / kChunkBytes;
    sqlite3_bind_int64(chunks.get(), 1, first);
    sqlite3_bind_int64(chunks.get(), 2, first + kChunkIdsPerContent - 1);
    sqlite3_bind_int64(chunks.get(), 3, kChunkBytes);
    Inflater inflater;
    plain_.resize(static_cast<std::size_t>(kChunkBytes));
    std::int64_t expected = 0;
    while (step(chunks.get())) {
      const std::int64_t index = sqlite3_column_int64(chunks.get(), 0) - first;
      if (index == kChunkIdsPerContent - 1) {
        if (column_text(chunks.get(), 1) != "integer") fault("CHUNK", name, "its version is no number");
        continue;
      }
      if (index >= count) {
        ++done_.lost_chunks;
        done_.lost_bytes += sqlite3_column_int64(chunks.get(), 2);
        continue;
      }
      if (index != expected) fault("CHUNK", name, "its piece " + std::to_string(expected) + " is missing");
      expected = index + 1;
      const auto piece_size = static_cast<std::size_t>(std::min(kChunkBytes, size - index * kChunkBytes));
      const Bytes data = column_blob(chunks.get(), 3);
      if (column_text(chunks.get(), 1) != "blob" || data.empty() || data.size() > piece_size) {
        fault("CHUNK", name, "its piece " + std::to_string(index) + " has a wrong size");
      } else if (data.size() < piece_size && !inflater.inflate(data, std::span(plain_).first(piece_size))) {
        fault("DATA", name, "the deflated data of its piece " + std::to_string(index) + " is damaged");
      }
      progress(static_cast<std::int64_t>(piece_size));
    }
    if (expected != count) fault("CHUNK", name, "its piece " + std::to_string(expected) + " is missing");
  }

  // Contents that no member leads to.
  void check_lost_chunks() {
    const Statement seek =
        prepare(database(), "SELECT id FROM starlit_chunk WHERE id >= ?1 ORDER BY id LIMIT 1", path_);
    const Statement sum = prepare(
        database(), "SELECT count(*), total(length(data)) FROM starlit_chunk WHERE id BETWEEN ?1 AND ?2", path_);
    for (std::int64_t at = INT64_MIN;;) {
      sqlite3_reset(seek.get());
      sqlite3_bind_int64(seek.get(), 1, at);
      if (!step(seek.get())) return;
      const std::int64_t id = sqlite3_column_int64(seek.get(), 0);
      const std::int64_t content = id < 0 || id >= kChunkIdMax ? 0 : id / kChunkIdsPerContent;
      const std::int64_t last = id < 0                ? -1
                                : id >= kChunkIdMax ? INT64_MAX
                                                    : content * kChunkIdsPerContent + kChunkIdsPerContent - 1;
      // A damaged tree may lead back.
      if (id < at) throw Error(EIO, "CORRUPT", quoted("couldn't read", path_) + ": its pieces are out of order");
      if (!contents_.contains(content)) {
        sqlite3_reset(sum.get());
        sqlite3_bind_int64(sum.get(), 1, id);
        sqlite3_bind_int64(sum.get(), 2, last);
        if (step(sum.get())) {
          done_.lost_chunks += sqlite3_column_int64(sum.get(), 0);
          done_.lost_bytes += sqlite3_column_int64(sum.get(), 1);
        }
      }
      if (last == INT64_MAX) return;
      at = last + 1;
    }
  }

  bool is_member(std::string_view name) { return stored_mode(root_ + std::string(name)).has_value(); }

  // Only facts that readers believe.
  void check_facts() {
    const Statement facts = prepare(database(),
                                    "SELECT key, sz, CASE WHEN length(data) < 100000000 THEN data END, counter FROM "
                                    "starlit_fact",
                                    path_);
    const std::uint32_t counter = change_counter();
    while (step(facts.get())) {
      const std::string key(column_text(facts.get(), 0));
      // That of the runtime holds always.
      if (sqlite3_column_int64(facts.get(), 3) != counter && key != kFactRuntime) continue;
      const auto text = fact_text(sqlite3_column_int64(facts.get(), 1), column_blob(facts.get(), 2));
      if (!text) {
        fault("FACT", "", "what is recorded as " + key + " cannot be read");
      } else if (key == kFactLinkless && has_links_) {
        fault("FACT", "", "it is recorded that no member is a link, but one is");
      } else if (key == kFactPackages) {
        check_packages(*text);
      } else if (key == kFactRuntime && !text->empty() && text->back() != '\0') {
        fault("FACT", "", "the names of the runtime's members are cut short");
      }
    }
  }

  std::uint32_t change_counter() const {
    sqlite3_file* file = nullptr;
    unsigned char field[4] = {};
    if (sqlite3_file_control(database(), "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK &&
        file->pMethods != nullptr) {
      static_cast<void>(file->pMethods->xRead(file, field, sizeof field, 24));
    }
    return static_cast<std::uint32_t>(field[0]) << 24 | static_cast<std::uint32_t>(field[1]) << 16 |
           static_cast<std::uint32_t>(field[2]) << 8 | field[3];
  }

  static std::optional<std::string> fact_text(std::int64_t size, Bytes data) {
    const auto stored = static_cast<std::int64_t>(data.size());
    if (size < stored || size > (256 << 20) || size / kDeflateRatioMax > stored) return std::nullopt;
    std::string text(static_cast<std::size_t>(size), '\0');
    if (size == stored) {
      text.assign(reinterpret_cast<const char*>(data.data()), data.size());
    } else if (Inflater inflater; !inflater.inflate(data, std::as_writable_bytes(std::span(text)))) {
      return std::nullopt;
    }
    return text;
  }

  // Each line: name, version, directory, module. A package that is seen through a link has no member of that name.
  void check_packages(std::string_view text) {
    while (!text.empty()) {
      const auto end = text.find('\n');
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      if (std::count(line.begin(), line.end(), '\t') != 3 || end == std::string_view::npos) {
        return fault("FACT", "", "a line of the package index is damaged");
      }
      const std::string_view module = line.substr(line.rfind('\t') + 1);
      const std::string_view front = line.substr(0, line.rfind('\t'));
      const std::string_view directory = front.substr(front.rfind('\t') + 1);
      const std::string where = module.empty() ? join_name(directory, "pkgIndex.tcl") : std::string(module);
      if (!has_links_ && !is_member(where)) {
        fault("FACT", where, "the package index leads to it, but it is not there");
      }
    }
  }

  const std::string path_;
  const CheckOptions& options_;
  const std::function<void(const Fault&)>& report_;
  std::shared_ptr<const HostFile> host_;
  std::unique_ptr<FileDatabase> file_;
  Statement parent_;
  std::string root_;  // "" or "./", see archive.h
  std::string good_directory_;
  std::unordered_set<std::int64_t> contents_;  // in chunks
  std::vector<std::byte> piece_, plain_;
  std::int64_t page_bytes_ = 0, total_bytes_ = 0;
  bool is_readable_ = false, has_chunks_ = false, has_facts_ = false;
  bool has_links_ = false;
  bool by_name_ = true;
  Checked done_;
};

}  // namespace

Checked check_archive(const std::string& path, const CheckOptions& options,
                      const std::function<void(const Fault&)>& report) {
  return Check(path, options, report).run();
}

}  // namespace starlit
