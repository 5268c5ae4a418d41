// SPDX-License-Identifier: MIT

#include "jail/limits.h"

#include <sys/resource.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace starlit::jail {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
constexpr Unit kSizes[] = {{"k", 1 << 10}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"", 1}};
constexpr Unit kTimes[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"", 1}};
constexpr Unit kCounts[] = {{"", 1}};

template <std::size_t N>
std::optional<std::uint64_t> parse(std::string_view text, const Unit (&units)[N], const char* form) {
  if (text == "none") return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
  const auto unit = std::find_if(std::begin(units), std::end(units), [&](const Unit& u) { return u.name == name; });
  std::uint64_t value = 0;
  if (error != std::errc() || unit == std::end(units) || __builtin_mul_overflow(number, unit->factor, &value) ||
      value > INT64_MAX) {
    throw Error(EINVAL, "LIMIT", quoted("not a limit", text) + " (hint: " + form + ", or none)");
  }
  if (value == 0) return std::nullopt;
  return value;
}

void lower(__rlimit_resource which, std::uint64_t value, const char* name) {
  struct rlimit now;
  if (::getrlimit(which, &now) != 0) throw posix_error("couldn't read the limit", name);
  const rlim_t most = std::min<rlim_t>(now.rlim_max, value);
  const struct rlimit wanted = {std::min(now.rlim_cur, most), most};
  if (::setrlimit(which, &wanted) != 0) throw posix_error("couldn't set the limit", name);
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  return parse(text, kSizes, "bytes, or with k, M or G behind, as 16M");
}
std::optional<std::uint64_t> parse_duration(std::string_view text) {
  return parse(text, kTimes, "seconds, or with m or h behind, as 5m");
}
std::optional<std::uint64_t> parse_count(std::string_view text) { return parse(text, kCounts, "a number, as 32"); }

std::string size_text(std::optional<std::uint64_t> bytes) {
  if (!bytes) return "none";
  for (const Unit unit : {Unit{"G", 1 << 30}, Unit{"M", 1 << 20}, Unit{"k", 1 << 10}}) {
    if (*bytes % unit.factor == 0) return std::to_string(*bytes / unit.factor) + std::string(unit.name);
  }
  return std::to_string(*bytes);
}

void apply_limits(const Limits& limits) {
  lower(RLIMIT_CORE, 0, "core");
  lower(RLIMIT_MEMLOCK, 0, "memlock");
  lower(RLIMIT_MSGQUEUE, 0, "msgqueue");
  if (limits.memory_bytes) lower(RLIMIT_AS, *limits.memory_bytes, "memory");
  if (limits.cpu_s) lower(RLIMIT_CPU, *limits.cpu_s, "cpu");
  if (limits.processes) lower(RLIMIT_NPROC, *limits.processes, "processes");
  if (limits.files) lower(RLIMIT_NOFILE, *limits.files, "files");
  if (limits.file_size_bytes) lower(RLIMIT_FSIZE, *limits.file_size_bytes, "file-size");
}

}  // namespace starlit::jail
