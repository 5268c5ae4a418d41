// SPDX-License-Identifier: MIT

#include "archive_lines.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <vector>

#include "archive/archive.h"
#include "archive/name.h"
#include "archive/packages.h"
#include "archive_arguments.h"

namespace starlit {
namespace {

struct Row {
  std::string part;  // the last one of its name
  Member member;
  std::int64_t stored_bytes = 0;
  std::string target;
  bool is_implied = false;  // a directory that is no member: its mode and time are unknown
};

// What is in each directory, by its name.
using Rows = std::vector<Row>;
using Folders = std::map<std::string, Rows, std::less<>>;

// Members come in the order of their names' bytes, so a directory comes before what is in it, and only names that begin
// with its own come between.
class Collector {
 public:
  void add(std::string_view name, Row row) {
    if (row.member.type == MemberType::kDirectory) folders_[std::string(name)];
    const std::string_view above = parent_name(name);
    if (last_ == nullptr || last_->first != above) last_ = &folder(above);
    row.part = last_part(name);
    last_->second.push_back(std::move(row));
  }

  Folders take() { return std::move(folders_); }

 private:
  Folders::value_type& folder(std::string_view name) {
    const auto [at, is_new] = folders_.try_emplace(std::string(name));
    // Up to the first directory that is known.
    for (bool is_known = !is_new; !is_known && !name.empty();) {
      const std::string_view above = parent_name(name);
      const auto [parent, is_new_parent] = folders_.try_emplace(std::string(above));
      is_known = !is_new_parent;
      imply(parent->second, last_part(name));
      name = above;
    }
    return *at;
  }

  static void imply(Rows& siblings, std::string_view part) {
    auto place = siblings.end();
    while (place != siblings.begin() && (place - 1)->part.starts_with(part)) --place;
    // A member that is no directory has members below it.
    if (place != siblings.end() && place->part == part) return;
    Row row;
    row.part = part;
    row.is_implied = true;
    siblings.insert(place, std::move(row));
  }

  Folders folders_{{"", {}}};
  Folders::value_type* last_ = nullptr;
};

Folders read_folders(Archive& archive, bool with_runtime) {
  const Archive::Snapshot snapshot(archive);
  const auto runtime = with_runtime ? std::set<std::string, std::less<>>() : runtime_members(archive);
  Collector collector;
  archive.each([&](std::string_view name, const Member& member) {
    if (runtime.contains(name)) return;
    Row row{{}, member, archive.stored_bytes(member), {}, false};
    if (member.type == MemberType::kLink) row.target = archive.link_target(name).value_or("");
    collector.add(name, std::move(row));
  });
  return collector.take();
}

void append_number(std::string& out, std::int64_t number, std::size_t width, char fill = ' ') {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  const auto count = static_cast<std::size_t>(end - digits);
  if (count < width) out.append(width - count, fill);
  out.append(digits, count);
}

// On one line, as Tcl's own bytes.
void append_printable(std::string& out, std::string_view utf8) {
  const auto escape = [&](unsigned char code) {
    constexpr char kDigits[] = "0123456789abcdef";
    (out += "\\x") += kDigits[code >> 4];
    out += kDigits[code & 15];
  };
  const std::string converted = utf8_to_tcl(utf8);
  for (std::size_t i = 0; i < converted.size(); ++i) {
    const auto byte = static_cast<unsigned char>(converted[i]);
    const auto next = i + 1 < converted.size() ? static_cast<unsigned char>(converted[i + 1]) : 0U;
    if (byte < 32 || byte == 127) {
      escape(byte);
    } else if ((byte == 0xc2 && next >= 0x80 && next < 0xa0) || (byte == 0xc0 && next == 0x80)) {
      escape(static_cast<unsigned char>(byte == 0xc0 ? 0 : next));
      ++i;
    } else {
      out += converted[i];
    }
  }
}

// Writes times in the local time zone.
class Clock {
 public:
  Clock(Tcl_Interp* interp, Obj prefix) : interp_(interp), prefix_(std::move(prefix)) {}

