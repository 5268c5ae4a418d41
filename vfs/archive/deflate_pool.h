// SPDX-License-Identifier: MIT
//
// Reads and deflates the members of a new archive on all processors, and hands them over in order.
//
// At most a window of members is held at a time, so memory does not grow with the archive. The first failure of a
// worker is thrown by take() when its member's turn comes. The destructor stops the workers. Where the process may not
// have threads, take() does the work itself.

#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "archive/writer.h"

namespace starlit {

// A file's content, ready to be stored.
struct DeflatedMember {
  std::int64_t size_bytes = 0;
  std::string content;              // as it is
  std::vector<std::byte> deflated;  // or deflated, when not empty

  Bytes data() const {
    return deflated.empty() ? std::as_bytes(std::span(content)) : Bytes(deflated);
  }
};

class DeflatePool {
 public:
  // `members` outlives the pool. `threads` 0: one for each processor.
  DeflatePool(const std::vector<NewMember>& members, int level, unsigned threads);
  DeflatePool(const DeflatePool&) = delete;
  DeflatePool& operator=(const DeflatePool&) = delete;
  ~DeflatePool();

  // The content of the member at `index`; to be called for 0, 1, 2, ... in turn.
  DeflatedMember take(std::size_t index);

 private:
  struct Slot {
    bool done = false;
    DeflatedMember member;
    std::exception_ptr failure;
  };

  void work();

  const std::vector<NewMember>& members_;
  const int level_;
  std::mutex mutex_;
  std::condition_variable done_;     // a slot was filled
  std::condition_variable room_;     // the window moved
  std::vector<Slot> slots_;
  std::size_t next_ = 0;             // the first member no worker has taken
  std::size_t taken_ = 0;            // how many take() has handed over
  std::int64_t held_bytes_ = 0;      // of the members between taken_ and next_
  bool stop_ = false;
  std::vector<std::thread> threads_;
  std::unique_ptr<Deflater> own_deflater_;  // for take(), where no thread can be started
};

}  // namespace starlit
