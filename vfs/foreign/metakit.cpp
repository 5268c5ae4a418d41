// SPDX-License-Identifier: MIT
//
// Reads kits of the classic Tclkit: a Metakit datafile with the view
//
//     dirs[name:S,parent:I,files[name:S,size:I,date:I,contents:B]]
//
// The file, from its end: a commit mark (0x80, size of the root in 3 bytes, its position in 4) behind a skip mark
// (0x80000000, distance to the base); at the base a header, "JL" for little endian data and "LJ" for big. Numbers of the
// structure are big endian, or of variable length: 7 bits in a byte, the most significant first, the last with the top bit
// set, and a leading zero byte for the complement.
//
// A view is its number of rows and, for each property, where its columns lie. A column of integers has the width that its
// size gives, from 0 to 64 bits. Texts and bytes have their data one after another, a column of sizes, and a list of the
// rows whose data lies elsewhere. A subview's column holds the views of all rows, one after another.
//
// Nothing that is read lies over anything else in a sound file: the bytes of all columns, and the rows of all views, are at
// most as many as the file's bytes; and as many as are good for memory, as a file of 4 GB may be nothing but a hole.

#include "metakit.h"

#include <algorithm>
#include <limits>

#include "archive/name.h"
#include "packed.h"

namespace starlit {
namespace {

constexpr std::int64_t kTailBytes = 8;
constexpr const char* kCode = "METAKIT";
constexpr int kDepthMax = 8;          // of views in views; kits have 3
constexpr std::int64_t kDeleted = -99;  // the parent of a directory that was deleted
constexpr std::int64_t kColumnsMax = 256 << 20;  // bytes in all columns that are read, which contents are not
constexpr std::int64_t kRowsMax = 4 << 20;
constexpr std::size_t kPathsMax = 64 << 20;  // bytes in the names of all members: deep directories multiply them

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

// A property of a view: its type is S, B, M, I, L, F or D, or V for one that is a view itself.
struct Property {
  std::string name;
  char type = 'V';
  std::vector<Property> properties;
};

struct Column {
  std::int64_t size = 0;
  std::int64_t position = 0;
};

struct Columns {
  Column data, sizes, memos;
};

struct View {
  std::int64_t rows = 0;
  std::vector<Columns> columns;  // one for each property
};

class Numbers {
 public:
  explicit Numbers(std::string_view bytes) : bytes_(bytes) {}

  bool at_end() const noexcept { return at_ == bytes_.size(); }

  std::int64_t next() {
    const bool is_complement = at_ < bytes_.size() && bytes_[at_] == 0;
    if (is_complement) ++at_;
    std::int64_t value = 0;
    while (true) {
      if (at_ == bytes_.size() || value > std::numeric_limits<std::int32_t>::max()) {
        throw Error(EINVAL, kCode, "its structure is damaged");
      }
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      value = value << 7 | (byte & 0x7f);
      if ((byte & 0x80) != 0) return is_complement ? ~value : value;
    }
  }

