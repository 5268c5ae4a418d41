// SPDX-License-Identifier: MIT

#include "deflate_pool.h"

#include <algorithm>
#include <cassert>
#include <system_error>

#include "base/file.h"

namespace starlit {
namespace {

constexpr std::int64_t kWindowBytes = 64 << 20;

bool is_cut(const NewMember& member) {
  return member.type == MemberType::kFile && member.size_bytes > kRowContentMax;
}

// Bytes of one piece.
std::int64_t piece_bytes(const NewMember& member, std::int64_t piece) {
  return is_cut(member) ? std::min(kChunkBytes, member.size_bytes - piece * kChunkBytes) : member.size_bytes;
}

[[noreturn]] void fail_changed(const std::string& path) {
  throw Error(EIO, "CHANGED", quoted("couldn't add", path) + ": its size is not what it was when it was listed");
}

std::string read_from_file(const NewMember& member, std::int64_t piece, std::size_t size) {
  const std::int64_t offset = piece * kChunkBytes;
  const Fd file = open_regular(member.path);
  // One byte more, which must not be there: the kernel's own files state no size.
  std::string bytes(size + 1, '\0');
  bytes.resize(read_at(file, bytes.data(), bytes.size(), offset, member.path));
  const bool is_last = piece + 1 == pieces_of(member);
  if (bytes.size() != size + (is_last ? 0 : 1) || stat_fd(file, member.path).st_size != member.size_bytes) {
    fail_changed(member.path);
  }
  bytes.resize(size);
  return bytes;
}

// Whether a piece of a large content is worth the time: data that is compressed already shows it in any sample.
bool may_deflate(Bytes piece, Deflater& deflater) {
  constexpr std::size_t kSampleBytes = 8 << 10;
  if (piece.size() < 4 * kSampleBytes) return true;
  const Bytes sample = deflater.deflate(piece.subspan(piece.size() / 2, kSampleBytes));
  return !sample.empty() && sample.size() < kSampleBytes - kSampleBytes / 32;
}

}  // namespace

std::int64_t pieces_of(const NewMember& member) {
  return is_cut(member) ? (member.size_bytes + kChunkBytes - 1) / kChunkBytes : 1;
}

std::string PieceReader::read(const NewMember& member, std::int64_t piece) {
  const std::int64_t offset = piece * kChunkBytes;
  const auto size = static_cast<std::size_t>(piece_bytes(member, piece));
  if (!member.path.empty()) return read_from_file(member, piece, size);
  if (!member.source) return member.content.substr(static_cast<std::size_t>(offset), size);
  if (open_ != &member) {
    open_ = nullptr;
    reader_ = member.source->open(member.source_name);
    open_ = &member;
  }
  std::string bytes(size, '\0');
  if (!reader_ || reader_->size_bytes() != member.size_bytes ||
      reader_->read(offset, std::as_writable_bytes(std::span(bytes))) != size) {
    fail_changed(member.source->path() + "/" + member.source_name);
  }
  if (piece + 1 == pieces_of(member)) {
    open_ = nullptr;
    reader_.reset();
  }
  return bytes;
}

DeflatePool::DeflatePool(const std::vector<NewMember>& members, int level, unsigned threads)
    : members_(members), level_(level) {
  for (const NewMember& member : members) {
    if (member.size_bytes > kChunkedSizeMax) {
      throw Error(EFBIG, "TOOBIG", quoted("couldn't add", member.path) + ": larger than 4 TiB");
    }
  }
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  if (members.size() == 1) threads = static_cast<unsigned>(std::min<std::int64_t>(threads, pieces_of(members[0])));
  if (members.empty()) return;
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

DeflatePool::Work DeflatePool::next() {
  const Work begun = next_;
  if (++next_.piece == pieces_of(members_[next_.member])) next_ = {next_.member + 1, 0};
  return begun;
}

DeflatedMember DeflatePool::read_and_deflate(const Work& work, PieceReader& reader, Deflater* deflater) const {
  DeflatedMember result;
  const NewMember& member = members_[work.member];
  if (member.type != MemberType::kFile) return result;
  result.content = reader.read(member, work.piece);
  result.size_bytes = static_cast<std::int64_t>(result.content.size());
  if (deflater == nullptr || member.stored) return result;
  const Bytes plain = std::as_bytes(std::span(result.content));
  if (is_cut(member) && !may_deflate(plain, *deflater)) return result;
  const Bytes deflated = deflater->deflate(plain);
  if (!deflated.empty()) {
    result.deflated.assign(deflated.begin(), deflated.end());
    result.content = {};
  }
  return result;
}

void DeflatePool::work() {
  std::unique_ptr<Deflater> deflater;
  PieceReader reader;
  std::unique_lock lock(mutex_);
  while (true) {
    room_.wait(lock, [&] {
      return stop_ || next_.member == members_.size() || held_bytes_ < kWindowBytes || window_.empty();
    });
    if (stop_ || next_.member == members_.size()) return;
    const Work begun = next();
    Slot& slot = window_.emplace_back();
    slot.member = begun.member;
    slot.held_bytes = piece_bytes(members_[begun.member], begun.piece);
    held_bytes_ += slot.held_bytes;
    lock.unlock();
    DeflatedMember content;
    std::exception_ptr failure;
    try {
      if (level_ > 0 && !deflater) deflater = std::make_unique<Deflater>(level_);
      content = read_and_deflate(begun, reader, deflater.get());
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    slot.content = std::move(content);
    slot.failure = failure;
    slot.done = true;
    if (&slot == &window_.front()) done_.notify_one();
  }
}

DeflatedMember DeflatePool::take([[maybe_unused]] std::size_t index) {
  if (threads_.empty()) {
    if (level_ > 0 && !own_deflater_) own_deflater_ = std::make_unique<Deflater>(level_);
    return read_and_deflate(next(), own_reader_, own_deflater_.get());
  }
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return !window_.empty() && window_.front().done; });
  assert(window_.front().member == index);
  Slot slot = std::move(window_.front());
  window_.pop_front();
  held_bytes_ -= slot.held_bytes;
  room_.notify_all();
  if (slot.failure) std::rethrow_exception(slot.failure);
  return std::move(slot.content);
}

}  // namespace starlit
