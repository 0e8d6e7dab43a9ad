/*
 * Loaded before the C library into a process under test: counts the file operations below one folder, and lets the n-th
 * of them fail or kills the process there. SQLite and the Rust standard library both come through here.
 *
 *   FAULT_ROOT   operations on files below this folder count (absolute, without links)
 *   FAULT_OPS    which count: `change` (what writes, names, removes, synchronizes), `read` or `lock`
 *   FAULT_AT     the operation at which it happens, from 1; 0: never
 *   FAULT_KIND   `enospc`, `eio`, `erofs`, `busy`: it fails so; `kill`: the process is killed before it;
 *                `torn`: half of what is written is written, then the process is killed
 *   FAULT_COUNT  a file that gets the number of operations when the process exits by itself
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))real(#name))

enum ops { CHANGE, READ, LOCK };

static const char *root;
static size_t root_length;
static enum ops counted;
static long at;
static const char *kind = "";
static const char *report;
static atomic_long calls;

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
    const char *ops = getenv("FAULT_OPS"), *number = getenv("FAULT_AT");
    root = getenv("FAULT_ROOT");
    if (!root) return;
    root_length = strlen(root);
    counted = ops && !strcmp(ops, "read") ? READ : ops && !strcmp(ops, "lock") ? LOCK : CHANGE;
    at = number ? atol(number) : 0;
    kind = getenv("FAULT_KIND") ? getenv("FAULT_KIND") : "";
    report = getenv("FAULT_COUNT");
}

__attribute__((destructor)) static void end(void) {
    if (!root || !report) return;
    root = NULL;
    FILE *file = fopen(report, "w");
    if (!file) return;
    fprintf(file, "%ld\n", atomic_load(&calls));
    fclose(file);
}

static int is_below(const char *path) {
    if (!root || !path) return 0;
    if (path[0] == '/') return !strncmp(path, root, root_length);
    char folder[4096];
    return getcwd(folder, sizeof folder) && !strncmp(folder, root, root_length);
}

static int is_ours(int fd) {
    if (!root) return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    /* pipes, sockets and the like have names without a folder */
    return path[0] == '/' && is_below(path);
}

/* 0: go on; 1: fail with errno set; 2: write half, then die */
static int fault(enum ops op, int ours) {
    if (!ours || op != counted) return 0;
    if (atomic_fetch_add(&calls, 1) + 1 != at) return 0;
    if (!strcmp(kind, "kill")) kill(getpid(), SIGKILL);
    if (!strcmp(kind, "torn")) return 2;
    errno = !strcmp(kind, "enospc") ? ENOSPC : !strcmp(kind, "erofs") ? EROFS : !strcmp(kind, "busy") ? EAGAIN : EIO;
    return 1;
}

static int simple(enum ops op, int ours) {
    int what = fault(op, ours);
    if (what == 2) kill(getpid(), SIGKILL);
    return what;
}

static int is_change(int flags) { return (flags & O_CREAT) || (flags & O_TRUNC); }

#define OPEN(name, check, call, ...)                                        \
    int name(__VA_ARGS__, int flags, ...) {                                 \
        mode_t mode = 0;                                                    \
        if (flags & (O_CREAT | O_TMPFILE)) {                                \
            va_list arguments;                                              \
            va_start(arguments, flags);                                     \
            mode = va_arg(arguments, mode_t);                               \
            va_end(arguments);                                              \
        }                                                                   \
        if (is_change(flags) && simple(CHANGE, check)) return -1;           \
        return call;                                                        \
    }

OPEN(open, is_below(path), REAL(open)(path, flags, mode), const char *path)
OPEN(open64, is_below(path), REAL(open64)(path, flags, mode), const char *path)
OPEN(openat, is_below(path), REAL(openat)(folder, path, flags, mode), int folder, const char *path)
OPEN(openat64, is_below(path), REAL(openat64)(folder, path, flags, mode), int folder, const char *path)

#define TORN(call)                                                          \
    int what = fault(CHANGE, is_ours(fd));                                  \
    if (what == 1) return -1;                                               \
    if (what == 2) {                                                        \
        length /= 2;                                                        \
        call;                                                               \
        kill(getpid(), SIGKILL);                                            \
    }                                                                       \
    return call;

ssize_t write(int fd, const void *bytes, size_t length) { TORN(REAL(write)(fd, bytes, length)) }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { TORN(REAL(pwrite)(fd, bytes, length, offset)) }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    TORN(REAL(pwrite64)(fd, bytes, length, offset))
}

#define FAILING(op, ours, call) return simple(op, ours) ? -1 : call

int fsync(int fd) { FAILING(CHANGE, is_ours(fd), REAL(fsync)(fd)); }
int fdatasync(int fd) { FAILING(CHANGE, is_ours(fd), REAL(fdatasync)(fd)); }
int ftruncate(int fd, off_t length) { FAILING(CHANGE, is_ours(fd), REAL(ftruncate)(fd, length)); }
int ftruncate64(int fd, off64_t length) { FAILING(CHANGE, is_ours(fd), REAL(ftruncate64)(fd, length)); }
int rename(const char *from, const char *to) { FAILING(CHANGE, is_below(to), REAL(rename)(from, to)); }
int unlink(const char *path) { FAILING(CHANGE, is_below(path), REAL(unlink)(path)); }
int mkdir(const char *path, mode_t mode) { FAILING(CHANGE, is_below(path), REAL(mkdir)(path, mode)); }
int fchmod(int fd, mode_t mode) { FAILING(CHANGE, is_ours(fd), REAL(fchmod)(fd, mode)); }
int chmod(const char *path, mode_t mode) { FAILING(CHANGE, is_below(path), REAL(chmod)(path, mode)); }

ssize_t read(int fd, void *bytes, size_t length) { FAILING(READ, is_ours(fd), REAL(read)(fd, bytes, length)); }
ssize_t pread(int fd, void *bytes, size_t length, off_t offset) {
    FAILING(READ, is_ours(fd), REAL(pread)(fd, bytes, length, offset));
}
ssize_t pread64(int fd, void *bytes, size_t length, off64_t offset) {
    FAILING(READ, is_ours(fd), REAL(pread64)(fd, bytes, length, offset));
}

int flock(int fd, int operation) {
    FAILING(LOCK, operation != LOCK_UN && is_ours(fd), REAL(flock)(fd, operation));
}

static int locks(int command, void *argument) {
    return (command == F_SETLK || command == F_OFD_SETLK) && ((struct flock *)argument)->l_type != F_UNLCK;
}

int fcntl(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    FAILING(LOCK, locks(command, argument) && is_ours(fd), REAL(fcntl)(fd, command, argument));
}

int fcntl64(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    int (*next)(int, int, ...) = (int (*)(int, int, ...))real("fcntl64");
    FAILING(LOCK, locks(command, argument) && is_ours(fd), next(fd, command, argument));
}
