// SPDX-License-Identifier: MIT

#include "archive/vacuum.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "archive/chunks.h"
#include "archive/codec.h"
#include "archive/facts.h"
#include "base/file.h"
#include "workshop.h"

namespace starlit {
namespace {

// So much content is deflated in one transaction, and so much looked at: others wait no longer for their turn.
constexpr std::int64_t kDeflatePerTransaction = 4 << 20;
constexpr std::int64_t kLookPerTransaction = 64 << 20;

// A content that is just being written looks like one that nothing will ever lead to, but it grows.
constexpr struct timespec kGrowthWait = {2, 0};

constexpr std::int64_t kChunkIdMax = (kContentNumberMax + 1) * kChunkIdsPerContent;

// How hard a content was deflated: FLEVEL in the second byte of the zlib format (RFC 1950, 2.2). libdeflate and zlib
// write 0 for level 1, 1 for 2 to 5, 2 for 6 (libdeflate: and 7), 3 beyond.
int effort_of(Bytes deflated) { return deflated.size() < 2 ? 3 : std::to_integer<int>(deflated[1]) >> 6; }
int effort_of_level(int level) { return level < 2 ? 0 : level < 6 ? 1 : level < 8 ? 2 : 3; }

bool has_table(const Workshop& shop, std::string_view name) {
  return shop.number("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name = '" +
                     std::string(name) + "'")
      .has_value();
}

void create_fact_table(const Workshop& shop) {
  if (!has_table(shop, "starlit_fact")) execute(shop.database(), kFactSchema, shop.path(), kWriting);
}

// Facts that are valid now stay so over the change that is being made.
void carry_facts(const Workshop& shop, std::uint32_t valid_at) {
  const Statement update = prepare(shop.database(), "UPDATE starlit_fact SET counter = ?1 WHERE counter = ?2",
                                   shop.path(), kWriting);
  sqlite3_bind_int64(update.get(), 1, shop.counter() + std::int64_t{1});
  sqlite3_bind_int64(update.get(), 2, valid_at);
  shop.step_done(update.get());
}

void remove_fact(const Workshop& shop, std::string_view key) {
  const Statement remove = prepare(shop.database(), "DELETE FROM starlit_fact WHERE key = ?1", shop.path(), kWriting);
  bind_text(remove.get(), 1, key);
  shop.step_done(remove.get());
}

// The fact will be valid when the transaction has been committed.
void put_fact(const Workshop& shop, std::string_view key, std::string_view text) {
  remove_fact(shop, key);
  write_fact(shop.database(), key, shop.counter() + 1, text, shop.path());
}

class Vacuum {
 public:
  Vacuum(const std::string& path, const VacuumOptions& options)
      : shop_(path), options_(options), level_(options.level.value_or(kLevelDefault)), deflater_(level_) {}

  Vacuumed run() {
    has_facts_ = has_table(shop_, "starlit_fact");
    has_chunks_ = has_table(shop_, "starlit_chunk");
    // Facts that hold now are carried along; the one that was given holds where its counter does.
    shop_.begin();
    const std::uint32_t first_counter = shop_.counter();
    shop_.commit(false);
    if (has_chunks_) sweep();
    if (level_ > 0) deflate();
    record(first_counter);
    shop_.vacuum();
    renew_facts();
    shop_.publish();
    return done_;
  }

 private:
  // Ends a transaction that may have changed something but no fact.
  void commit(bool changes) {
    if (changes && has_facts_) carry_facts(shop_, shop_.counter());
    shop_.commit(changes);
  }

  // The number that a chunk's id begins with, and the last id with that number. Ids that are no chunk's are 0's.
  static std::int64_t number_of(std::int64_t id) { return id < 0 || id >= kChunkIdMax ? 0 : id / kChunkIdsPerContent; }
  static std::int64_t last_id(std::int64_t id) {
    if (id < 0) return -1;
    if (id >= kChunkIdMax) return INT64_MAX;
    return id / kChunkIdsPerContent * kChunkIdsPerContent + kChunkIdsPerContent - 1;
  }

  struct Range {
    std::int64_t first, last, chunks;
    bool operator==(const Range&) const = default;
  };

