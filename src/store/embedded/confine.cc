#include "store/embedded/confine.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <fmt/format.h>

#include "base/file.h"

namespace footfall::store::embedded {
namespace {

// Landlock, as the kernel's documentation (userspace-api/landlock) gives it: the headers of older systems lack the
// newer parts.
struct RulesetAttributes {
    std::uint64_t handled_access_fs;
    std::uint64_t handled_access_net;
    std::uint64_t scoped;
};
struct [[gnu::packed]] PathBeneath {
    std::uint64_t allowed_access;
    std::int32_t parent_fd;
};
constexpr int kRulePathBeneath = 1;
constexpr std::uint32_t kCreateRulesetVersion = 1;
constexpr std::uint64_t kExecute = 1u << 0;
constexpr std::uint64_t kWriteFile = 1u << 1;
constexpr std::uint64_t kReadFile = 1u << 2;
constexpr std::uint64_t kReadDirectory = 1u << 3;
constexpr std::uint64_t kRemoveDirectory = 1u << 4;
constexpr std::uint64_t kRemoveFile = 1u << 5;
constexpr std::uint64_t kMakeDirectory = 1u << 7;
constexpr std::uint64_t kMakeRegular = 1u << 8;
constexpr std::uint64_t kMakeSymbolicLink = 1u << 12;
constexpr std::uint64_t kRefer = 1u << 13;          // ABI 2: rename and link between directories
constexpr std::uint64_t kTruncate = 1u << 14;       // ABI 3
constexpr std::uint64_t kDeviceControl = 1u << 15;  // ABI 5
constexpr std::uint64_t kAllOfAbi1 = (1u << 13) - 1;
constexpr std::uint64_t kBindTcp = 1u << 0;  // ABI 4
constexpr std::uint64_t kConnectTcp = 1u << 1;
constexpr std::uint64_t kScopeAbstractSocket = 1u << 0;  // ABI 6
constexpr std::uint64_t kScopeSignal = 1u << 1;

// What the C library and the engine read of a system. A path that is not there is passed over.
constexpr const char* kSystemPaths[] = {"/usr/lib",
                                        "/usr/lib64",
                                        "/lib",
                                        "/lib64",
                                        "/usr/share/zoneinfo",
                                        "/etc/localtime",
                                        "/etc/ld.so.cache",
                                        "/etc/nsswitch.conf",
                                        "/proc/self",
                                        "/proc/cpuinfo",
                                        "/proc/meminfo",
                                        "/proc/stat",
                                        "/proc/uptime",
                                        "/proc/loadavg",
                                        "/proc/sys/vm",
                                        "/sys/fs/cgroup",
                                        "/sys/devices/system/cpu",
                                        "/sys/devices/system/node",
                                        "/sys/kernel/mm/transparent_hugepage",
                                        "/dev/urandom",
                                        "/dev/random",
                                        "/dev/zero"};

Status allow(int ruleset, const std::string& path, std::uint64_t access, bool must_exist) {
    auto place = File::open(path, O_PATH);
    if (!place) {
        if (must_exist) return place.error();
        return {};
    }
    struct stat what {};
    if (::fstat(place->fd(), &what) != 0) return errno_error("stat " + path, errno);
    if (!S_ISDIR(what.st_mode)) access &= kExecute | kWriteFile | kReadFile | kTruncate | kDeviceControl;
    const PathBeneath rule{access, place->fd()};
    if (::syscall(SYS_landlock_add_rule, ruleset, kRulePathBeneath, &rule, 0) != 0)
        return errno_error("allow " + path + " by Landlock", errno);
    return {};
}

Status restrict_files(const Confinement& confinement, std::vector<std::string>& missing) {
    const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, kCreateRulesetVersion);
    if (abi < 1) {
        missing.push_back(
            "this kernel has no Landlock (it needs 5.13 and landlock among the security modules): files and "
            "connections are not confined by it");
        return {};
    }
    RulesetAttributes handled{.handled_access_fs = kAllOfAbi1, .handled_access_net = 0, .scoped = 0};
    std::size_t size = sizeof handled.handled_access_fs;
    if (abi >= 2) handled.handled_access_fs |= kRefer;
    if (abi >= 3) handled.handled_access_fs |= kTruncate;
    if (abi >= 5) handled.handled_access_fs |= kDeviceControl;
    if (abi >= 4) {
        handled.handled_access_net = kBindTcp | kConnectTcp;
        size = offsetof(RulesetAttributes, scoped);
    }
    if (abi >= 6) {
        handled.scoped = kScopeAbstractSocket | kScopeSignal;
        size = sizeof handled;
    }
    if (abi < 3)
        missing.push_back(fmt::format("Landlock of ABI {} does not guard truncation of files (Linux 6.2 does)", abi));
    if (abi < 4)
        missing.push_back(
            fmt::format("Landlock of ABI {} does not guard TCP (Linux 6.7 does); the seccomp filter does", abi));
    if (abi < 6)
        missing.push_back(
            fmt::format("Landlock of ABI {} does not guard signals to other processes (Linux 6.12 does)", abi));

