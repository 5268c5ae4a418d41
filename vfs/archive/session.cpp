// SPDX-License-Identifier: MIT

#include "archive/session.h"

#include <sqlite3.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "archive/name.h"
#include "host_file.h"

namespace starlit {
namespace {

std::int64_t now_s() { return ::time(nullptr); }

}  // namespace

Session::Session(std::shared_ptr<Archive> archive) : archive_(std::move(archive)), editor_(archive_) {}
Session::~Session() = default;

void Session::fail(std::string_view name, int posix) const {
  throw posix_error("couldn't use", archive_->path() + "/" + std::string(name), posix);
}

bool Session::permits(const Member& member, std::uint32_t bit) const noexcept {
  if (!is_writable() || ::geteuid() == 0) return true;
  return (member.permissions >> 6 & bit) == bit;
}

std::shared_ptr<OpenFile> Session::known(std::string_view name) {
  const auto at = files_.find(name);
  return at == files_.end() ? nullptr : at->second.lock();
}

std::optional<Member> Session::find(std::string_view name) {
  auto member = archive_->find(name);
  if (files_.empty()) return member;
  const auto file = known(name);
  if (!file || !(file->is_new_ || file->is_changed_)) return member;
  const bool is_there = member && member->type == MemberType::kFile;
  if (!member) member = Archive::new_member(name);
  member->size_bytes = file->size_bytes();
  if (!is_there || file->sets_permissions_) member->permissions = file->permissions_;
  member->mtime_s = file->mtime_s_;
  return member;
}

std::vector<std::string> Session::child_names(std::string_view directory) {
  std::vector<std::string> names = archive_->child_names(directory);
  for (const auto& [name, weak] : files_) {
    if (parent_name(name) != directory) continue;
    const auto file = weak.lock();
    if (!file || !file->is_new_) continue;
    const std::string part(last_part(name));
    if (std::find(names.begin(), names.end(), part) == names.end()) names.push_back(part);
  }
  return names;
}

void Session::need_writable(std::string_view name) const {
  if (!is_writable()) fail(name, EROFS);
}

bool Session::may_reach(std::string_view name) {
  if (!is_writable() || ::geteuid() == 0) return true;
  for (std::string_view directory = parent_name(name); !directory.empty(); directory = parent_name(directory)) {
    const auto member = find(directory);
    if (member && member->type == MemberType::kDirectory && !permits(*member, 1)) return false;
  }
  return true;
}

void Session::need_search(std::string_view name) {
  if (!may_reach(name)) fail(name, EACCES);
}

// A name can be made or taken away where its directory is one, and the owner may write there.
void Session::need_entry(std::string_view name) {
  need_writable(name);
  if (name.empty()) fail(name, EBUSY);
  if (const int posix = new_name_errno(name); posix != 0) fail(name, posix);
  need_search(name);
  for (std::string_view directory = parent_name(name); !directory.empty();) {
    const auto member = find(directory);
    if (member && member->type == MemberType::kLink) {
      archive_->resolve(directory, true);  // one that goes round is told
      fail(name, ENOENT);
    }
    if (member && member->type != MemberType::kDirectory) fail(name, ENOTDIR);
    if (member && !permits(*member, 3)) fail(name, EACCES);
    if (member) return;
    directory = parent_name(directory);
    const auto above = find(directory);
    if (directory.empty() || (above && above->type == MemberType::kDirectory)) fail(name, ENOENT);
  }
}

std::shared_ptr<OpenFile> Session::open_here(std::string_view name) {
  auto reader = archive_->open(name);
  if (!reader) return nullptr;
  auto file = std::make_shared<OpenFile>(shared_from_this(), std::string(name));
  file->reader_ = std::move(reader);
  return file;
}

std::shared_ptr<OpenFile> Session::open(std::string_view name, int flags, std::uint32_t permissions) {
  const bool writes = (flags & O_ACCMODE) != O_RDONLY;
  if (!is_writable()) {
    if (writes || (flags & O_TRUNC) != 0) fail(name, EROFS);
    auto file = open_here(name);
    if (!file) {
      if (archive_->find(name)) fail(name, EISDIR);
      fail(name, (flags & O_CREAT) != 0 ? EROFS : ENOENT);
    }
    if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) fail(name, EEXIST);
    return file;
  }

