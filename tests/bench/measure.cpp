// SPDX-License-Identifier: MIT
//
// measure: runs whole commands side by side and says what each cost.
//
//     measure [-n ROUNDS] [-w WARMUP] [-o FILE] PLAN
//
// PLAN is a text file, one item a line, its fields separated by tabs (so nothing needs quoting):
//
//     command  NAME PROGRAM ARG...   a command; PROGRAM is a path, not looked up in PATH
//     root     DIR                   run the command above with DIR as its root directory
//     cwd      DIR                   run it in DIR (inside its root, when it has one)
//     before   PROGRAM ARG...        run this before each of its runs, outside root and cwd, unmeasured
//     # ...                          a remark
//
// Rules:
//  1. Commands take turns, A B C A B C ..., so that a busy moment of the machine hits all of them.
//  2. A command whose exit status is not 0 ends everything: a failure has no speed.
//  3. Each ratio is the median of the ratios of one round, never a ratio of medians. The first command is the baseline.
//  4. Wall time runs from before vfork to after wait4; CPU time and peak memory are the child's, as wait4 tells them.
//  5. The kernel hands the peak memory of the program that calls exec to the one that replaces it, so no figure can be
//     below this program's own (fs/exec.c, exec_mmap: setmax_mm_hiwater_rss). Therefore it is static, without streams,
//     and prints its own peak as the floor: VmHWM, since getrusage would name what its own caller handed to it. The
//     kernel's running count lags by some pages, so figures near the floor vary.
//  6. Without root's rights, everything runs in one user namespace made at the start when any command has a `root`.
//
// Standard output is the table for people; -o writes the same, tab separated, with a header line. Standard input and
// output of the commands are /dev/null, their standard error is ours.
// Exit status: 0 measured, 1 could not, 2 wrong usage.

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

