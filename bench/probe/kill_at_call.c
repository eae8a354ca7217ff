/* Preloaded into a child: kills the process right before its n-th file call, counted over all of its threads.
 *
 * strace counts `when=n` for each thread by itself, and the engine runs each statement in a thread of its own, so there
 * only n = 1 is ever reached. KILL_AT is n; KILL_CALLS is "rename", or "all" for every call below; KILL_NOTE is a file
 * that gets the call and its path.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long calls;

static void count(const char* call, const char* path) {
    const char* limit = getenv("KILL_AT");
    if (!limit || (strcmp(getenv("KILL_CALLS"), "all") != 0 && strcmp(call, "rename") != 0)) return;
    if (atomic_fetch_add(&calls, 1) + 1 != atol(limit)) return;
    char line[4096];
    int length = snprintf(line, sizeof line, "%s %s\n", call, path);
    int note = open(getenv("KILL_NOTE"), O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (write(note, line, (size_t)length) == length) kill(getpid(), SIGKILL);
    _exit(1);
}

#define REAL(name, ...) ((int (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

int rename(const char* from, const char* to) {
    count("rename", from);
    return REAL("rename", const char*, const char*)(from, to);
}
int link(const char* from, const char* to) {
    count("link", to);
    return REAL("link", const char*, const char*)(from, to);
}
int unlink(const char* path) {
    count("unlink", path);
    return REAL("unlink", const char*)(path);
}
int unlinkat(int folder, const char* path, int flags) {
    count("unlinkat", path);
    return REAL("unlinkat", int, const char*, int)(folder, path, flags);
}
int rmdir(const char* path) {
    count("rmdir", path);
    return REAL("rmdir", const char*)(path);
}
int mkdir(const char* path, mode_t mode) {
    count("mkdir", path);
    return REAL("mkdir", const char*, mode_t)(path, mode);
}
int fsync(int fd) {
    count("fsync", "");
    return REAL("fsync", int)(fd);
}
int fdatasync(int fd) {
    count("fdatasync", "");
    return REAL("fdatasync", int)(fd);
}

/* The engine reaches renameat2 through syscall(). */
long syscall(long number, ...) {
    va_list list;
    long argument[6];
    va_start(list, number);
    for (int i = 0; i < 6; ++i) argument[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_renameat2) count("rename", (const char*)argument[1]);
    long (*real)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return real(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
}