  std::string_view text(std::int64_t size) {
    if (size < 0 || size > static_cast<std::int64_t>(bytes_.size() - at_)) {
      throw Error(EINVAL, kCode, "its structure is damaged");
    }
    at_ += static_cast<std::size_t>(size);
    return bytes_.substr(at_ - static_cast<std::size_t>(size), static_cast<std::size_t>(size));
  }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

// "name:S,parent:I,files[name:S,...]"
std::vector<Property> parse_properties(std::string_view& text, int depth) {
  std::vector<Property> properties;
  if (depth > kDepthMax) throw Error(EINVAL, kCode, "its structure is nested too deep");
  while (!text.empty() && text.front() != ']') {
    Property property;
    const auto end = text.find_first_of(":[],");
    property.name = text.substr(0, end);
    text.remove_prefix(std::min(end, text.size()));
    if (text.starts_with('[')) {
      text.remove_prefix(1);
      property.properties = parse_properties(text, depth + 1);
      if (!text.starts_with(']')) throw Error(EINVAL, kCode, "its structure is damaged");
      text.remove_prefix(1);
    } else {
      property.type = text.size() >= 2 && text.front() == ':' ? text[1] : 'S';
      text.remove_prefix(text.starts_with(':') ? std::min<std::size_t>(2, text.size()) : 0);
      if (std::string_view("SBMILFD").find(property.type) == std::string_view::npos) {
        throw Error(EINVAL, kCode, "its structure has an unknown type");
      }
    }
    properties.push_back(std::move(property));
    if (!text.starts_with(',')) break;
    text.remove_prefix(1);
  }
  return properties;
}

class Integers {
 public:
  Integers(std::string bytes, std::int64_t rows, bool is_big_endian)
      : bytes_(std::move(bytes)), is_big_endian_(is_big_endian) {
    const auto size = static_cast<std::int64_t>(bytes_.size());
    if (rows == 0 || size == 0) return;
    bits_ = size * 8 / rows;
    // Up to 7 rows in up to 6 bytes have widths of their own: column.cpp, CalcAccessWidth().
    static constexpr unsigned char kSmall[7][6] = {{8, 16, 1, 32, 2, 4}, {4, 8, 1, 16, 2, 0}, {2, 4, 8, 1, 0, 16},
                                                   {2, 4, 0, 8, 1, 0},   {1, 2, 4, 0, 8, 0},  {1, 2, 4, 0, 0, 8},
                                                   {1, 2, 4, 0, 0, 8}};
    if (rows <= 7 && size <= 6) bits_ = kSmall[rows - 1][size - 1];
    const bool is_width = bits_ == 0 || bits_ == 1 || bits_ == 2 || bits_ == 4 || bits_ == 8 || bits_ == 16 ||
                          bits_ == 32 || bits_ == 64;
    if (!is_width || (rows * bits_ + 7) / 8 > size) throw Error(EINVAL, kCode, "a column's size is none");
  }

  std::int64_t at(std::int64_t row) const {
    if (bits_ == 0) return 0;
    const auto start = static_cast<std::size_t>(row * bits_ / 8);
    if (bits_ < 8) {
      const int shift = static_cast<int>(row * bits_ % 8);
      return static_cast<unsigned char>(bytes_[start]) >> shift & ((1 << bits_) - 1);
    }
    const auto size = static_cast<std::size_t>(bits_ / 8);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      value = value << 8 | static_cast<unsigned char>(bytes_[start + (is_big_endian_ ? i : size - 1 - i)]);
    }
    const int unused = 64 - static_cast<int>(bits_);
    return static_cast<std::int64_t>(value << unused) >> unused;
  }

 private:
  std::string bytes_;
  bool is_big_endian_;
  std::int64_t bits_ = 0;
};

class Metakit {
 public:
  Metakit(const ForeignFile& file, const MetakitPlace& place)
      : file_(file), place_(place) {}

  ForeignListing read() {
    const std::string root_bytes = bytes({place_.root_bytes, place_.root});
    Numbers root(root_bytes);
    root.next();
    std::string_view description = root.text(root.next());
    const std::vector<Property> properties = parse_properties(description, 0);
    const View view = read_view(root, properties);
    for (std::size_t i = 0; i < view.columns.size(); ++i) {
      if (properties[i].name != "dirs" || properties[i].type != 'V') continue;
      const std::string dirs = bytes(view.columns[i].data);
      Numbers numbers(dirs);
      numbers.next();
      read_dirs(read_view(numbers, properties[i].properties), properties[i].properties);
      return std::move(listing_);
    }
    throw Error(EINVAL, kCode, "it is a Metakit file, but no kit: it has no view \"dirs\"");
  }

 private:
  [[noreturn]] static void fail(const char* cause) { throw Error(EINVAL, kCode, cause); }

  // The bytes of a column.
  std::string bytes(const Column& column) {
    if (column.size == 0) return {};
    check(column);
    if (column.size > bytes_left_) fail("its columns lie over one another, or are larger than 256 MB in all");
    bytes_left_ -= column.size;
    return file_.text(place_.base + column.position, column.size);
  }

  void check(const Column& column) const {
    const std::int64_t most = place_.end - place_.base;
    if (column.size < 0 || column.position < 0 || column.position > most || column.size > most - column.position) {
      fail("a column does not lie in the file");
    }
  }

  static Column read_column(Numbers& numbers) {
    Column column;
    column.size = numbers.next();
    if (column.size != 0) column.position = numbers.next();
    return column;
  }

