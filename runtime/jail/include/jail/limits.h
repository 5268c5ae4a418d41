// SPDX-License-Identifier: MIT
//
// Resource limits (setrlimit(2)), each lowered for good: soft and hard. Wall time is the supervisor's.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starlit::jail {

// Nothing: no limit of ours.
struct Limits {
  std::optional<std::uint64_t> memory_bytes = 512 << 20;  // of addresses
  std::optional<std::uint64_t> cpu_s = 60;
  std::optional<std::uint64_t> time_s;
  std::optional<std::uint64_t> processes = 32;  // threads count too
  std::optional<std::uint64_t> files = 64;      // open at a time
  std::optional<std::uint64_t> file_size_bytes = 16 << 20;
};

// "16M", "64k", "1G", "4096": bytes. "none" or "0" is no limit. Throws Error.
std::optional<std::uint64_t> parse_size(std::string_view text);
// "60", "60s", "5m", "2h".
std::optional<std::uint64_t> parse_duration(std::string_view text);
std::optional<std::uint64_t> parse_count(std::string_view text);

std::string size_text(std::optional<std::uint64_t> bytes);

// Also: no core dumps, no locked memory, no message queues. A limit that is lower already stays. Throws Error.
void apply_limits(const Limits& limits);

}  // namespace starlit::jail