  std::optional<Archive::Snapshot> view(*archive_);
  need_search(name);
  auto file = known(name);
  const auto member = find(name);
  if (member) {
    if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) fail(name, EEXIST);
    if (member->type != MemberType::kFile) fail(name, EISDIR);
    if ((writes || (flags & O_TRUNC) != 0) && !permits(*member, 2)) fail(name, EACCES);
    if ((flags & O_ACCMODE) != O_WRONLY && !permits(*member, 4)) fail(name, EACCES);
  } else {
    if ((flags & O_CREAT) == 0) fail(name, ENOENT);
    need_entry(name);
  }
  if (file && !member) {
    // Others have taken it away: what is made now is another file.
    file->is_removed_ = true;
    file.reset();
  }
  if (!file) {
    file = std::make_shared<OpenFile>(shared_from_this(), std::string(name));
    std::erase_if(files_, [](const auto& entry) { return entry.second.expired(); });
  }
  if (!member) {
    file->is_new_ = file->is_changed_ = true;
    file->permissions_ = permissions;
    file->mtime_s_ = now_s();
    if ((flags & O_EXCL) != 0 || !writes) {
      view.reset();  // what only reads cannot go on to write
      editor_.create_file(name, permissions, file->mtime_s_);
      file->is_new_ = file->is_changed_ = false;
    }
  } else if (!file->is_changed_) {
    file->permissions_ = member->permissions;
    file->mtime_s_ = member->mtime_s;
    if ((flags & O_TRUNC) == 0) file->refresh();
  }
  if (writes) {
    if ((flags & O_TRUNC) != 0) {
      file->truncate(0);
    } else if (file->writers_ == 0 && (file->is_new_ || !file->is_changed_)) {
      file->only_appended_ = (flags & O_APPEND) != 0;
    }
    if ((flags & O_APPEND) == 0) file->only_appended_ = false;
    ++file->writers_;
  } else if ((flags & O_TRUNC) != 0 && member) {
    // As Linux has it, and at once: nobody's close would keep it.
    view.reset();
    file->truncate(0);
    file->settle();
  }
  files_.insert_or_assign(std::string(name), file);
  return file;
}

void Session::forget(std::string_view name) {
  if (const auto file = known(name)) {
    file->keep();
    file->detach();
    files_.erase(std::string(name));
  }
}

void Session::for_each_below(std::string_view directory, const std::function<void(OpenFile&)>& visit) {
  const std::string below = std::string(directory) + "/";
  for (auto at = files_.lower_bound(below); at != files_.end() && at->first.starts_with(below); ++at) {
    if (const auto file = at->second.lock()) visit(*file);
  }
}

void Session::move_names(std::string_view from, std::string_view to) {
  const std::string below = std::string(from) + "/";
  std::map<std::string, std::weak_ptr<OpenFile>, std::less<>> moved;
  for (auto at = files_.begin(); at != files_.end();) {
    const bool is_below = at->first.starts_with(below);
    if (at->first != from && !is_below) {
      ++at;
      continue;
    }
    std::string name(to);
    if (is_below) name += at->first.substr(from.size());
    if (const auto file = at->second.lock()) {
      file->name_ = name;
      moved.emplace(std::move(name), at->second);
    }
    at = files_.erase(at);
  }
  for (auto& [name, file] : moved) files_.insert_or_assign(name, std::move(file));
}

void Session::make_directory(std::string_view name, std::uint32_t permissions) {
  need_writable(name);
  if (find(name)) fail(name, EEXIST);
  need_entry(name);
  editor_.make_directory(name, permissions, now_s());
}

void Session::make_link(std::string_view name, std::string_view target) {
  need_writable(name);
  if (find(name)) fail(name, EEXIST);
  need_entry(name);
  editor_.make_link(name, target, now_s());
}

void Session::remove_file(std::string_view name) {
  need_entry(name);
  const auto file = known(name);
  if (file && file->is_new_) {
    forget(name);
    return;
  }
  if (file) file->keep();
  editor_.remove_file(name, now_s());
  if (file) {
    file->detach();
    files_.erase(std::string(name));
  }
}

