// SPDX-License-Identifier: MIT
//
// How libFuzzer changes files that hold an archive: where an SQLite database has its structure, and so that the
// checks at its front still pass (https://www.sqlite.org/fileformat2.html). One input in four is changed as any bytes
// are.
//
// Afterwards page count and mark are mostly put right again.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string_view>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

namespace {

constexpr std::string_view kDatabaseMagic("SQLite format 3\0", 16);
constexpr std::string_view kMark = "Start-Of-SQLite3-";
constexpr std::size_t kMarkBytes = 25;
constexpr std::size_t kHeaderBytes = 100;

class Mutation {
 public:
  Mutation(std::uint8_t* data, std::size_t size, std::size_t size_max, unsigned seed)
      : data_(data), size_(size), size_max_(size_max), random_(seed) {}

  std::size_t apply() {
    if (!find_database() || one_in(4)) return LLVMFuzzerMutate(data_, size_, size_max_);
    for (int changes = one_in(2) ? 1 : 3; changes > 0; --changes) change();
    if (!one_in(8)) repair();
    return size_;
  }

 private:
  std::size_t below(std::size_t end) { return end == 0 ? 0 : random_() % end; }
  bool one_in(std::size_t n) { return below(n) == 0; }

  bool find_database() {
    const std::string_view bytes(reinterpret_cast<const char*>(data_), size_);
    has_mark_ = size_ >= kMarkBytes && bytes.substr(size_ - kMarkBytes).starts_with(kMark);
    for (start_ = 0; start_ + kHeaderBytes <= size_; start_ += 512) {
      if (bytes.substr(start_).starts_with(kDatabaseMagic)) break;
    }
    if (start_ + kHeaderBytes > size_) return false;
    page_size_ = static_cast<std::size_t>(data_[start_ + 16]) << 8 | data_[start_ + 17];
    if (page_size_ < 512 || (page_size_ & (page_size_ - 1)) != 0) page_size_ = 512;
    return pages() > 0;
  }

  std::size_t database_size() const { return size_ - start_ - (has_mark_ ? kMarkBytes : 0); }
  std::size_t pages() const { return database_size() / page_size_; }
  std::uint8_t* page(std::size_t index) { return data_ + start_ + index * page_size_; }
  std::uint8_t* random_page() { return page(below(pages())); }
  // The first page's tree begins behind the database header.
  std::uint8_t* tree(std::uint8_t* page) { return page == data_ + start_ ? page + kHeaderBytes : page; }

  static void put(std::uint8_t* at, std::size_t size, std::uint64_t value) {
    for (std::size_t i = 0; i < size; ++i) at[i] = static_cast<std::uint8_t>(value >> (8 * (size - 1 - i)));
  }
  static std::size_t get(const std::uint8_t* at) { return static_cast<std::size_t>(at[0]) << 8 | at[1]; }

  std::uint64_t telling_number() {
    static constexpr std::array<std::uint64_t, 14> kNumbers = {
        0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff0};
    return one_in(2) ? kNumbers[below(kNumbers.size())] : below(one_in(2) ? pages() + 2 : page_size_);
  }

  // Some bytes, in place.
  void mutate(std::uint8_t* at, std::size_t size) {
    const std::uint8_t* const end = data_ + size_;
    if (at >= end) return;
    size = std::min(size, static_cast<std::size_t>(end - at));
    LLVMFuzzerMutate(at, size, size);
  }

  // The offset in its page of a cell, as the cell pointers give it.
  std::uint8_t* random_cell() {
    std::uint8_t* const begin = random_page();
    const std::uint8_t* const header = tree(begin);
    const std::size_t header_size = header[0] == 2 || header[0] == 5 ? 12 : 8;
    const std::size_t cells = std::min<std::size_t>(get(header + 3), 100);
    return begin + get(header + header_size + 2 * below(cells)) % (page_size_ - 16);
  }

  void change() {
    switch (below(11)) {
      case 0: {  // kind of page, first free block, cells, where they begin, right child
        static constexpr std::array<std::size_t, 6> kFields = {0, 1, 3, 5, 7, 8};
        const std::size_t field = below(kFields.size());
        static constexpr std::array<std::size_t, 6> kSizes = {1, 2, 2, 2, 1, 4};
        put(tree(random_page()) + kFields[field], kSizes[field], telling_number());
        break;
      }
      case 1: {  // kind of page, one that there is
        static constexpr std::array<std::uint8_t, 4> kKinds = {2, 5, 10, 13};
        *tree(random_page()) = kKinds[below(kKinds.size())];
        break;
      }
      case 2:  // a cell pointer
        put(tree(random_page()) + 8 + 2 * below(20), 2, telling_number());
        break;
      case 3:  // sizes and types at a cell's front
        mutate(random_cell() + below(10), 1 + below(4));
        break;
      case 4:  // a child or overflow page
        put(random_cell(), 4, below(pages() + 2));
        break;
      case 5: {  // what a cell holds
        mutate(random_cell() + below(40), 1 + below(40));
        break;
      }
      case 6:
        std::memmove(random_page(), random_page(), page_size_);
        break;
      case 7: {  // deflated data: a zlib header's first byte, and what follows
        const std::size_t from = start_ + below(database_size());
        const std::string_view bytes(reinterpret_cast<const char*>(data_), size_);
        const auto at = bytes.find('\x78', from);
        if (at != std::string_view::npos) mutate(data_ + at + 2, 1 + below(60));
        break;
      }
      case 8:  // the database header
        mutate(data_ + start_ + 16 + below(84), 1 + below(4));
        break;
      case 9: {  // shorter or longer by pages
        std::array<std::uint8_t, kMarkBytes> mark;
        if (has_mark_) std::memcpy(mark.data(), data_ + size_ - kMarkBytes, kMarkBytes);
        if (one_in(2) && pages() > 1) {
          size_ -= page_size_;
        } else if (size_ + page_size_ <= size_max_) {
          std::memcpy(data_ + start_ + database_size(), random_page(), page_size_);
          size_ += page_size_;
        }
        if (has_mark_) std::memcpy(data_ + size_ - kMarkBytes, mark.data(), kMarkBytes);
        break;
      }
      default:  // any number anywhere
        put(random_page() + below(page_size_ - 4), 1 + below(4), telling_number());
    }
  }

  void repair() {
    std::uint8_t* const header = data_ + start_;
    std::memcpy(header, kDatabaseMagic.data(), kDatabaseMagic.size());
    put(header + 16, 2, page_size_);
    header[18] = header[19] = 1;
    put(header + 28, 4, pages());
    std::memcpy(header + 92, header + 24, 4);
    if (!has_mark_) return;
    std::uint8_t* const mark = data_ + size_ - kMarkBytes;
    std::memcpy(mark, kMark.data(), kMark.size());
    put(mark + kMark.size(), 8, start_);
  }

  std::uint8_t* data_;
  std::size_t size_;
  std::size_t size_max_;
  std::minstd_rand random_;
  std::size_t start_ = 0;  // of the database
  std::size_t page_size_ = 512;
  bool has_mark_ = false;
};

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t size_max,
                                               unsigned seed) {
  return Mutation(data, size, size_max, seed).apply();
}