namespace {

struct CloseFile {
    void operator()(FILE* file) const { fclose(file); }
};
using File = std::unique_ptr<FILE, CloseFile>;

struct Sample {
    double wall_ms = 0;
    double cpu_ms = 0;
    double rss_kib = 0;
};

struct Command {
    std::string name;
    std::vector<std::string> argv;
    std::vector<std::string> before;
    std::string root;
    std::string cwd;
    std::vector<Sample> samples;
};

struct Options {
    int rounds = 20;
    int warmup = 2;
    std::string table;
    std::string plan;
};

constexpr int kFailed = 1;
constexpr int kUsage = 2;

[[noreturn, gnu::format(printf, 2, 3)]] void die(int status, const char* format, ...) {
    va_list args;
    va_start(args, format);
    fputs("measure: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(status);
}

double ms(const timeval& t) { return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3; }

double now_ms() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

/// The value at `part` (0 to 1) of `values` in order, between two neighbours by proportion. `values` is not empty.
double quantile(std::vector<double> values, double part) {
    std::sort(values.begin(), values.end());
    const double at = part * static_cast<double>(values.size() - 1);
    const auto low = static_cast<std::size_t>(at);
    const std::size_t high = std::min(low + 1, values.size() - 1);
    return values[low] + (values[high] - values[low]) * (at - static_cast<double>(low));
}

double quantile_of(const Command& command, double Sample::*field, double part) {
    std::vector<double> values;
    for (const Sample& sample : command.samples) values.push_back(sample.*field);
    return quantile(std::move(values), part);
}

/// The median over the rounds of `command` divided by `baseline` in the same round.
double ratio(const Command& command, const Command& baseline, double Sample::*field) {
    std::vector<double> values;
    for (std::size_t i = 0; i < command.samples.size(); ++i) {
        const double base = baseline.samples[i].*field;
        values.push_back(base > 0 ? command.samples[i].*field / base : 0);
    }
    return quantile(std::move(values), 0.5);
}

/// One file, one line of text into it; ends the program when it cannot.
void write_line(const char* path, const std::string& text) {
    const File file(fopen(path, "we"));
    if (!file || fputs(text.c_str(), file.get()) < 0 || fflush(file.get()) != 0)
        die(kFailed, "couldn't write \"%s\": %s", path, strerror(errno));
}

/// Makes this process root of a user namespace of its own, where chroot is allowed (user_namespaces(7)).
void enter_user_namespace() {
    const std::string uid = std::to_string(geteuid());
    const std::string gid = std::to_string(getegid());
    if (unshare(CLONE_NEWUSER) != 0)
        die(kFailed, "couldn't make a user namespace: %s (hint: run as root)", strerror(errno));
    write_line("/proc/self/setgroups", "deny");
    write_line("/proc/self/uid_map", "0 " + uid + " 1");
    write_line("/proc/self/gid_map", "0 " + gid + " 1");
}

/// Between vfork and exec: only system calls, nothing that touches memory which the parent uses.
[[noreturn]] void become(const char* root, const char* cwd, char* const* argv, int null_fd) {
    const char* step = "chroot";
    if (*root == '\0' || (chroot(root) == 0 && chdir("/") == 0)) {
        step = "chdir";
        if (*cwd == '\0' || chdir(cwd) == 0) {
            dup2(null_fd, STDIN_FILENO);
            dup2(null_fd, STDOUT_FILENO);
            step = "execv";
            execv(argv[0], argv);
        }
    }
    dprintf(STDERR_FILENO, "measure: couldn't %s for \"%s\": errno %d\n", step, argv[0], errno);
    _exit(127);
}

/// Runs one program to its end. Dies when it does not end with status 0.
Sample run(const std::vector<std::string>& words, const std::string& root, const std::string& cwd, int null_fd) {
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);

    const double start_ms = now_ms();
    const pid_t pid = vfork();
    if (pid == 0) become(root.c_str(), cwd.c_str(), argv.data(), null_fd);
    if (pid < 0) die(kFailed, "couldn't start \"%s\": %s", argv[0], strerror(errno));
    int status = 0;
    rusage usage{};
    while (wait4(pid, &status, 0, &usage) < 0)
        if (errno != EINTR) die(kFailed, "couldn't wait for \"%s\": %s", argv[0], strerror(errno));
    const double end_ms = now_ms();

    if (WIFSIGNALED(status)) die(kFailed, "\"%s\" was ended by signal %d", argv[0], WTERMSIG(status));
    if (WEXITSTATUS(status) != 0) die(kFailed, "\"%s\" exited with status %d", argv[0], WEXITSTATUS(status));
    return {end_ms - start_ms, ms(usage.ru_utime) + ms(usage.ru_stime), static_cast<double>(usage.ru_maxrss)};
}

std::vector<std::string> split(const std::string& line) {
    std::vector<std::string> fields;
    std::size_t begin = 0;
    for (std::size_t tab = line.find('\t'); tab != std::string::npos; tab = line.find('\t', begin)) {
        fields.push_back(line.substr(begin, tab - begin));
        begin = tab + 1;
    }
    fields.push_back(line.substr(begin));
    return fields;
}

std::vector<Command> read_plan(const std::string& path) {
    const File file(fopen(path.c_str(), "re"));
    if (!file) die(kFailed, "couldn't open \"%s\": %s", path.c_str(), strerror(errno));
    std::vector<Command> commands;
    char buffer[8192];
    for (int number = 1; fgets(buffer, sizeof buffer, file.get()) != nullptr; ++number) {
        std::string line = buffer;
        if (line.back() != '\n') die(kFailed, "\"%s\" line %d: too long or without a line end", path.c_str(), number);
        line.pop_back();
        if (line.empty() || line.front() == '#') continue;
        std::vector<std::string> fields = split(line);
        const std::string key = fields.front();
        fields.erase(fields.begin());
        if (key == "command" && fields.size() >= 2) {
            commands.push_back({});
            commands.back().name = fields.front();
            commands.back().argv.assign(fields.begin() + 1, fields.end());
        } else if (key == "root" && fields.size() == 1 && !commands.empty()) {
            commands.back().root = fields.front();
        } else if (key == "cwd" && fields.size() == 1 && !commands.empty()) {
            commands.back().cwd = fields.front();
        } else if (key == "before" && !fields.empty() && !commands.empty()) {
            commands.back().before = fields;
        } else {
            die(kFailed, "\"%s\" line %d: not an item of a plan: %s", path.c_str(), number, line.c_str());
        }
    }
    if (ferror(file.get())) die(kFailed, "couldn't read \"%s\": %s", path.c_str(), strerror(errno));
    if (commands.empty()) die(kFailed, "\"%s\" names no command", path.c_str());
    return commands;
}

/// This program's peak memory since its exec, in KiB; 0 without /proc.
long own_peak_kib() {
    const File file(fopen("/proc/self/status", "re"));
    char line[256];
    long kib = 0;
    while (file && fgets(line, sizeof line, file.get()) != nullptr)
        if (strncmp(line, "VmHWM:", 6) == 0) kib = strtol(line + 6, nullptr, 10);
    return kib;
}

void measure(std::vector<Command>& commands, const Options& options) {
    const int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd < 0) die(kFailed, "couldn't open \"/dev/null\": %s", strerror(errno));
    for (int round = -options.warmup; round < options.rounds; ++round) {
        for (Command& command : commands) {
            if (!command.before.empty()) run(command.before, "", "", null_fd);
            const Sample sample = run(command.argv, command.root, command.cwd, null_fd);
            if (round >= 0) command.samples.push_back(sample);
        }
    }
    close(null_fd);
}