  // What no member leads to: whole contents, and what lies behind the end of one.
  std::vector<Range> lost_chunks() {
    const std::map<std::int64_t, std::int64_t> sizes = sizes_in_chunks();
    const Statement seek = prepare(shop_.database(), "SELECT id FROM starlit_chunk WHERE id >= ?1 ORDER BY id LIMIT 1",
                                   shop_.path());
    const Statement count =
        prepare(shop_.database(), "SELECT count(*), max(id) FROM starlit_chunk WHERE id BETWEEN ?1 AND ?2", shop_.path());
    std::vector<Range> lost;
    for (std::int64_t at = INT64_MIN;;) {
      const Use use(seek.get());
      sqlite3_bind_int64(seek.get(), 1, at);
      if (!shop_.step_row(seek.get())) return lost;
      const std::int64_t id = sqlite3_column_int64(seek.get(), 0);
      const std::int64_t last = last_id(id);
      const auto size = sizes.find(number_of(id));
      std::int64_t first = id;
      // The version stays.
      if (size != sizes.end()) first = number_of(id) * kChunkIdsPerContent + (size->second + kChunkBytes - 1) / kChunkBytes;
      const Use counting(count.get());
      sqlite3_bind_int64(count.get(), 1, first);
      sqlite3_bind_int64(count.get(), 2, size == sizes.end() ? last : last - 1);
      if (shop_.step_row(count.get()) && sqlite3_column_int64(count.get(), 0) > 0) {
        lost.push_back({first, sqlite3_column_int64(count.get(), 1), sqlite3_column_int64(count.get(), 0)});
      }
      if (last == INT64_MAX) return lost;
      at = last + 1;
    }
  }

  // The sizes of the contents that members lead to, by number.
  std::map<std::int64_t, std::int64_t> sizes_in_chunks() {
    std::map<std::int64_t, std::int64_t> sizes;
    const Statement members =
        prepare(shop_.database(), "SELECT data, sz FROM sqlar WHERE typeof(data) = 'integer'", shop_.path());
    while (shop_.step_row(members.get())) {
      sizes.emplace(sqlite3_column_int64(members.get(), 0),
                    std::clamp<std::int64_t>(sqlite3_column_int64(members.get(), 1), 0, kChunkedSizeMax));
    }
    return sizes;
  }

  void sweep() {
    const std::vector<Range> seen = lost_chunks();
    if (seen.empty()) return;
    if (!shop_.is_executable()) ::nanosleep(&kGrowthWait, nullptr);
    shop_.begin();
    const Statement remove =
        prepare(shop_.database(), "DELETE FROM starlit_chunk WHERE id BETWEEN ?1 AND ?2", shop_.path(), kWriting);
    for (const Range& range : lost_chunks()) {
      if (std::find(seen.begin(), seen.end(), range) == seen.end()) continue;
      sqlite3_bind_int64(remove.get(), 1, range.first);
      sqlite3_bind_int64(remove.get(), 2, range.last);
      shop_.step_done(remove.get());
      done_.swept_chunks += range.chunks;
    }
    commit(done_.swept_chunks > 0);
  }

  // A content or a piece of one, deflated anew.
  struct Smaller {
    std::int64_t id = 0;
    std::vector<std::byte> data;
  };

  void deflate() {
    const auto sizes = has_chunks_ ? sizes_in_chunks() : std::map<std::int64_t, std::int64_t>();
    total_bytes_ = stored_bytes("sqlar") + (has_chunks_ ? stored_bytes("starlit_chunk") : 0);
    deflate_table("SELECT rowid, data, sz FROM sqlar WHERE rowid > ?1 AND typeof(data) = 'blob' AND "
                  "(mode & 61440) IN (0, 32768) AND sz <= " + std::to_string(kRowContentMax) + " ORDER BY rowid",
                  "UPDATE sqlar SET data = ?2 WHERE rowid = ?1",
                  [](sqlite3_stmt* row) { return sqlite3_column_int64(row, 2); });
    if (!has_chunks_) return;
    deflate_table("SELECT id, data FROM starlit_chunk WHERE id > ?1 AND typeof(data) = 'blob' ORDER BY id",
                  "UPDATE starlit_chunk SET data = ?2 WHERE id = ?1", [&](sqlite3_stmt* row) -> std::int64_t {
                    const std::int64_t id = sqlite3_column_int64(row, 0);
                    const auto size = sizes.find(number_of(id));
                    if (size == sizes.end()) return 0;
                    return std::min(kChunkBytes, size->second - id % kChunkIdsPerContent * kChunkBytes);
                  });
  }