// What holds something is emptied only where the owner may list, write and search it; what holds nothing is listed
// to know that. But for the directory that is named, which Tcl makes so first: tclUnixFCmd.c, DoRemoveDirectory().
std::optional<std::string> Session::not_to_be_emptied(std::string_view directory) {
  if (!is_writable() || ::geteuid() == 0) return std::nullopt;
  for (const std::string& part : archive_->child_names(directory)) {
    std::string name = join_name(directory, part);
    const auto member = find(name);
    if (!member || member->type != MemberType::kDirectory) continue;
    if (!permits(*member, 4) || (!permits(*member, 3) && !archive_->child_names(name).empty())) return name;
    if (auto below = not_to_be_emptied(name)) return below;
  }
  return std::nullopt;
}

void Session::remove_directory(std::string_view name, bool recursive) {
  need_entry(name);
  const std::string below = std::string(name) + "/";
  if (recursive) {
    if (const auto shut = not_to_be_emptied(name)) fail(*shut, EACCES);
  }
  for_each_below(name, [&](OpenFile& file) {
    if (!recursive && file.is_new_) fail(name, ENOTEMPTY);
    file.keep();
  });
  editor_.remove_directory(name, recursive, now_s());
  for_each_below(name, [](OpenFile& file) { file.detach(); });
  std::erase_if(files_, [&](const auto& entry) { return entry.first.starts_with(below); });
}

void Session::rename(std::string_view from, std::string_view to) {
  need_entry(from);
  need_entry(to);
  if (from == to && find(from)) return;
  // A directory that gets another parent is written to: its `..` changes.
  if (parent_name(from) != parent_name(to)) {
    const auto member = find(from);
    if (member && member->type == MemberType::kDirectory && !permits(*member, 2)) fail(from, EACCES);
  }
  const auto file = known(from);
  if (file && file->is_changed_) file->settle();
  if (file) file->keep_row();
  for_each_below(from, [](OpenFile& below) { below.keep_row(); });
  // A directory gives way when it is empty, also of files that are not in the archive yet.
  for_each_below(to, [&](OpenFile& below) {
    if (below.is_new_) fail(to, ENOTEMPTY);
  });
  const auto target = known(to);
  if (target && target->is_new_) {
    const auto source = archive_->find(from);
    if (source && source->type == MemberType::kDirectory) fail(to, ENOTDIR);
  }
  if (target) target->keep();
  editor_.rename(from, to, now_s());
  if (target) target->detach();
  files_.erase(std::string(to));
  move_names(from, to);
}

void Session::copy_file(std::string_view from, std::string_view to) {
  need_entry(to);
  if (const auto file = known(from); file && file->is_changed_) file->settle();
  if (const auto member = archive_->find(from); member && member->type == MemberType::kFile && !permits(*member, 4)) {
    fail(from, EACCES);
  }
  const Handles handles(*this);
  try {
    Transaction transaction(*archive_);
    if (const auto target = find(to)) {
      if (target->type == MemberType::kDirectory) fail(to, EISDIR);
      remove_file(to);
    }
    if (const auto target = archive_->link_target(from)) {
      editor_.make_link(to, *target, now_s());
    } else {
      editor_.copy_member(from, to);
    }
    transaction.commit();
  } catch (const Error&) {
    handles.restore();
    throw;
  }
}

std::unique_ptr<WorkingFile> Session::new_content() const {
  return std::make_unique<WorkingFile>(nullptr, [host = archive_->host()] { return host->open_temporary(); });
}

void Session::put_file(std::string_view name, std::uint32_t permissions, std::int64_t mtime_s, WorkingFile& content) {
  if (::geteuid() != 0) {
    const Archive::Snapshot view(*archive_);
    need_entry(name);
  }
  const auto file = known(name);
  if (file) file->keep();
  editor_.put_file(name, permissions, mtime_s, content);
  if (file) {
    file->detach();
    files_.erase(std::string(name));
  }
}

void Session::put_tree(std::string_view root, const NewMember& directory, std::vector<NewMember> members) {
  need_entry(root);
  if (find(root)) fail(root, EEXIST);
  editor_.put_tree(root, directory, std::move(members));
}

void Session::set_mtime(std::string_view name, std::int64_t mtime_s) {
  need_writable(name);
  const auto file = known(name);
  if (file) {
    file->keep_row();
    file->mtime_s_ = mtime_s;
  }
  if (!file || !file->is_new_) editor_.set_mtime(name, mtime_s);
}

