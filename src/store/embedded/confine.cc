#include "store/embedded/confine.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "base/file.h"

namespace footfall::store {
namespace {

// The kernel's interface (linux/landlock.h), declared here because Debian 12's headers are older than its newest rights.
struct RulesetAttributes {
    std::uint64_t handled_access_fs;
    std::uint64_t handled_access_net;
};
struct PathBeneath {
    std::uint64_t allowed_access;
    std::int32_t parent_fd;
} __attribute__((packed));

constexpr std::uint64_t kExecute = 1u << 0;
constexpr std::uint64_t kWriteFile = 1u << 1;
constexpr std::uint64_t kReadFile = 1u << 2;
constexpr std::uint64_t kReadDir = 1u << 3;
constexpr std::uint64_t kAllOfAbi1 = (1u << 13) - 1;
constexpr std::uint64_t kRefer = 1u << 13;     // ABI 2: renames between directories
constexpr std::uint64_t kTruncate = 1u << 14;  // ABI 3
constexpr std::uint64_t kRightsOfFiles = kExecute | kWriteFile | kReadFile | kTruncate;
constexpr std::uint64_t kBindTcp = 1u << 0;    // ABI 4
constexpr std::uint64_t kConnectTcp = 1u << 1;

Status allow(int ruleset, const std::string& path, std::uint64_t access) {
    const int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
    if (fd < 0) return {};  // what is not there needs no right
    const File owner(fd);
    struct stat info {};
    if (::fstat(fd, &info) == 0 && !S_ISDIR(info.st_mode)) access &= kRightsOfFiles;
    const PathBeneath rule{access, fd};
    if (::syscall(SYS_landlock_add_rule, ruleset, 1, &rule, 0) != 0) return errno_error("landlock rule for " + path, errno);
    return {};
}

Status deny_system_calls() {
    static constexpr std::uint32_t kDenied[] = {SYS_execve, SYS_execveat, SYS_ptrace, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_process_vm_readv,
                                                SYS_process_vm_writev, SYS_kexec_load, SYS_init_module, SYS_finit_module, SYS_bpf, SYS_unshare, SYS_setns};
    std::vector<sock_filter> program;
    program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
    for (const std::uint32_t call : kDenied) {
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1));
        program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) return errno_error("seccomp", errno);
    return {};
}

}  // namespace

Result<std::vector<std::string>> confine(const std::string& directory, const std::vector<std::string>& readable) {
    std::vector<std::string> missing;
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno_error("no_new_privs", errno);

    const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1);
    if (abi < 1) {
        missing.emplace_back("this kernel has no Landlock: the store is not confined to its folder");
    } else {
        RulesetAttributes attributes{kAllOfAbi1, 0};
        if (abi >= 2) attributes.handled_access_fs |= kRefer;
        if (abi >= 3) attributes.handled_access_fs |= kTruncate;
        if (abi >= 4) attributes.handled_access_net = kBindTcp | kConnectTcp;
        else missing.emplace_back("this kernel's Landlock has no network rules: the store could open TCP connections");
        const File ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, abi >= 4 ? sizeof attributes : sizeof(std::uint64_t), 0)));
        if (!ruleset.is_open()) return errno_error("landlock ruleset", errno);
        const std::uint64_t read = kReadFile | kReadDir;
        TRY_STATUS(allow(ruleset.fd(), directory, attributes.handled_access_fs & ~kExecute));
        for (const char* path : {"/usr", "/lib", "/lib64"}) TRY_STATUS(allow(ruleset.fd(), path, read | kExecute));
        for (const char* path : {"/etc/ld.so.cache", "/etc/localtime", "/etc/timezone", "/proc/self", "/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/proc/loadavg",
                                 "/proc/uptime", "/proc/mounts", "/proc/sys", "/proc/vmstat", "/proc/net", "/proc/diskstats", "/proc/filesystems", "/sys"})
            TRY_STATUS(allow(ruleset.fd(), path, read));
        for (const char* path : {"/dev/null", "/dev/urandom", "/dev/random"}) TRY_STATUS(allow(ruleset.fd(), path, read | kWriteFile));
        for (const std::string& path : readable) TRY_STATUS(allow(ruleset.fd(), path, read | kExecute));
        if (::syscall(SYS_landlock_restrict_self, ruleset.fd(), 0) != 0) return errno_error("landlock", errno);
    }
    if (const Status status = deny_system_calls(); !status) missing.push_back("system calls are not filtered: " + status.error().message);
    return missing;
}

}  // namespace footfall::store