  void append(std::string& out, std::int64_t seconds) {
    const std::int64_t local = std::clamp(seconds, INT64_MIN + kDaySeconds, INT64_MAX - kDaySeconds) + offset(seconds);
    const std::int64_t day = floor_day(local);
    if (day != written_day_ || date_.empty()) {
      date_.clear();
      write_date(day);
      written_day_ = day;
    }
    out += date_;
    const std::int64_t time = local - day * kDaySeconds;
    append_number(out, time / 3600, 2, '0');
    append_number(out += ':', time / 60 % 60, 2, '0');
    append_number(out += ':', time % 60, 2, '0');
  }

 private:
  static constexpr std::int64_t kDaySeconds = 86400;
  // The years 1 to 9999: times beyond are taken for these when the offset is asked for.
  static constexpr std::int64_t kFirst = -62135596800, kLast = 253402300799;

  static std::int64_t floor_day(std::int64_t seconds) {
    return seconds / kDaySeconds - (seconds % kDaySeconds < 0 ? 1 : 0);
  }

  // A clock is not changed twice a day: where the offset is the same at both ends of a day, it is that between.
  std::int64_t offset(std::int64_t seconds) {
    if (!prefix_) return 0;
    seconds = std::clamp(seconds, kFirst, kLast);
    const std::int64_t day = floor_day(seconds);
    const auto [at, is_new] = days_.try_emplace(day);
    if (is_new) {
      const std::int64_t begin = ask(day * kDaySeconds);
      if (begin == ask(day * kDaySeconds + kDaySeconds - 1)) at->second = begin;
    }
    return at->second ? *at->second : ask(seconds);
  }

  std::int64_t ask(std::int64_t seconds) {
    const Obj call(Tcl_DuplicateObj(prefix_.get()));
    Tcl_ListObjAppendElement(interp_, call.get(), Tcl_NewWideIntObj(seconds));
    if (Tcl_EvalObjEx(interp_, call.get(), TCL_EVAL_GLOBAL) != TCL_OK) throw TclError{};
    return std::clamp(wide_of(interp_, Tcl_GetObjResult(interp_)), -kDaySeconds, kDaySeconds);
  }

  // Days since 1970 to a date of the Gregorian calendar, in eras of 400 years that begin in March of a year 0.
  void write_date(std::int64_t day) {
    constexpr std::int64_t kEraDays = 146097, kEraStart = 719468;
    const std::int64_t shifted = day + kEraStart;
    const std::int64_t era = (shifted >= 0 ? shifted : shifted - kEraDays + 1) / kEraDays;
    const std::int64_t of_era = shifted - era * kEraDays;
    const std::int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const std::int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    const std::int64_t month = (5 * of_year + 2) / 153;  // from March on
    append_number(date_, year + era * 400 + (month >= 10 ? 1 : 0), 4, '0');
    append_number(date_ += '/', month < 10 ? month + 3 : month - 9, 2, '0');
    append_number(date_ += '/', of_year - (153 * month + 2) / 5 + 1, 2, '0');
    date_ += ' ';
  }