void Session::set_permissions(std::string_view name, std::uint32_t permissions) {
  need_writable(name);
  const auto file = known(name);
  if (file) file->permissions_ = permissions;
  if (file && file->is_new_) {
    file->sets_permissions_ = true;
  } else {
    editor_.set_permissions(name, permissions);
  }
}

struct Session::Handles::State {
  std::shared_ptr<OpenFile> file;
  std::string name;
  bool is_removed, is_new, is_changed, sets_permissions;
};

Session::Handles::Handles(Session& session) : session_(session) {
  for (const auto& [name, weak] : session.files_) {
    if (const auto file = weak.lock()) {
      states_.push_back({file, name, file->is_removed_, file->is_new_, file->is_changed_, file->sets_permissions_});
    }
  }
}

Session::Handles::~Handles() = default;

void Session::Handles::restore() const {
  // Files that were opened since and are open still keep what they hold; closing them makes them anew.
  for (const State& state : states_) {
    session_.files_.erase(state.file->name_);
    state.file->name_ = state.name;
    state.file->is_removed_ = state.is_removed;
    state.file->is_new_ = state.is_new;
    if (state.is_changed) state.file->is_changed_ = true;
    if (state.sets_permissions) state.file->sets_permissions_ = true;
  }
  for (const State& state : states_) session_.files_.insert_or_assign(state.name, state.file);
  for (const auto& [name, weak] : session_.files_) {
    const auto file = weak.lock();
    if (file && !file->is_changed_ && !file->is_removed_) file->try_refresh();
  }
}

OpenFile::OpenFile(std::shared_ptr<Session> session, std::string name)
    : session_(std::move(session)), name_(std::move(name)) {}

OpenFile::~OpenFile() = default;

std::int64_t OpenFile::size_bytes() const noexcept {
  if (is_stale_) return 0;
  if (tail_) return appended_from_ + tail_->size_bytes();
  if (working_) return working_->size_bytes();
  return reader_ ? reader_->size_bytes() : 0;
}

std::size_t OpenFile::read(std::int64_t offset, std::span<std::byte> out) {
  if (is_stale_) refresh();
  if (tail_ && offset < appended_from_ + tail_->size_bytes()) {
    std::size_t got = 0;
    if (offset < appended_from_) {
      const auto first = std::min<std::int64_t>(static_cast<std::int64_t>(out.size()), appended_from_ - offset);
      got = reader_ ? reader_->read(offset, out.first(static_cast<std::size_t>(first)))
                    : working_ ? working_->read(offset, out.first(static_cast<std::size_t>(first))) : 0;
      if (static_cast<std::int64_t>(got) < first) return got;
      offset = appended_from_;
    }
    return got + tail_->read(offset - appended_from_, out.subspan(got));
  }
  if (working_) return working_->read(offset, out);
  return reader_ ? reader_->read(offset, out) : 0;
}

// What the archive holds now.
void OpenFile::refresh() {
  tail_.reset();
  working_.reset();
  is_stale_ = true;
  reader_ = session_->archive().open(name_);
  is_stale_ = false;
}

// The same where a failure is not to be reported yet: what comes before it has succeeded.
void OpenFile::try_refresh() noexcept {
  try {
    refresh();
  } catch (const std::exception&) {
    // The next one who reads is told.
  }
}

std::unique_ptr<WorkingFile> OpenFile::working_file(std::unique_ptr<MemberReader> base) const {
  return std::make_unique<WorkingFile>(std::move(base),
                                       [host = session_->archive().host()] { return host->open_temporary(); });
}

// From now on it is more than appending.
WorkingFile& OpenFile::working() {
  if (is_stale_) refresh();
  if (!working_) working_ = working_file(std::move(reader_));
  if (tail_) {
    append_to(*working_, appended_from_, *tail_);
    tail_.reset();
  }
  only_appended_ = false;
  return *working_;
}

void OpenFile::append_to(WorkingFile& content, std::int64_t end, WorkingFile& tail) {
  std::vector<std::byte> buffer(static_cast<std::size_t>(std::min(kChunkBytes, tail.size_bytes())));
  for (std::int64_t at = 0; at < tail.size_bytes();) {
    const std::size_t got = tail.read(at, buffer);
    content.write(end + at, Bytes(buffer).first(got));
    at += static_cast<std::int64_t>(got);
  }
}

