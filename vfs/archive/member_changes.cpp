// SPDX-License-Identifier: MIT

#include "archive/member_changes.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "archive/chunks.h"
#include "archive/editor.h"
#include "archive/facts.h"
#include "archive/name.h"
#include "archive/packages.h"
#include "base/file.h"
#include "host_file.h"

namespace starlit {
namespace {

using NameSet = std::set<std::string, std::less<>>;

std::string path_of(const Archive& archive, std::string_view name) { return archive.path() + "/" + std::string(name); }

// Takes names off what is recorded as the runtime's. Within a transaction that has changed something else.
void set_runtime_members(Archive& archive, const NameSet& names) {
  std::string text;
  for (const std::string& name : names) text += name + '\0';
  execute(archive.database(), "DELETE FROM starlit_fact WHERE key = 'runtime'", archive.path(), kWriting);
  write_fact(archive.database(), kFactRuntime, archive.change_counter() + 1, text, archive.path());
}

// A member and all below it.
std::int64_t count_tree(Archive& archive, std::string_view name, const Member& member) {
  std::int64_t count = 1;
  if (member.type != MemberType::kDirectory) return count;
  archive.children(name, [&](std::string_view part, const Member& child) {
    count += count_tree(archive, join_name(name, part), child);
  });
  return count;
}

// Deletes members, within a transaction.
std::int64_t delete_from(Archive& archive, Editor& editor, std::vector<std::string> names, const DeleteOptions& options) {
  const NameSet runtime = runtime_members(archive);
  NameSet rest = runtime;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const auto fail = [&](const std::string& name, int posix, const char* code, const char* cause) {
    throw Error(posix, code, quoted("couldn't delete", path_of(archive, name)) + ": " + cause);
  };
  // All is looked at before anything is done, so that the message is about what the user sees.
  for (const std::string& name : names) {
    if (!name_fault(name).empty()) fail(name, ENOENT, "NOMEMBER", "no such member");
    const auto member = archive.find(name);
    if (!member) fail(name, ENOENT, "NOMEMBER", "no such member");
    const bool is_directory = member->type == MemberType::kDirectory;
    if (is_directory && !options.recursive) fail(name, EISDIR, "DIRECTORY", "it is a directory (hint: use -recursive)");
    rest.erase(name);
    if (is_directory) {
      const auto first = rest.lower_bound(name + "/");
      rest.erase(first, rest.lower_bound(name + "0"));  // '0' follows '/'
    }
    if (rest.size() != runtime.size() && !options.runtime_members) {
      fail(name, EPERM, "RUNTIME", "it belongs to the runtime, which would not run without it (hint: use -force)");
    }
  }
  std::int64_t deleted = 0;
  NameSet directories;  // that are deleted
  const auto is_gone = [&](std::string_view name) {
    for (name = parent_name(name); !name.empty(); name = parent_name(name)) {
      if (directories.contains(name)) return true;
    }
    return false;
  };
  for (const std::string& name : names) {
    if (is_gone(name)) continue;
    const Member member = *archive.find(name);
    deleted += count_tree(archive, name, member);
    if (member.type == MemberType::kDirectory) {
      editor.remove_directory(name, true, options.now_s);
      directories.insert(name);
    } else {
      editor.remove_file(name, options.now_s);
    }
  }
  if (rest.size() != runtime.size()) set_runtime_members(archive, rest);
  return deleted;
}

void copy_content(const NewMember& member, WorkingFile& to) {
  const auto reader = member.source->open(member.source_name);
  if (!reader) throw posix_error("couldn't read", member.source->path() + "/" + member.source_name, ENOENT);
  std::vector<std::byte> piece(static_cast<std::size_t>(kChunkBytes));
  std::int64_t offset = 0;
  while (const std::size_t size = reader->read(offset, piece)) {
    to.write(offset, Bytes(piece).first(size));
    offset += static_cast<std::int64_t>(size);
  }
}

// A content of the host, in memory or of another archive, to be read by the editor.
WorkingFile content_of(const NewMember& member, const Archive& archive) {
  if (member.path.empty()) {
    WorkingFile content(nullptr, [host = archive.host()] { return host->open_temporary(); });
    content.write(0, std::as_bytes(std::span(member.content)));
    if (member.source) copy_content(member, content);
    return content;
  }
  Fd file = open_regular(member.path);
  const struct stat status = stat_fd(file, member.path);
  struct stat own;
  if (archive.host()->stat_current(own) && is_same_file(own, status)) {
    throw Error(EINVAL, "INSIDE", quoted("couldn't add", member.path) + ": it is the archive itself");
  }
  if (status.st_size > kChunkedSizeMax) {
    throw Error(EFBIG, "TOOBIG", quoted("couldn't add", member.path) + ": larger than 4 TiB");
  }
  return {std::move(file), status.st_size};
}

class Addition {
 public:
  Addition(const std::string& path, std::vector<NewMember> members)
      : archive_(Archive::open_file(path, Access::kWrite)), editor_(archive_), members_(std::move(members)) {
    std::sort(members_.begin(), members_.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    for (std::size_t i = 0; i < members_.size(); ++i) {
      const std::string& name = members_[i].name;
      if (const auto fault = new_name_fault(name); !fault.empty()) {
        throw Error(EINVAL, "NAME", quoted("couldn't add", name) + ": the name " + std::string(fault));
      }
      if (i > 0 && members_[i - 1].name == name) {
        throw Error(EEXIST, "NAME", quoted("couldn't add", name) + ": two members of this name");
      }
    }
  }

  Added run(const ChangeProgress& progress, const Deletion& deletion) {
    std::int64_t total_bytes = 0;
    for (const NewMember& member : members_) total_bytes += member.attributes_only ? 0 : member.size_bytes;
    {
      Transaction transaction(*archive_);
      added_.deleted = delete_from(*archive_, editor_, deletion.names, deletion.options);
      for (const NewMember& member : members_) {
        if (!member.attributes_only) add(member);
        if (progress) progress(added_.content_bytes, total_bytes);
      }
      // What was made in directories has changed their times.
      for (auto member = members_.rbegin(); member != members_.rend(); ++member) {
        if (member->attributes_only) {
          need_member(*member);
        } else if (member->type != MemberType::kDirectory) {
          continue;
        }
        editor_.set_permissions(member->name, member->permissions);
        editor_.set_mtime(member->name, member->mtime_s);
      }
      own_what_was_replaced();
      transaction.commit();
    }
    struct stat status = {};
    archive_->host()->stat_current(status);
    added_.file_bytes = status.st_size;
    return added_;
  }

 private:
  [[noreturn]] void fail(const NewMember& member, int posix, const char* code, const char* cause) const {
    throw Error(posix, code, quoted("couldn't add", path_of(*archive_, member.name)) + ": " + cause);
  }

  // A link has no permissions to be set.
  void need_member(const NewMember& member) {
    const auto found = archive_->find(member.name);
    if (!found) fail(member, ENOENT, "NOMEMBER", "no such member");
    if (found->type == MemberType::kLink) fail(member, EINVAL, "LINK", "it is a link, which is replaced as a whole");
  }

  void make_parents(const NewMember& member) {
    const std::string_view directory = parent_name(member.name);
    if (directory.empty() || directory == ready_directory_) return;
    std::vector<std::string_view> missing;
    for (std::string_view above = directory; !above.empty(); above = parent_name(above)) {
      const auto found = archive_->find(above);
      if (found && found->type != MemberType::kDirectory) {
        fail(member, ENOTDIR, "NOTDIRECTORY", "what it would lie in is a member, but no directory");
      }
      if (found) break;
      missing.push_back(above);
    }
    for (auto above = missing.rbegin(); above != missing.rend(); ++above) {
      editor_.make_directory(*above, 0755, member.mtime_s);
    }
    ready_directory_ = directory;
  }

  void add(const NewMember& member) {
    make_parents(member);
    const auto before = archive_->find(member.name);
    const bool is_directory = member.type == MemberType::kDirectory;
    if (before && before->type == MemberType::kDirectory && !is_directory) {
      fail(member, EISDIR, "DIRECTORY", "a directory has this name (hint: delete that first)");
    }
    if (before && before->type != MemberType::kDirectory && is_directory) {
      fail(member, ENOTDIR, "NOTDIRECTORY", "a member that is no directory has this name (hint: delete that first)");
    }
    if (member.type == MemberType::kFile) {
      WorkingFile content = content_of(member, *archive_);
      editor_.put_file(member.name, member.permissions, member.mtime_s, content);
      added_.content_bytes += content.size_bytes();
    } else if (member.type == MemberType::kLink) {
      if (before) editor_.remove_file(member.name, member.mtime_s);
      editor_.make_link(member.name, member.content, member.mtime_s);
    } else if (!before) {
      editor_.make_directory(member.name, member.permissions, member.mtime_s);
    }
    ++(before ? added_.replaced : added_.made);
  }

  void own_what_was_replaced() {
    NameSet names = runtime_members(*archive_);
    std::size_t replaced = 0;
    for (const NewMember& member : members_) {
      if (member.type != MemberType::kDirectory && !member.attributes_only) replaced += names.erase(member.name);
    }
    if (replaced > 0) set_runtime_members(*archive_, names);
  }

  std::shared_ptr<Archive> archive_;
  Editor editor_;
  std::vector<NewMember> members_;
  std::string ready_directory_;
  Added added_;
};

}  // namespace

std::int64_t delete_members(const std::string& path, std::vector<std::string> names, const DeleteOptions& options) {
  const auto archive = Archive::open_file(path, Access::kWrite);
  Editor editor(archive);
  Transaction transaction(*archive);
  const std::int64_t deleted = delete_from(*archive, editor, std::move(names), options);
  transaction.commit();
  return deleted;
}

Added add_members(const std::string& path, std::vector<NewMember> members, const ChangeProgress& progress,
                  const Deletion& deletion) {
  return Addition(path, std::move(members)).run(progress, deletion);
}

}  // namespace starlit