    const File ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &handled, size, 0)));
    if (!ruleset.is_open()) return errno_error("make a Landlock ruleset", errno);
    const std::uint64_t read = kReadFile | kReadDirectory;
    const std::uint64_t write = (read | kWriteFile | kRemoveDirectory | kRemoveFile | kMakeDirectory | kMakeRegular |
                                 kMakeSymbolicLink | kRefer | kTruncate) &
                                handled.handled_access_fs;
    for (const std::string& path : confinement.writable) TRY_STATUS(allow(ruleset.fd(), path, write, true));
    for (const std::string& path : confinement.readable) TRY_STATUS(allow(ruleset.fd(), path, read, true));
    for (const char* path : kSystemPaths) TRY_STATUS(allow(ruleset.fd(), path, read, false));
    TRY_STATUS(allow(ruleset.fd(), "/dev/null", (read | kWriteFile | kTruncate) & handled.handled_access_fs, false));
    if (::syscall(SYS_landlock_restrict_self, ruleset.fd(), 0) != 0) return errno_error("confine by Landlock", errno);
    return {};
}

// Calls that a store has no use for and an attacker has. Sockets are made before.
constexpr int kDeniedCalls[] = {SYS_execve,
                                SYS_execveat,
                                SYS_ptrace,
                                SYS_process_vm_readv,
                                SYS_process_vm_writev,
                                SYS_kcmp,
                                SYS_pidfd_getfd,
                                SYS_socket,
                                SYS_connect,
                                SYS_bind,
                                SYS_listen,
                                SYS_mount,
                                SYS_umount2,
                                SYS_pivot_root,
                                SYS_chroot,
                                SYS_move_mount,
                                SYS_open_tree,
                                SYS_fsopen,
                                SYS_fsmount,
                                SYS_mount_setattr,
                                SYS_setns,
                                SYS_unshare,
                                SYS_open_by_handle_at,
                                SYS_name_to_handle_at,
                                SYS_bpf,
                                SYS_perf_event_open,
                                SYS_userfaultfd,
                                SYS_io_uring_setup,
                                SYS_keyctl,
                                SYS_add_key,
                                SYS_request_key,
                                SYS_init_module,
                                SYS_finit_module,
                                SYS_delete_module,
                                SYS_kexec_load,
                                SYS_kexec_file_load,
                                SYS_reboot,
                                SYS_swapon,
                                SYS_swapoff,
                                SYS_acct,
                                SYS_quotactl,
                                SYS_settimeofday,
                                SYS_clock_settime,
                                SYS_adjtimex,
                                SYS_clock_adjtime,
                                SYS_sethostname,
                                SYS_setdomainname,
                                SYS_iopl,
                                SYS_ioperm,
                                SYS_personality,
                                SYS_mknod,
                                SYS_mknodat,
                                SYS_setuid,
                                SYS_setgid,
                                SYS_setreuid,
                                SYS_setregid,
                                SYS_setresuid,
                                SYS_setresgid,
                                SYS_syslog,
                                SYS_vhangup,
                                SYS_lookup_dcookie};

Status restrict_calls(std::vector<std::string>& missing) {
    const auto load = [](std::uint32_t offset) { return sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset); };
    const auto answer = [](std::uint32_t value) { return sock_filter BPF_STMT(BPF_RET | BPF_K, value); };
    const std::uint32_t refuse = SECCOMP_RET_ERRNO | EPERM;
    constexpr std::uint32_t kX32Calls = 0x40000000;
    std::vector<sock_filter> program;
    program.push_back(load(offsetof(seccomp_data, arch)));
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
    program.push_back(answer(SECCOMP_RET_KILL_PROCESS));
    program.push_back(load(offsetof(seccomp_data, nr)));
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32Calls, 0, 1));
    program.push_back(answer(refuse));
    for (const int call : kDeniedCalls) {
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1));
        program.push_back(answer(refuse));
    }
    program.push_back(answer(SECCOMP_RET_ALLOW));
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0) return {};
    if (errno != ENOSYS && errno != EINVAL) return errno_error("set a seccomp filter", errno);
    missing.push_back("this kernel has no seccomp filters: no system call is denied to the store");
    return {};
}

}  // namespace

Result<std::vector<std::string>> confine(const Confinement& confinement) {
    std::vector<std::string> missing;
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_CORE, &none) != 0) return errno_error("forbid core files", errno);
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno_error("give up new privileges", errno);
    TRY_STATUS(restrict_files(confinement, missing));
    TRY_STATUS(restrict_calls(missing));
    return missing;
}

Status die_with_parent(int parent_pid) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno_error("bind to the parent", errno);
    // It may have ended before.
    if (::getppid() != parent_pid)
        return Error(Code::kUnavailable, fmt::format("the process {} that started the store is gone", parent_pid));
    return {};
}

}  // namespace footfall::store::embedded
