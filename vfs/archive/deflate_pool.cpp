// SPDX-License-Identifier: MIT

#include "deflate_pool.h"

#include <algorithm>
#include <system_error>

#include "base/file.h"

namespace starlit {
namespace {

constexpr std::int64_t kWindowBytes = 64 << 20;

// SQLite's limit for one value (SQLITE_MAX_LENGTH in Debian's build).
constexpr std::int64_t kContentMax = 1'000'000'000;

DeflatedMember read_and_deflate(const NewMember& member, Deflater* deflater) {
  DeflatedMember result;
  if (member.type != MemberType::kFile) return result;
  if (member.size_bytes > kContentMax) {
    throw Error(EFBIG, "TOOBIG", quoted("couldn't add", member.path) + ": larger than 1,000,000,000 bytes");
  }
  result.content = member.path.empty() ? member.content : read_all(open_regular(member.path), member.path);
  result.size_bytes = static_cast<std::int64_t>(result.content.size());
  if (result.size_bytes != member.size_bytes) {
    throw Error(EIO, "CHANGED", quoted("couldn't add", member.path) + ": its size is not what it was when it was listed");
  }
  if (deflater == nullptr) return result;
  const Bytes deflated = deflater->deflate(std::as_bytes(std::span(result.content)));
  if (!deflated.empty()) {
    result.deflated.assign(deflated.begin(), deflated.end());
    result.content = {};
  }
  return result;
}

}  // namespace

DeflatePool::DeflatePool(const std::vector<NewMember>& members, int level, unsigned threads)
    : members_(members), level_(level), slots_(members.size()) {
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  threads = static_cast<unsigned>(std::min<std::size_t>(threads, members.size()));
  try {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    // Those that could be started do the work; without any, take() does.
  }
}

DeflatePool::~DeflatePool() {
  {
    const std::lock_guard guard(mutex_);
    stop_ = true;
  }
  room_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void DeflatePool::work() {
  std::unique_ptr<Deflater> deflater;
  std::unique_lock lock(mutex_);
  while (true) {
    room_.wait(lock, [&] {
      return stop_ || next_ == members_.size() || held_bytes_ < kWindowBytes || next_ == taken_;
    });
    if (stop_ || next_ == members_.size()) return;
    const std::size_t index = next_++;
    held_bytes_ += members_[index].size_bytes;
    lock.unlock();
    DeflatedMember member;
    std::exception_ptr failure;
    try {
      if (level_ > 0 && !deflater) deflater = std::make_unique<Deflater>(level_);
      member = read_and_deflate(members_[index], deflater.get());
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    slots_[index].member = std::move(member);
    slots_[index].failure = failure;
    slots_[index].done = true;
    if (index == taken_) done_.notify_one();
  }
}

DeflatedMember DeflatePool::take(std::size_t index) {
  if (threads_.empty()) {
    if (level_ > 0 && !own_deflater_) own_deflater_ = std::make_unique<Deflater>(level_);
    return read_and_deflate(members_[index], own_deflater_.get());
  }
  std::unique_lock lock(mutex_);
  Slot& slot = slots_[index];
  done_.wait(lock, [&] { return slot.done; });
  taken_ = index + 1;
  held_bytes_ -= members_[index].size_bytes;
  room_.notify_all();
  if (slot.failure) std::rethrow_exception(slot.failure);
  return std::move(slot.member);
}

}  // namespace starlit