  // Behind the number in front, which is 0.
  View read_view(Numbers& numbers, const std::vector<Property>& properties) {
    View view;
    view.rows = numbers.next();
    if (view.rows < 0 || view.rows > rows_left_) fail("its views have more rows than it can hold, or than 4 million");
    rows_left_ -= view.rows;
    if (view.rows == 0) return view;
    for (const Property& property : properties) {
      Columns columns;
      columns.data = read_column(numbers);
      if (property.type == 'S' || property.type == 'B' || property.type == 'M') {
        if (columns.data.size > 0) columns.sizes = read_column(numbers);
        columns.memos = read_column(numbers);
      }
      view.columns.push_back(columns);
    }
    return view;
  }

  static std::size_t need(const std::vector<Property>& properties, std::string_view name, char type) {
    for (std::size_t i = 0; i < properties.size(); ++i) {
      if (properties[i].name == name && properties[i].type == type) return i;
    }
    fail("it is a Metakit file, but no kit: its views have other properties");
  }

  Integers integers(const View& view, std::size_t index) {
    return {bytes(view.columns[index].data), view.rows, place_.is_big_endian};
  }

  // Where the data of each row lies.
  std::vector<Column> items(const View& view, std::size_t index) {
    const Columns& columns = view.columns[index];
    std::vector<Column> items(static_cast<std::size_t>(view.rows));
    check(columns.data);
    const Integers sizes(bytes(columns.sizes), view.rows, place_.is_big_endian);
    std::int64_t position = columns.data.position;
    for (std::int64_t row = 0; row < view.rows; ++row) {
      const std::int64_t size = sizes.at(row);
      if (size < 0 || size > columns.data.position + columns.data.size - position) fail("the sizes of a column lie");
      items[static_cast<std::size_t>(row)] = {size, position};
      position += size;
    }
    const std::string memo_bytes = bytes(columns.memos);
    Numbers memos(memo_bytes);
    for (std::int64_t row = 0; !memos.at_end(); ++row) {
      const std::int64_t skip = memos.next();
      if (skip < 0 || skip >= view.rows - row) fail("its structure is damaged");
      row += skip;
      const Column item = read_column(memos);
      check(item);
      items[static_cast<std::size_t>(row)] = item;
    }
    return items;
  }

  // Texts end with a zero byte.
  std::vector<std::string> texts(const View& view, std::size_t index) {
    std::vector<std::string> texts;
    for (const Column& item : items(view, index)) {
      std::string text = bytes(item);
      if (!text.empty() && text.back() == '\0') text.pop_back();
      texts.push_back(std::move(text));
    }
    return texts;
  }

  void read_dirs(const View& dirs, const std::vector<Property>& properties) {
    if (dirs.rows == 0) return;
    const std::size_t files_index = need(properties, "files", 'V');
    const std::vector<std::string> names = texts(dirs, need(properties, "name", 'S'));
    const Integers parents = integers(dirs, need(properties, "parent", 'I'));
    places_.assign(names.size(), Place());
    const std::string files_bytes = bytes(dirs.columns[files_index].data);
    Numbers numbers(files_bytes);
    for (std::int64_t row = 0; row < dirs.rows; ++row) {
      const std::string* path = path_of(row, names, parents);
      if (path != nullptr && row != 0) {
        ListedMember directory;
        directory.name = *path;
        directory.type = MemberType::kDirectory;
        directory.permissions = 0755;
        directory.mtime_s = file_.mtime_s();
        add(std::move(directory), {});
      }
      if (numbers.at_end()) {
        if (!files_bytes.empty()) fail("its structure is damaged");
        continue;
      }
      numbers.next();
      const std::vector<Property>& file_properties = properties[files_index].properties;
      const View files = read_view(numbers, file_properties);
      if (path != nullptr && files.rows > 0) read_files(*path, files, file_properties);
    }
  }

  // The path of a directory, "" for the root; null for one that was deleted, or lies in one.
  const std::string* path_of(std::int64_t row, const std::vector<std::string>& names, const Integers& parents) {
    places_[0] = {true, false, ""};
    std::vector<std::size_t> way;
    bool is_deleted = false;
    for (std::int64_t at = row; !is_deleted; at = parents.at(at)) {
      if (at == kDeleted) {
        is_deleted = true;
        break;
      }
      if (at < 0 || at >= static_cast<std::int64_t>(names.size())) fail("a directory lies in none");
      const Place& place = places_[static_cast<std::size_t>(at)];
      if (place.is_known) {
        is_deleted = place.is_deleted;
        if (!way.empty() || at == row) way.push_back(static_cast<std::size_t>(at));
        break;
      }
      if (way.size() > names.size()) fail("its directories lie in one another");
      way.push_back(static_cast<std::size_t>(at));
    }
    for (std::size_t i = way.size(); i-- > 0;) {
      Place& place = places_[way[i]];
      if (place.is_known) continue;
      place.is_known = true;
      place.is_deleted = is_deleted;
      if (is_deleted) continue;
      const std::string& above = places_[way[i + 1]].path;
      const std::string& name = names[way[i]];
      if (above.size() + name.size() > 4094) fail("its directories are nested too deep");
      place.path = join_name(above, name);
    }
    const Place& place = places_[static_cast<std::size_t>(row)];
    return place.is_deleted ? nullptr : &place.path;
  }