  std::int64_t stored_bytes(const std::string& table) const {
    return shop_.number("SELECT total(length(data)) FROM " + table + " WHERE typeof(data) = 'blob'").value_or(0);
  }

  // `size_of` tells the size of a row's content once it is inflated.
  template <typename SizeOf>
  void deflate_table(const std::string& select, const char* update, SizeOf size_of) {
    const Statement rows = prepare(shop_.database(), select, shop_.path());
    const Statement change = prepare(shop_.database(), update, shop_.path(), kWriting);
    std::int64_t last = INT64_MIN;
    for (bool more = true; more;) {
      std::vector<Smaller> smaller;
      std::int64_t looked_bytes = 0, inflated_bytes = 0;
      shop_.begin();
      {
        const Use use(rows.get());
        sqlite3_bind_int64(rows.get(), 1, last);
        while ((more = shop_.step_row(rows.get()))) {
          last = sqlite3_column_int64(rows.get(), 0);
          const Bytes data = column_blob(rows.get(), 1);
          looked_bytes += static_cast<std::int64_t>(data.size());
          const std::int64_t size = size_of(rows.get());
          if (const Bytes better = deflate_again(data, size); !better.empty()) {
            smaller.push_back({last, {better.begin(), better.end()}});
            inflated_bytes += size;
          }
          if (inflated_bytes >= kDeflatePerTransaction || looked_bytes >= kLookPerTransaction) break;
        }
      }
      for (const Smaller& each : smaller) {
        sqlite3_bind_int64(change.get(), 1, each.id);
        sqlite3_bind_blob64(change.get(), 2, each.data.data(), each.data.size(), SQLITE_STATIC);
        shop_.step_done(change.get());
      }
      commit(!smaller.empty());
      done_.deflated += static_cast<std::int64_t>(smaller.size());
      done_bytes_ += looked_bytes;
      if (options_.progress) options_.progress(done_bytes_, total_bytes_);
    }
  }

  // The smaller form of a content, or nothing: also where it is damaged, which is for check to tell.
  Bytes deflate_again(Bytes data, std::int64_t size) {
    const auto stored = static_cast<std::int64_t>(data.size());
    if (stored == 0 || size < stored || size > kRowContentMax || size / kDeflateRatioMax > stored) return {};
    Bytes plain = data;
    if (size == stored) {
      if (!options_.level) return {};
    } else {
      if (!options_.level && effort_of(data) >= effort_of_level(level_)) return {};
      plain_.resize(std::max(plain_.size(), static_cast<std::size_t>(size)));
      const std::span<std::byte> out = std::span(plain_).first(static_cast<std::size_t>(size));
      if (!inflater_.inflate(data, out)) return {};
      plain = out;
    }
    const Bytes better = deflater_.deflate(plain);
    return better.size() < data.size() ? better : Bytes();
  }

  // The texts of the facts, before VACUUM lays everything out.
  void record(std::uint32_t first_counter) {
    const bool wanted = options_.index && options_.index->counter == first_counter;
    if (!has_facts_ && !wanted) return;
    shop_.begin();
    create_fact_table(shop_);
    carry_facts(shop_, shop_.counter());
    const bool has_link = shop_.number("SELECT 1 FROM sqlar WHERE (mode & 61440) = 40960 LIMIT 1").has_value();
    if (has_link) {
      remove_fact(shop_, kFactLinkless);
    } else {
      put_fact(shop_, kFactLinkless, "");
    }
    record_runtime();
    if (wanted && !shop_.was_changed() && can_record(options_.index->packages)) {
      put_fact(shop_, kFactPackages, package_text(options_.index->packages));
    }
    shop_.commit(true);
    facts_at_ = shop_.counter();
    has_facts_ = true;
  }

