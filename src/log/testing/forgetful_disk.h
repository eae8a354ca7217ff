#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace footfall::log {

/// A folder on a disk that forgets what was not synced, to see what a power cut leaves. The file calls of the test's
/// program come by here (the linker's --wrap, in src/log/CMakeLists.txt), so that what is tested is what users run. The
/// files are real ones; what would last of them is kept beside.
///
/// It keeps what POSIX promises and no more:
///  - What was written to a file lasts once its fsync or fdatasync has returned. Until then each sector of 512 bytes
///    may have reached the disk as it was after any of the writes to it, whatever the other sectors did, and so may a
///    changed length.
///  - A name that was made, moved or removed lasts once the folder's fsync has returned. Until then each such change
///    may have reached the disk or not, whatever the others did; a rename is one change.
///
/// One thread makes the disk and uses it. What other threads want to change waits until it lets them, so that a seed
/// gives the same run again, but for the moment in which such a thread says in memory that it is done. One disk at a
/// time.
class ForgetfulDisk {
public:
    /// `root` is an empty folder; folder() is made in it, and another one after each power cut. `random` outlives it.
    ForgetfulDisk(std::string root, std::mt19937_64& random);
    ~ForgetfulDisk();
    ForgetfulDisk(const ForgetfulDisk&) = delete;
    ForgetfulDisk& operator=(const ForgetfulDisk&) = delete;

    /// Where the files are in this life.
    std::string folder() const;

    /// What the code under test cannot know: the kernel wrote some of it, or all of it, by itself.
    void write_back();
    void sync_all();

    /// The power fails at the n-th change or sync from now on, which may have reached the disk or not; 0: it does not.
    void fail_at(std::uint64_t change);
    void fail_now();
    /// The power has failed. Whoever uses the files now does so in a world that is gone: nothing of it lasts.
    bool failed() const;
    /// The next life begins with what lasted. Nobody uses the files of the last one any more.
    void restart();

    /// Lets other threads make so many changes, or as many as they want to, up to the end of the spare segment that
    /// they are at.
    void let_others(std::uint64_t changes);
    void let_others_finish() { let_others(~std::uint64_t{0}); }

    /// Syncs of the folder say that they were done, and do nothing: what a disk does that lies, and code that leaves
    /// them out.
    void forget_folder_syncs() { folder_syncs_ = false; }

    // The calls, as they come from the wrapped ones of the C library.
    int open(const char* path, int flags, unsigned mode);
    int close(int fd);
    ssize_t pwrite(int fd, const void* data, std::size_t size, off_t at);
    int ftruncate(int fd, off_t size);
    int sync(int fd, int (*real)(int));
    int rename(const char* from, const char* to);
    int unlink(const char* path);

private:
    struct Inode;
    using InodePointer = std::shared_ptr<Inode>;
    using Names = std::map<std::string, InodePointer, std::less<>>;
    /// From an empty name: made. To an empty one: removed.
    struct NameChange {
        std::string from;
        std::string to;
        InodePointer inode;
    };
    /// How much of what is not synced reaches the disk, of 8.
    using Luck = unsigned;

    /// The name of a path in folder(); empty for any other.
    std::string_view name_of(std::string_view path) const;
    InodePointer inode_of(int fd) const;
    void wait_for_turn(std::unique_lock<std::mutex>& lock);
    void count_change();
    void take_image();
    bool happens(Luck luck) { return random_() % 8 < luck; }
    Luck any_luck();
    /// What of a file would be on the disk.
    std::string image_of(const Inode& inode, Luck luck);
    static void apply(const NameChange& change, Names& names);
    void sync_file(Inode& inode);
    void sync_folder();

    const std::string root_;
    const std::thread::id owner_ = std::this_thread::get_id();
    std::mt19937_64& random_;
    bool folder_syncs_ = true;

    mutable std::mutex mutex_;
    std::condition_variable turn_;
    unsigned life_ = 0;
    bool failed_ = false;
    std::uint64_t fail_at_ = 0;
    std::uint64_t others_may_ = 0;
    bool others_busy_ = false;
    Names names_;    ///< as the program sees them
    Names lasting_;  ///< as the disk has them
    std::vector<NameChange> changes_;
    std::unordered_map<int, InodePointer> files_;
    /// Descriptors of the folder itself.
    std::unordered_map<int, bool> folders_;
};

}  // namespace footfall::log