// Nothing of a content that could not be written whole is kept: see close_writer().
template <typename Body>
void OpenFile::change(Body&& body) {
  is_changed_ = true;
  mtime_s_ = now_s();
  try {
    body();
  } catch (const Error& error) {
    failure_ = error;
    throw;
  } catch (const std::exception&) {
    failure_ = posix_error("couldn't write", name_, ENOMEM);
    throw;
  }
}

void OpenFile::write(std::int64_t offset, Bytes bytes) {
  if (bytes.empty()) return;
  change([&] { working().write(offset, bytes); });
}

void OpenFile::append(Bytes bytes) {
  if (is_stale_) refresh();
  if (!only_appended_ || bytes.empty()) return write(size_bytes(), bytes);
  if (!tail_) {
    appended_from_ = size_bytes();
    tail_ = working_file(nullptr);
  }
  change([&] { tail_->write(tail_->size_bytes(), bytes); });
}

void OpenFile::truncate(std::int64_t size) {
  only_appended_ = false;
  if (size == 0) {
    // Nothing of what was there is needed.
    failure_.reset();
    is_stale_ = false;
    reader_.reset();
    working_.reset();
    tail_.reset();
  }
  change([&] { working().truncate(size); });
}

// Brings all of the content here, for when it will no longer be in the archive.
void OpenFile::keep() {
  if (is_removed_ || (working_ && working_->bytes() && !tail_)) return;
  if (!working_ && !tail_ && (!reader_ || reader_->bytes())) return;
  const bool only_appended = only_appended_ && !tail_;
  std::vector<std::byte> buffer(static_cast<std::size_t>(kChunkBytes));
  WorkingFile& content = working();
  only_appended_ = only_appended;
  for (std::int64_t at = 0; at < content.size_bytes();) {
    const std::size_t got = content.read(at, buffer);
    content.write(at, Bytes(buffer).first(got));
    at += static_cast<std::int64_t>(got);
  }
}

// The same also for what is in memory: it is written as a whole when it is written again.
void OpenFile::keep_whole() {
  static_cast<void>(working());
  keep();
}

// A content that is read from its row piece by piece is found there by the row's name and time, which are to change.
void OpenFile::keep_row() {
  if (working_ ? working_->reads_row() : reader_ && !reader_->bytes() && reader_->chunks() == nullptr) keep();
}

// From now on it is nobody else's, and nothing is written any more.
void OpenFile::detach() {
  is_removed_ = true;
  is_new_ = is_changed_ = false;
}

// Rule 3. Within a transaction, so that nobody appends meanwhile.
void OpenFile::append_to_current() {
  auto current = session_->archive().open(name_);
  if (current && !tail_) return;  // made by another meanwhile, and nothing to add
  const std::int64_t end = current ? current->size_bytes() : 0;
  const auto content = working_file(std::move(current));
  if (tail_) append_to(*content, end, *tail_);
  put(*content);
}

// What others have made of a file's permissions meanwhile stays.
void OpenFile::put(WorkingFile& content) {
  using enum Editor::Permissions;
  session_->editor_.put_file(name_, permissions_, mtime_s_, content, sets_permissions_ ? kGiven : kOfFile);
}

void OpenFile::settle() {
  if (is_removed_ || !is_changed_) return;
  if (failure_) throw *failure_;
  // Within a transaction of the caller it may be undone: then all of the content is still needed (Handles::restore()).
  const bool may_be_undone = sqlite3_get_autocommit(session_->archive().database()) == 0;
  if (only_appended_) {
    Transaction transaction(session_->archive());
    append_to_current();
    transaction.commit();
    is_new_ = is_changed_ = sets_permissions_ = false;
    try_refresh();
    if (may_be_undone) keep_whole();
    return;
  }
  if (may_be_undone) keep();
  put(working());
  is_new_ = is_changed_ = sets_permissions_ = false;
  if (!may_be_undone && !working_->bytes()) try_refresh();
}

void OpenFile::close_writer() {
  --writers_;
  try {
    settle();
  } catch (const std::exception&) {
    // Those who write it too try once more when they close it.
    if (writers_ > 0) throw;
    // Nothing more comes of it: what others of this session read is what the archive holds.
    is_changed_ = false;
    failure_.reset();
    if (is_new_) {
      is_removed_ = true;
      is_new_ = false;
      session_->files_.erase(name_);
    } else if (!is_removed_) {
      try_refresh();
    }
    throw;
  }
}

}  // namespace starlit
