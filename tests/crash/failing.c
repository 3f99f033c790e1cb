/* LD_PRELOAD: every Nth write or sync to a file whose path holds FAIL_PATH fails, in turn with EIO and ENOSPC.
   N is FAIL_EVERY, read at each call; 0 or absent fails nothing. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static unsigned long calls, failures;

static int fails(int file) {
    const char *every = getenv("FAIL_EVERY"), *path = getenv("FAIL_PATH");
    unsigned long n = every ? strtoul(every, NULL, 10) : 0;
    char link[64], name[4096];
    if (!n || !path) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, name, sizeof name - 1);
    if (length < 0) return 0;
    name[length] = 0;
    if (!strstr(name, path) || __sync_add_and_fetch(&calls, 1) % n) return 0;
    errno = __sync_add_and_fetch(&failures, 1) % 2 ? EIO : ENOSPC;
    return 1;
}

ssize_t pwrite64(int file, const void *data, size_t count, off64_t at) {
    ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    return fails(file) ? -1 : real(file, data, count, at);
}

ssize_t pwrite(int file, const void *data, size_t count, off_t at) {
    ssize_t (*real)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, "pwrite");
    return fails(file) ? -1 : real(file, data, count, at);
}

int fdatasync(int file) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    return fails(file) ? -1 : real(file);
}

int fsync(int file) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    return fails(file) ? -1 : real(file);
}