/// The columns, in both forms: a header, and then one line per command through `format`.
void print(FILE* out, const char* header, const char* format, const std::vector<Command>& commands) {
    fputs(header, out);
    for (const Command& command : commands) {
        // The two callers below are the only formats, and each takes exactly these arguments.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        fprintf(out, format, command.name.c_str(), command.samples.size(),
                quantile_of(command, &Sample::wall_ms, 0.5), quantile_of(command, &Sample::wall_ms, 0.1),
                quantile_of(command, &Sample::wall_ms, 0.9), quantile_of(command, &Sample::cpu_ms, 0.5),
                quantile_of(command, &Sample::rss_kib, 0.5), ratio(command, commands.front(), &Sample::wall_ms),
                ratio(command, commands.front(), &Sample::cpu_ms),
                ratio(command, commands.front(), &Sample::rss_kib));
#pragma GCC diagnostic pop
    }
}

int count(const char* text, int least) {
    char* end = nullptr;
    const long value = strtol(text, &end, 10);
    if (end == text || *end != '\0' || value < least || value > 1000000)
        die(kUsage, "\"%s\" is not a whole number of at least %d", text, least);
    return static_cast<int>(value);
}

Options parse(int argc, char** argv) {
    constexpr const char* kSynopsis = "usage: measure [-n ROUNDS] [-w WARMUP] [-o FILE] PLAN";
    Options options;
    for (int letter = 0; (letter = getopt(argc, argv, "n:w:o:")) != -1;) {
        switch (letter) {
            case 'n': options.rounds = count(optarg, 1); break;
            case 'w': options.warmup = count(optarg, 0); break;
            case 'o': options.table = optarg; break;
            default: die(kUsage, "%s", kSynopsis);
        }
    }
    if (optind != argc - 1) die(kUsage, "%s", kSynopsis);
    options.plan = argv[optind];
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    const Options options = parse(argc, argv);
    std::vector<Command> commands = read_plan(options.plan);
    const bool rooted = std::any_of(commands.begin(), commands.end(), [](const Command& c) { return !c.root.empty(); });
    if (rooted && geteuid() != 0) enter_user_namespace();

    measure(commands, options);
    const long floor_kib = own_peak_kib();  // before printing, which takes memory too

    print(stdout, "command                        runs  median ms      p10      p90   cpu ms   rss KiB  x wall   x cpu   x rss\n",
          "%-30s %4zu %10.3f %8.3f %8.3f %8.3f %9.0f %7.3f %7.3f %7.3f\n", commands);
    printf("(x: against \"%s\", median of the rounds' ratios; an rss of about %ld KiB or less is measure's own)\n",
           commands.front().name.c_str(), floor_kib);
    if (!options.table.empty()) {
        const File table(fopen(options.table.c_str(), "we"));
        if (!table) die(kFailed, "couldn't open \"%s\": %s", options.table.c_str(), strerror(errno));
        print(table.get(), "name\truns\tmedian_ms\tp10_ms\tp90_ms\tcpu_ms\trss_kib\tx_wall\tx_cpu\tx_rss\n",
              "%s\t%zu\t%.4f\t%.4f\t%.4f\t%.4f\t%.0f\t%.4f\t%.4f\t%.4f\n", commands);
        if (fflush(table.get()) != 0) die(kFailed, "couldn't write \"%s\": %s", options.table.c_str(), strerror(errno));
    }
    if (fflush(stdout) != 0) die(kFailed, "couldn't write the table: %s", strerror(errno));
    return 0;
}
