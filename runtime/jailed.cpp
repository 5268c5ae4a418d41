// SPDX-License-Identifier: MIT

#include "jailed.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

#include "archive/executable.h"
#include "archive/locks.h"
#include "archive/mark.h"
#include "base/error.h"
#include "foreign/foreign.h"
#include "jail/descriptors.h"
#include "jail/kernel.h"
#include "jail/oci.h"
#include "jail/plan.h"
#include "run.h"
#include "script_file.h"

namespace starlit {
namespace {

constexpr int kExitCannotRun = 126;
constexpr int kExitNotFound = 127;
constexpr const char* kPromisesMember = "safekit.promises";
constexpr std::int64_t kPromisesMax = 4096;
constexpr int kLockTries = 500;
constexpr unsigned kLockPause_us = 10'000;

constexpr const char* kRunSafe =
    "package require safekit::safe; safekit::safe::main $safekit::mount $argv $safekit::words";

constexpr const char* kUsage =
    "usage: safekit ?OPTION ...? ?--? FILE ?ARGUMENT ...?\n"
    "       tclkit --jail ?OPTION ...? ?--? FILE ?ARGUMENT ...?\n"
    "\n"
    "Runs a kit, a starpack or a Tcl script locked in: in an empty root of its own, without network, without other\n"
    "processes in sight, with the promises `stdio rpath` alone. No privilege is needed, and nothing to prepare.\n";

constexpr const char* kStatuses =
    "\n"
    "Exit status: the program's own; 125 the jail could not be set up, 126 the file cannot be run, 127 it is not "
    "there,\n"
    "128+N ended by signal N.\n";

struct Failure {
  int status;
  std::string text;
};

[[noreturn]] void fail_to_find(const char* verb, const std::string& path, int error) {
  throw Failure{error == ENOENT || error == ENOTDIR ? kExitNotFound : kExitCannotRun,
                posix_error(verb, path, error).text()};
}

// What is to be run, open, before anything of it is read.
struct Program {
  std::string path;  // of the host, links resolved
  Fd file;
  bool is_archive = false;
  std::optional<ForeignFormat> foreign = {};  // of an archive that is not our own
};

// Whether a file that begins so is a kit: without a mark it is one cut short. Throws Error for one that ends within
// its header.
bool is_kit_header(std::string_view text, const std::string& path) {
  const auto end = text.find('\x1a');
  const auto header = text.find("\nstarkit::header sqlar");
  if (header != std::string_view::npos && header < end) return end != std::string_view::npos;
  kind_of_script(text, path);
  return false;
}

Fd copy_of(const Fd& file) { return Fd(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0)); }

void look_at(Program& program, const std::string& path) {
  // By its first and last bytes alone: the archive itself is read inside.
  const std::int64_t size = stat_fd(program.file, path).st_size;
  char head[kHeaderMax];
  char tail[kMarkBytes];
  const std::string_view begin(head, read_at(program.file, head, sizeof head, 0, path));
  const std::int64_t end = std::max<std::int64_t>(size - static_cast<std::int64_t>(kMarkBytes), 0);
  const std::string_view mark(tail, read_at(program.file, tail, sizeof tail, end, path));
  program.is_archive = begin.starts_with(kDatabaseMagic) || decode_mark(mark).has_value() ||
                       is_kit_header(begin, path);
  if (program.is_archive) return;
  program.foreign = foreign_format(ForeignFile(copy_of(program.file), path));
  // Or one that has lost its end: opening it will say so.
  if (!program.foreign) program.foreign = foreign_magic(begin);
  program.is_archive = program.foreign.has_value();
  if (!program.is_archive && is_elf(begin)) {
    throw Failure{kExitCannotRun, quoted("couldn't run", path) +
                                      ": it is a program without an archive (hint: safekit --program --allow "
                                      "exec,proc --root DIR runs one that lies in DIR)"};
  }
}

// `fd`: where safekit-chroot has opened it; -1 where it has not.
Program open_program(const std::string& path, int fd) {
  Program program;
  program.path = path;
  program.file = Fd(fd);
  if (fd < 0) {
    const std::unique_ptr<char, Calls<std::free>> resolved(::realpath(path.c_str(), nullptr));
    if (!resolved) fail_to_find("couldn't open", path, errno);
    program.path = resolved.get();
  }
  try {
    if (fd < 0) {
      program.file = open_regular(program.path);
    } else if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
      throw posix_error("couldn't open", path);
    }
    look_at(program, path);
  } catch (const Error& error) {
    throw Failure{kExitCannotRun, error.text()};
  }
  return program;
}