  Tcl_Interp* interp_;
  Obj prefix_;
  std::map<std::int64_t, std::optional<std::int64_t>> days_;
  std::int64_t written_day_ = 0;
  std::string date_;  // of that day
};

enum class Key { kName, kSize, kTime };

struct Style {
  bool is_long = false;
  bool is_reverse = false;
  Key key = Key::kName;
};

void append_permissions(std::string& out, const Row& row) {
  out += row.member.type == MemberType::kDirectory ? 'd' : row.member.type == MemberType::kLink ? 'l' : '-';
  if (row.is_implied) {
    out += "?????????";
    return;
  }
  const std::uint32_t mode = row.member.permissions;
  for (unsigned i = 0; i < 9; ++i) out += (mode & (0400U >> i)) != 0 ? "rwx"[i % 3] : '-';
  // Set-user-id, set-group-id and sticky, in the place of an x.
  const std::size_t end = out.size();
  for (unsigned i = 0; i < 3; ++i) {
    if ((mode & (04000U >> i)) == 0) continue;
    char& place = out[end - 7 + 3 * i];
    place = place == 'x' ? "sst"[i] : "SST"[i];
  }
}

void append_line(std::string& out, const Row& row, bool is_long, Clock& clock) {
  const MemberType type = row.member.type;
  const bool is_directory = type == MemberType::kDirectory;
  if (is_long) {
    append_permissions(out, row);
    append_number(out += "  ", row.member.size_bytes, 10);
    append_number(out += "  ", row.stored_bytes, 10);
  } else if (type == MemberType::kFile) {
    append_number(out, row.member.size_bytes, 10);
  } else {
    out += is_directory ? "       dir" : "      link";
  }
  out += "  ";
  if (is_directory && (row.is_implied || !is_long)) {
    out.append(19, ' ');
  } else {
    clock.append(out, row.member.mtime_s);
  }
  append_printable(out += "  ", row.part);
  if (is_directory) out += '/';
  if (type == MemberType::kLink) append_printable(out += " -> ", row.target);
  out += '\n';
}

// The largest or the newest first; what is equal stays in the order of names. (std::stable_sort() would do it in 5 KB.)
std::vector<const Row*> sorted(const Rows& rows, Key key) {
  std::vector<const Row*> order;
  order.reserve(rows.size());
  for (const Row& row : rows) order.push_back(&row);
  const auto compare = [](const void* a, const void* b, void* by) {
    const Row& one = **static_cast<const Row* const*>(a);
    const Row& two = **static_cast<const Row* const*>(b);
    const bool by_size = *static_cast<const Key*>(by) == Key::kSize;
    const std::int64_t left = by_size ? one.member.size_bytes : one.member.mtime_s;
    const std::int64_t right = by_size ? two.member.size_bytes : two.member.mtime_s;
    if (left != right) return left > right ? -1 : 1;
    return &one < &two ? -1 : 1;
  };
  if (key != Key::kName) qsort_r(order.data(), order.size(), sizeof order[0], compare, &key);
  return order;
}

void append_folder(std::string& out, std::string_view title, std::string_view name, const Rows& rows,
                   const Style& style, Clock& clock) {
  ((out += '\n') += title) += name.empty() ? "" : "/";
  append_printable(out, name);
  out += ":\n";
  auto order = sorted(rows, style.key);
  if (style.is_reverse) std::reverse(order.begin(), order.end());
  for (const Row* row : order) append_line(out, *row, style.is_long, clock);
}

Key key_of(Tcl_Obj* value) {
  const std::string_view name = string_of(value);
  if (name == "name") return Key::kName;
  if (name == "size") return Key::kSize;
  if (name == "time") return Key::kTime;
  throw Error(EINVAL, "OPTION", quoted("bad key", name) + ": must be name, size or time");
}

}  // namespace

Obj archive_lines(Tcl_Interp* interp, Arguments arguments) {
  Style style;
  bool with_runtime = false;
  std::optional<std::string> directory;
  Obj offset;
  each_option(arguments.subspan(2), [&](std::string_view option, Tcl_Obj* value) {
    if (option == "-directory") {
      directory = member_name(value);
    } else if (option == "-long") {
      style.is_long = boolean_of(interp, value);
    } else if (option == "-offset") {
      offset = Obj(value);
    } else if (option == "-reverse") {
      style.is_reverse = boolean_of(interp, value);
    } else if (option == "-runtime") {
      with_runtime = boolean_of(interp, value);
    } else if (option == "-sort") {
      style.key = key_of(value);
    } else {
      return false;
    }
    return true;
  });
  const std::string path = host_path(interp, arguments[0]);
  const Folders folders = read_folders(*load_any(path), with_runtime);
  std::string title;
  append_printable(title, to_utf8(string_of(arguments[1])));
  Clock clock(interp, std::move(offset));
  std::string out;
  if (directory) {
    const auto at = folders.find(*directory);
    if (at == folders.end()) {
      throw Error(ENOENT, "", quoted("couldn't list", *directory) + ": no such directory in \"" + path + "\"");
    }
    append_folder(out, title, at->first, at->second, style, clock);
  } else {
    for (const auto& [name, rows] : folders) append_folder(out, title, name, rows, style, clock);
  }
  return Obj(new_string(out));
}

}  // namespace starlit
