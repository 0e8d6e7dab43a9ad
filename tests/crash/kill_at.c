/* Loaded before the C library: kills the process, as kill -9 would, before its N-th call that changes a file (KILL_AT=N).
   SQLite and Rust make all their changes by these calls. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static long left;

__attribute__((constructor)) static void begin(void) {
    const char *text = getenv("KILL_AT");
    left = text ? atol(text) : 0;
}

static void *next(const char *name) {
    if (__atomic_load_n(&left, __ATOMIC_SEQ_CST) > 0 && __atomic_sub_fetch(&left, 1, __ATOMIC_SEQ_CST) == 0)
        kill(getpid(), SIGKILL);
    return dlsym(RTLD_NEXT, name);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off_t at) {
    return ((ssize_t(*)(int, const void *, size_t, off_t))next("pwrite64"))(file, bytes, count, at);
}
int fsync(int file) { return ((int (*)(int))next("fsync"))(file); }
int ftruncate64(int file, off_t length) { return ((int (*)(int, off_t))next("ftruncate64"))(file, length); }
int unlink(const char *path) { return ((int (*)(const char *))next("unlink"))(path); }
int rename(const char *from, const char *to) { return ((int (*)(const char *, const char *))next("rename"))(from, to); }
int mkdir(const char *path, mode_t mode) { return ((int (*)(const char *, mode_t))next("mkdir"))(path, mode); }