void take_shared_lock(const Fd& file, const std::string& path) {
  // Where SQLite's readers have theirs; held as long as the program runs, so that nobody changes what it reads
  // without further locks. A writer holds its own for the moment of a commit.
  for (int tries = 0; tries < kLockTries; ++tries) {
    if (set_lock(file.get(), F_RDLCK, kSharedFirst, kSharedSize) == 0) return;
    if (errno != EAGAIN && errno != EACCES) throw Failure{kExitCannotRun, posix_error("couldn't lock", path).text()};
    ::usleep(kLockPause_us);
  }
  throw Failure{kExitCannotRun, quoted("couldn't open", path) + ": somebody has been writing to it for 5 seconds"};
}

// A writer that was killed leaves its journal, by which the next one undoes what it had begun; nothing can be undone
// from within, where the journal is not in sight. Where the writer lives it has changed nothing yet.
void refuse_unfinished(const Program& program) {
  const Fd journal(::open((program.path + "-journal").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  char first = 0;
  if (!journal || ::pread(journal.get(), &first, 1, 0) != 1 || first == 0) return;
  if (is_reserved(program.file.get()).value_or(false)) return;
  throw Failure{kExitCannotRun, quoted("couldn't open", program.path) +
                                    ": a writer was killed before it was done (hint: sdx check -repair " +
                                    program.path + " undoes what it had begun)"};
}

std::shared_ptr<Archive> open_archive(const Program& program) {
  if (!program.foreign) return Archive::open_sealed(copy_of(program.file), program.path);
  return open_foreign(std::make_shared<const ForeignFile>(copy_of(program.file), program.path), *program.foreign);
}

jail::Promises promises_of(Archive& archive) {
  const auto fail = [](const std::string& fault) {
    throw Error(EINVAL, "PROMISE", quoted("couldn't read the kit's own", kPromisesMember) + ": " + fault);
  };
  if (!archive.find(kPromisesMember)) return ~jail::Promises{0};
  const auto member = archive.open(kPromisesMember);
  if (!member) fail("it is not a file");
  if (member->size_bytes() > kPromisesMax) fail("it is longer than 4096 bytes");
  std::vector<std::byte> bytes(static_cast<std::size_t>(member->size_bytes()));
  member->read(0, bytes);
  try {
    return jail::parse_promises({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  } catch (const Error& error) {
    fail(error.text());
  }
  return 0;
}

// safekit::safe::main MOUNT ARGV WORDS, of package safekit::safe.
int run_safe(Runtime& runtime, Tcl_Obj* mount, const std::vector<std::string>& words) {
  Tcl_Interp* interp = runtime.interp.get();
  Tcl_Obj* list = Tcl_NewListObj(0, nullptr);
  for (const std::string& word : words) Tcl_ListObjAppendElement(nullptr, list, from_host(word));
  Tcl_SetVar2Ex(interp, "::safekit::words", nullptr, list, TCL_GLOBAL_ONLY);
  Tcl_SetVar2Ex(interp, "::safekit::mount", nullptr, mount, TCL_GLOBAL_ONLY);
  return status_of(interp, Tcl_EvalEx(interp, kRunSafe, -1, TCL_EVAL_GLOBAL));
}

int run_archive(Runtime& runtime, Program& program, std::shared_ptr<Archive> archive, const jail::Options& options) {
  if (!archive->find("main.tcl")) {
    std::fprintf(stderr, "safekit: %s: it has no main.tcl\n", quoted("couldn't run", program.path).c_str());
    return kExitCannotRun;
  }
  const Obj path(from_host(program.path));
  struct stat status;
  const std::int64_t mtime_s = ::fstat(program.file.get(), &status) == 0 ? status.st_mtime : 0;
  mount_archive(std::string(string_of(path.get())), std::move(archive), mtime_s, driver_name(program.foreign));
  if (options.is_safe) return run_safe(runtime, path.get(), options.safe);
  return run_file(runtime.interp.get(), program.path + "/main.tcl", nullptr);
}

// As source does, but from memory.
int run_text(Runtime& runtime, const Program& program) {
  Tcl_Interp* interp = runtime.interp.get();
  const std::string bytes = read_all(program.file, program.path);
  const std::string_view text = std::string_view(bytes).substr(0, bytes.find('\x1a'));
  const Obj path(from_host(program.path));
  Tcl_SetStartupScript(path.get(), nullptr);
  Tcl_DString utf;
  Tcl_ExternalToUtfDString(nullptr, text.data(), static_cast<Tcl_Size>(text.size()), &utf);
  Tcl_Obj* const words[] = {new_string("info"), new_string("script"), path.get()};
  const Obj name(Tcl_NewListObj(3, words));
  Tcl_EvalObjEx(interp, name.get(), TCL_EVAL_GLOBAL);
  const int code = Tcl_EvalEx(interp, Tcl_DStringValue(&utf), Tcl_DStringLength(&utf), TCL_EVAL_GLOBAL);
  Tcl_DStringFree(&utf);
  return status_of(interp, code);
}

std::string promises_text() {
  std::string text;
  for (const jail::PromiseName& name : jail::promise_names()) {
    text += std::string(name.name) + ": " + std::string(name.meaning) + "\n";
    if ((name.promises & (name.promises - 1)) != 0) continue;
    for (const jail::Rule& rule : jail::rules()) {
      if ((rule.needs & name.promises) == 0) continue;
      text += "    " + std::string(rule.name);
      if (!rule.where.empty()) text += " (" + std::string(rule.where) + ")";
      const jail::Promises others = rule.needs & ~name.promises;
      if (others != 0) text += ", with " + jail::promise_list(others, " ");
      text += "\n";
    }
  }
  return text;
}

std::string filter_text(const jail::Options& options) {
  jail::check_options(options);
  return jail::oci_filter(options.promises);
}

int print(const std::string& text) {
  const bool is_written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  return is_written ? 0 : jail::kExitJail;
}

// What is asked for instead of running; nothing for running.
std::optional<int> answer(const jail::Options& options) {
  switch (options.action) {
    case jail::Action::kHelp: return print(std::string(kUsage) + jail::options_help() + kStatuses);
    case jail::Action::kVersion: return print(version_text());
    case jail::Action::kPromises: return print(promises_text());
    case jail::Action::kOciFilter: return print(filter_text(options) + "\n");
    case jail::Action::kCheck: return print(jail::kernel_report(options.is_json));
    case jail::Action::kExplain: return print(jail::Plan(options, {}).explanation());
    case jail::Action::kDryRun: return print(jail::Plan(options, {}).listing());
    case jail::Action::kRun:
    case jail::Action::kLearn: return std::nullopt;
  }
  return std::nullopt;
}

// The words of a command, all of which are options.
jail::Options options_of(int count, Tcl_Obj* const objects[]) {
  std::vector<std::string> words;
  for (int i = 1; i < count; ++i) words.push_back(to_host(string_of(objects[i])));
  auto [options, used] = jail::parse_options(words);
  if (used != words.size()) throw Error(EINVAL, "USAGE", quoted("not an option", words[used]));
  return std::move(options);
}

void enter_in_process(int count, Tcl_Obj* const objects[]) {
  jail::Options options = options_of(count, objects);
  if (options.action != jail::Action::kRun || options.is_program || options.is_safe) {
    throw Error(EINVAL, "USAGE", "safekit::enter only locks in: no --program, --safe or other action");
  }
  if (jail::is_locked()) {
    throw Error(EALREADY, "LOCKED", "couldn't lock the process in: it is locked in already, for good");
  }
  jail::Context context;
  context.is_in_process = true;
  context.report = jail::make_report();
  jail::Plan plan(std::move(options), std::move(context));
  hold_mounts();
  plan.enter();
}

// A program of the root, in place of this one. Throws Failure where it cannot be run.
[[noreturn]] void run_program(jail::Options options, jail::Context context, std::span<const std::string> words) {
  jail::Plan plan(std::move(options), std::move(context));
  plan.prepare();
  plan.enter();
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  ::execvp(pointers[0], pointers.data());
  const int error = errno;
  // Of a program that is there the kernel says the same where its loader is not: execve(2).
  if (error == ENOENT) {
    throw Failure{kExitNotFound, posix_error("couldn't run", words[0], error).text() +
                                     " (hint: it, or the loader that it needs, is not in the root; mkjail makes one "
                                     "with both)"};
  }
  fail_to_find("couldn't run", words[0], error);
}

// A kit, a starpack or a script, in this process.
[[noreturn]] void run_kit(jail::Options options, jail::Context context, std::span<const std::string> words,
                          const char* argv0) {
  const std::string& file = words[0];
  Program program = open_program(file, options.chrooted.file);
  if (options.is_safe && !program.is_archive) {
    throw Failure{kExitCannotRun, quoted("couldn't run", file) + ": --safe is for kits, and this is a script"};
  }
  context.kept.push_back(program.file.get());
  std::shared_ptr<Archive> archive;
  std::string fault;  // of the kit, found within
  if (program.is_archive) {
    if (!program.foreign) {
      take_shared_lock(program.file, file);
      refuse_unfinished(program);
    }
    context.wanted = [&] {
      try {
        archive = open_archive(program);
        return promises_of(*archive);
      } catch (const Error& error) {
        fault = error.text();
        return jail::Promises{0};
      }
    };
  }
  jail::Plan plan(std::move(options), std::move(context));
  plan.prepare();
  Runtime runtime = boot(argv0);
  plan.enter();
  if (!fault.empty()) {
    std::fprintf(stderr, "safekit: %s\n", fault.c_str());
    leave(runtime.interp.get(), kExitCannotRun);
  }
  set_arguments(runtime.interp.get(), program.path, {words.begin() + 1, words.end()});
  if (!program.is_archive) leave(runtime.interp.get(), run_text(runtime, program));
  if (!archive) archive = open_archive(program);
  leave(runtime.interp.get(), run_archive(runtime, program, std::move(archive), plan.options()));
}

int run(const std::vector<std::string>& words, const char* argv0) {
  auto [options, count] = jail::parse_options(words);
  if (const auto status = answer(options)) return *status;
  if (count == words.size()) {
    throw Error(EINVAL, "USAGE", "what is to be run? (hint: safekit FILE; safekit --help)");
  }
  // Else the kit would be the first to take the place of one that is closed.
  jail::open_standard_descriptors();
  jail::Context context;
  context.report = jail::make_report();
  const auto command = std::span(words).subspan(count);
  if (options.is_program) run_program(std::move(options), std::move(context), command);
  run_kit(std::move(options), std::move(context), command, argv0);
}

}  // namespace

void create_jail_commands(Tcl_Interp* interp) {
  Tcl_CreateNamespace(interp, "::safekit", nullptr, nullptr);
  Tcl_CreateObjCommand(
      interp, "::safekit::enter",
      [](ClientData, Tcl_Interp* caller, int count, Tcl_Obj* const objects[]) noexcept {
        return command(caller, [&] { enter_in_process(count, objects); });
      },
      nullptr, nullptr);
  Tcl_CreateObjCommand(
      interp, "::safekit::filter",
      [](ClientData, Tcl_Interp* caller, int count, Tcl_Obj* const objects[]) noexcept {
        return command(caller,
                       [&] { Tcl_SetObjResult(caller, new_string(filter_text(options_of(count, objects)))); });
      },
      nullptr, nullptr);
}

int run_jailed(const std::vector<std::string>& words, const char* argv0) {
  try {
    return run(words, argv0);
  } catch (const Failure& failure) {
    std::fprintf(stderr, "safekit: %s\n", failure.text.c_str());
    return failure.status;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "safekit: %s\n", error.what());
    return jail::kExitJail;
  }
}

}  // namespace starlit
