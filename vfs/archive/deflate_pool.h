// SPDX-License-Identifier: MIT
//
// Reads and deflates the contents of a new archive on all processors, and hands them over in order.
//
// A content that is too large for its row (chunks.h) comes in pieces of kChunkBytes. At most a window of contents and
// pieces is held at a time, so memory grows neither with the archive nor with its largest member. The first failure of a
// worker is thrown by take() when its turn comes. The destructor stops the workers. Where the process may not have
// threads, take() does the work itself.

#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "archive/chunks.h"
#include "archive/writer.h"

namespace starlit {

// How many calls of take() a member's content takes: its pieces, or 1.
std::int64_t pieces_of(const NewMember& member);

// A file's content, or a piece of it, ready to be stored.
struct DeflatedMember {
  std::int64_t size_bytes = 0;
  std::string content;              // as it is
  std::vector<std::byte> deflated;  // or deflated, when not empty

  Bytes data() const {
    return deflated.empty() ? std::as_bytes(std::span(content)) : Bytes(deflated);
  }
};

// Reads contents, or pieces of them. What lies deflated as a whole in another archive is read forwards only, so one that
// reads piece after piece keeps its place. One for each thread.
class PieceReader {
 public:
  std::string read(const NewMember& member, std::int64_t piece);

 private:
  const NewMember* open_ = nullptr;
  std::unique_ptr<MemberReader> reader_;  // of open_
};

class DeflatePool {
 public:
  // `members` outlives the pool. `threads` 0: one for each processor.
  DeflatePool(const std::vector<NewMember>& members, int level, unsigned threads);
  DeflatePool(const DeflatePool&) = delete;
  DeflatePool& operator=(const DeflatePool&) = delete;
  ~DeflatePool();

  // What comes next of the member at `index`; to be called for 0, 1, 2, ... in turn, for each as often as it has pieces.
  DeflatedMember take(std::size_t index);

 private:
  // One piece of one member.
  struct Work {
    std::size_t member = 0;
    std::int64_t piece = 0;
  };

  struct Slot {
    bool done = false;
    std::size_t member = 0;
    std::int64_t held_bytes = 0;
    DeflatedMember content;
    std::exception_ptr failure;
  };

  void work();
  Work next();
  DeflatedMember read_and_deflate(const Work& work, PieceReader& reader, Deflater* deflater) const;

  const std::vector<NewMember>& members_;
  const int level_;
  std::mutex mutex_;
  std::condition_variable done_;   // a slot was filled
  std::condition_variable room_;   // the window moved
  std::deque<Slot> window_;        // from what take() gives next to what a worker has begun last; a deque's ends move,
                                   // its elements do not
  Work next_;                      // what no worker has begun
  std::int64_t held_bytes_ = 0;    // in the window
  bool stop_ = false;
  std::vector<std::thread> threads_;
  std::unique_ptr<Deflater> own_deflater_;  // for take(), where no thread can be started
  PieceReader own_reader_;
};

}  // namespace starlit
