/* SPDX-License-Identifier: MIT
 *
 * synccopy: what it costs to copy a tree when every file is to be durable before the next is begun.
 *
 *     synccopy FROM TO       TO is made; both are directories
 */
#define _XOPEN_SOURCE 700
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *from, *to;

static int copy(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    static char buffer[1 << 16];
    char target[4096];
    ssize_t n = 0;
    int in, out;
    (void)walk;
    snprintf(target, sizeof target, "%s%s", to, path + strlen(from));
    if (type == FTW_D) return mkdir(target, 0755);
    in = open(path, O_RDONLY);
    out = open(target, O_WRONLY | O_CREAT | O_EXCL, status->st_mode & 0777);
    if (in < 0 || out < 0) return -1;
    while ((n = read(in, buffer, sizeof buffer)) > 0)
        if (write(out, buffer, (size_t)n) != n) return -1;
    if (n < 0 || fsync(out) != 0) return -1;
    return close(in) | close(out);
}

int main(int argc, char *argv[])
{
    if (argc != 3) return 2;
    from = argv[1];
    to = argv[2];
    if (nftw(from, copy, 16, FTW_PHYS) == 0) return 0;
    perror("synccopy");
    return 1;
}