  void read_files(const std::string& directory, const View& files, const std::vector<Property>& properties) {
    const std::vector<std::string> names = texts(files, need(properties, "name", 'S'));
    const Integers sizes = integers(files, need(properties, "size", 'I'));
    const Integers dates = integers(files, need(properties, "date", 'I'));
    const std::vector<Column> contents = items(files, need(properties, "contents", 'B'));
    for (std::int64_t row = 0; row < files.rows; ++row) {
      const auto index = static_cast<std::size_t>(row);
      ListedMember member;
      member.name = join_name(directory, names[index]);
      member.mtime_s = dates.at(row);
      member.size_bytes = sizes.at(row);
      Packed content;
      content.offset = place_.base + contents[index].position;
      content.stored_bytes = contents[index].size;
      content.size_bytes = member.size_bytes;
      content.packing = content.stored_bytes == content.size_bytes ? Packing::kStored : Packing::kZlib;
      add(std::move(member), std::move(content));
    }
  }

  void add(ListedMember member, Packed content) {
    paths_bytes_ += member.name.size();
    if (paths_bytes_ > kPathsMax) fail("its names are longer than 64 MB in all");
    listing_.members.push_back(std::move(member));
    listing_.contents.push_back(std::move(content));
  }

  const ForeignFile& file_;
  const MetakitPlace place_;
  std::int64_t bytes_left_ = std::min(file_.size_bytes(), kColumnsMax);
  std::int64_t rows_left_ = std::min(file_.size_bytes(), kRowsMax);
  struct Place {
    bool is_known = false;
    bool is_deleted = false;
    std::string path = {};
  };
  std::vector<Place> places_;  // of the directories
  std::size_t paths_bytes_ = 0;
  ForeignListing listing_;
};

}  // namespace

std::optional<MetakitPlace> find_metakit(const ForeignFile& file) {
  std::int64_t position = file.size_bytes();
  // Other data may follow, with a skip mark of its own.
  for (int i = 0; i < 16 && position >= 3 * kTailBytes; ++i) {
    const std::string mark = file.text(position - kTailBytes, kTailBytes);
    if (mark[0] != '\x80') return std::nullopt;
    const std::int64_t offset = big_endian(std::string_view(mark).substr(4));
    const std::int64_t root_bytes = big_endian(std::string_view(mark).substr(1, 3));
    if (root_bytes == 0) {
      position -= kTailBytes + offset;
      continue;
    }
    const std::string skip = file.text(position - 2 * kTailBytes, kTailBytes);
    MetakitPlace place;
    place.end = position - 2 * kTailBytes;
    place.base = place.end - big_endian(std::string_view(skip).substr(4));
    place.root = offset;
    place.root_bytes = root_bytes;
    if (big_endian(std::string_view(skip).substr(0, 4)) != 0x80000000 || place.base < 0) return std::nullopt;
    const std::string header = file.text(place.base, kTailBytes);
    place.is_big_endian = header.starts_with("LJ");
    if (!place.is_big_endian && !header.starts_with("JL")) return std::nullopt;
    return place;
  }
  return std::nullopt;
}

std::shared_ptr<Archive> open_metakit(std::shared_ptr<const ForeignFile> file) {
  ForeignListing listing;
  try {
    const auto place = find_metakit(*file);
    if (!place) throw Error(EINVAL, kCode, "not a Metakit file (hint: its marks are not at its end; was it cut short?)");
    listing = Metakit(*file, *place).read();
  } catch (const Error& error) {
    if (error.code() != kCode && error.code() != "CUT") throw;
    fail_foreign(*file, kCode, error.code() == "CUT" ? "it is cut short" : error.text());
  }
  return open_packed(std::move(file), std::move(listing), kCode);
}

}  // namespace starlit