  // Of the runtime's members those that are still there.
  void record_runtime() {
    if (!shop_.is_executable()) return;
    const auto archive = Archive::open_file(shop_.path());
    const auto names = runtime_members(*archive);
    if (names.empty()) return;
    const Statement find = prepare(shop_.database(), "SELECT 1 FROM sqlar WHERE name = ?1", shop_.path());
    std::string text;
    for (const std::string& name : names) {
      const Use use(find.get());
      bind_text(find.get(), 1, name);
      if (shop_.step_row(find.get())) text += name + '\0';
    }
    put_fact(shop_, kFactRuntime, text);
  }

  // VACUUM was a change too. Facts are true still if nobody else has changed anything.
  void renew_facts() {
    if (!has_facts_) return;
    const bool was_changed = shop_.was_changed();
    shop_.begin();
    const bool still_true = was_changed == shop_.was_changed();
    if (still_true) carry_facts(shop_, facts_at_);
    shop_.commit(still_true);
    done_.has_index = shop_.number("SELECT 1 FROM starlit_fact WHERE key = 'packages' AND counter = " +
                                   std::to_string(shop_.counter()))
                          .has_value();
  }

  Workshop shop_;
  const VacuumOptions& options_;
  const int level_;
  Deflater deflater_;
  Inflater inflater_;
  std::vector<std::byte> plain_;
  bool has_facts_ = false, has_chunks_ = false;
  std::uint32_t facts_at_ = 0;
  std::int64_t done_bytes_ = 0, total_bytes_ = 0;
  Vacuumed done_;
};

std::int64_t file_bytes(const std::string& path) { return stat_fd(open_regular(path), path).st_size; }

Vacuumed vacuum_in_place(const std::string& path, const VacuumOptions& options) {
  const std::int64_t before = file_bytes(path);
  // What it leaves behind when it ends is taken away before the file is measured.
  Vacuumed done = Vacuum(path, options).run();
  done.before_bytes = before;
  done.after_bytes = file_bytes(path);
  return done;
}

// A copy of one state, with the permissions.
void copy_archive(const std::string& path, const OutputFile& output) {
  const auto archive = Archive::open_file(path);
  const Archive::Snapshot snapshot(*archive);
  archive->find("main.tcl");  // the first read takes the lock
  const Fd file = open_regular(path);
  std::string piece(1 << 20, '\0');
  std::int64_t offset = 0;
  while (const std::size_t size = read_at(file, piece.data(), piece.size(), offset, path)) {
    write_all(output.fd(), std::string_view(piece).substr(0, size), output.path());
    offset += static_cast<std::int64_t>(size);
  }
}

}  // namespace

Vacuumed vacuum_archive(const std::string& path, const VacuumOptions& options) {
  if (options.output.empty()) return vacuum_in_place(path, options);
  OutputFile output(options.output);
  copy_archive(path, output);
  // An executable is replaced, with its mode, while it is worked on.
  const mode_t mode = stat_fd(open_regular(path), path).st_mode & 0777 & ~current_umask();
  if (::fchmod(output.fd().get(), mode) != 0) throw posix_error("couldn't set the mode of", options.output);
  VacuumOptions in_place = options;
  in_place.output.clear();
  const Vacuumed done = vacuum_in_place(output.temporary_path(), in_place);
  output.commit(mode);
  return done;
}

void record_packages(const std::string& path, const PackageIndex& index) {
  Workshop shop(path);
  shop.begin();
  if (shop.counter() != index.counter) {
    throw Error(EAGAIN, "CHANGED", quoted("couldn't record the packages of", path) + ": it has been changed meanwhile");
  }
  create_fact_table(shop);
  carry_facts(shop, shop.counter());
  if (can_record(index.packages)) {
    put_fact(shop, kFactPackages, package_text(index.packages));
  } else {
    remove_fact(shop, kFactPackages);
  }
  shop.commit(true);
  shop.publish();
}

}  // namespace starlit
