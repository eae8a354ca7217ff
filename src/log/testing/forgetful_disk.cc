#include "log/testing/forgetful_disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdarg>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/result.h"

// --wrap=x turns a call of x into one of __wrap_x, and __real_x is what it was.
extern "C" {
int real_open(const char* path, int flags, ...) __asm__("__real_open");
int real_close(int fd) __asm__("__real_close");
ssize_t real_pwrite(int fd, const void* data, std::size_t size, off_t at) __asm__("__real_pwrite");
int real_ftruncate(int fd, off_t size) __asm__("__real_ftruncate");
int real_fsync(int fd) __asm__("__real_fsync");
int real_fdatasync(int fd) __asm__("__real_fdatasync");
int real_rename(const char* from, const char* to) __asm__("__real_rename");
int real_unlink(const char* path) __asm__("__real_unlink");
}

namespace footfall::log {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSector = 512;
constexpr unsigned kAllOf8 = 8;

ForgetfulDisk* installed = nullptr;

}  // namespace

struct ForgetfulDisk::Inode {
    /// A write within one sector, or a new length.
    struct Change {
        std::uint64_t at = 0;
        std::string bytes;
        bool is_length = false;
    };

    void write(std::string_view bytes, std::uint64_t at) {
        while (!bytes.empty()) {
            const std::size_t step = std::min<std::size_t>(bytes.size(), kSector - at % kSector);
            changes.push_back({.at = at, .bytes = std::string(bytes.substr(0, step))});
            bytes.remove_prefix(step);
            at += step;
        }
        length = std::max(length, at);
    }
    void cut(std::uint64_t size) {
        changes.push_back({.at = size, .bytes = {}, .is_length = true});
        length = size;
    }
    static void apply(const Change& change, std::string& content) {
        if (change.is_length) {
            content.resize(change.at, '\0');
            return;
        }
        if (content.size() < change.at + change.bytes.size()) content.resize(change.at + change.bytes.size(), '\0');
        content.replace(change.at, change.bytes.size(), change.bytes);
    }

    std::string lasting;
    std::vector<Change> changes;
    std::uint64_t length = 0;
};

ForgetfulDisk::ForgetfulDisk(std::string root, std::mt19937_64& random) : root_(std::move(root)), random_(random) {
    FOOTFALL_CHECK(installed == nullptr);
    fs::create_directory(folder());
    installed = this;
}

ForgetfulDisk::~ForgetfulDisk() { installed = nullptr; }

std::string ForgetfulDisk::folder() const { return root_ + "/" + std::to_string(life_); }

ForgetfulDisk::Luck ForgetfulDisk::any_luck() {
    constexpr Luck kLuck[] = {0, 0, 1, 4, 7, kAllOf8};
    return kLuck[random_() % std::size(kLuck)];
}

std::string ForgetfulDisk::image_of(const Inode& inode, Luck luck) {
    std::string image = inode.lasting;
    // A sector goes to the disk as a whole, so what is lost of it takes with it what was written there later.
    std::set<std::uint64_t> lost;
    for (const Inode::Change& change : inode.changes) {
        if (!change.is_length && lost.contains(change.at / kSector)) continue;
        if (happens(luck)) Inode::apply(change, image);
        else if (!change.is_length) lost.insert(change.at / kSector);
    }
    if (image.size() < inode.length && happens(luck)) image.resize(inode.length, '\0');
    return image;
}

void ForgetfulDisk::apply(const NameChange& change, Names& names) {
    if (!change.from.empty()) names.erase(change.from);
    if (!change.to.empty()) names[change.to] = change.inode;
}

void ForgetfulDisk::take_image() {
    const Luck luck = any_luck();
    Names names = std::move(lasting_);
    for (const NameChange& change : changes_)
        if (happens(luck)) apply(change, names);
    changes_.clear();
    files_.clear();
    folders_.clear();
    failed_ = true;
    ++life_;
    fs::create_directory(folder());
    for (auto& [name, inode] : names) {
        auto next = std::make_shared<Inode>();
        next->lasting = image_of(*inode, luck);
        next->length = next->lasting.size();
        // The zeros at its end take no room, and no time.
        const std::string path = folder() + "/" + name;
        const std::size_t used = next->lasting.find_last_not_of('\0') + 1;
        std::ofstream(path, std::ios::binary).write(next->lasting.data(), static_cast<std::streamsize>(used));
        if (used < next->lasting.size()) fs::resize_file(path, next->lasting.size());
        inode = std::move(next);
    }
    lasting_ = names;
    names_ = std::move(names);
    turn_.notify_all();
}

void ForgetfulDisk::write_back() {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, inode] : names_) {
        // Of a sector that is written by itself the disk has the newest bytes. A new length is not, nor what follows
        // it.
        const Luck luck = any_luck();
        std::map<std::uint64_t, bool> written;
        bool is_behind_length = false;
        std::erase_if(inode->changes, [&](const Inode::Change& change) {
            is_behind_length |= change.is_length;
            if (is_behind_length) return false;
            const auto [sector, is_new] = written.try_emplace(change.at / kSector, false);
            if (is_new) sector->second = happens(luck);
            if (sector->second) Inode::apply(change, inode->lasting);
            return sector->second;
        });
    }
    // A journal keeps the order in which names were changed.
    const std::size_t count = changes_.empty() ? 0 : random_() % (changes_.size() + 1);
    for (std::size_t i = 0; i < count; ++i) apply(changes_[i], lasting_);
    changes_.erase(changes_.begin(), changes_.begin() + static_cast<std::ptrdiff_t>(count));
}

void ForgetfulDisk::sync_file(Inode& inode) {
    for (const Inode::Change& change : inode.changes) Inode::apply(change, inode.lasting);
    inode.lasting.resize(inode.length, '\0');
    inode.changes.clear();
}

void ForgetfulDisk::sync_folder() {
    for (const NameChange& change : changes_) apply(change, lasting_);
    changes_.clear();
}

void ForgetfulDisk::sync_all() {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, inode] : names_) sync_file(*inode);
    sync_folder();
}

void ForgetfulDisk::fail_at(std::uint64_t change) {
    const std::lock_guard lock(mutex_);
    fail_at_ = change;
}

void ForgetfulDisk::fail_now() {
    const std::lock_guard lock(mutex_);
    if (!failed_) take_image();
}

bool ForgetfulDisk::failed() const {
    const std::lock_guard lock(mutex_);
    return failed_;
}

void ForgetfulDisk::restart() {
    const std::lock_guard lock(mutex_);
    FOOTFALL_CHECK(failed_);
    failed_ = false;
    fail_at_ = 0;
    others_may_ = 0;
    others_busy_ = false;
}

void ForgetfulDisk::let_others(std::uint64_t changes) {
    std::unique_lock lock(mutex_);
    others_may_ = changes;
    turn_.notify_all();
    const bool rested = turn_.wait_for(lock, std::chrono::seconds(30), [this] {
        return failed_ || others_may_ == 0 || (!others_busy_ && names_.contains("spare"));
    });
    FOOTFALL_CHECK(rested);
    others_may_ = 0;
}

std::string_view ForgetfulDisk::name_of(std::string_view path) const {
    const std::string start = folder() + "/";
    return !failed_ && path.starts_with(start) ? path.substr(start.size()) : std::string_view();
}

ForgetfulDisk::InodePointer ForgetfulDisk::inode_of(int fd) const {
    const auto found = files_.find(fd);
    return found == files_.end() ? nullptr : found->second;
}

void ForgetfulDisk::wait_for_turn(std::unique_lock<std::mutex>& lock) {
    if (std::this_thread::get_id() == owner_) return;
    turn_.wait(lock, [this] { return failed_ || others_may_ > 0; });
    if (failed_) return;
    others_busy_ = true;
    --others_may_;
    if (others_may_ == 0) turn_.notify_all();
}

void ForgetfulDisk::count_change() {
    if (failed_ || fail_at_ == 0) return;
    --fail_at_;
    if (fail_at_ == 0) take_image();
}

int ForgetfulDisk::open(const char* path, int flags, unsigned mode) {
    std::unique_lock lock(mutex_);
    if (!name_of(path).empty() && (flags & (O_CREAT | O_TRUNC)) != 0) wait_for_turn(lock);
    const int fd = real_open(path, flags, mode);
    if (fd < 0 || failed_) return fd;
    if (path == folder()) folders_[fd] = true;
    const std::string name(name_of(path));
    if (name.empty()) return fd;
    auto& inode = names_[name];
    const bool is_new = inode == nullptr;
    if (is_new) {
        inode = std::make_shared<Inode>();
        changes_.push_back({.from = {}, .to = name, .inode = inode});
    }
    files_[fd] = inode;
    if ((flags & O_TRUNC) != 0 && inode->length > 0) inode->cut(0);
    if (is_new) count_change();
    return fd;
}

int ForgetfulDisk::close(int fd) {
    const std::lock_guard lock(mutex_);
    files_.erase(fd);
    folders_.erase(fd);
    return real_close(fd);
}

ssize_t ForgetfulDisk::pwrite(int fd, const void* data, std::size_t size, off_t at) {
    std::unique_lock lock(mutex_);
    if (inode_of(fd)) wait_for_turn(lock);
    const ssize_t written = real_pwrite(fd, data, size, at);
    const auto inode = inode_of(fd);
    if (inode && written > 0) {
        inode->write({static_cast<const char*>(data), static_cast<std::size_t>(written)},
                     static_cast<std::uint64_t>(at));
        count_change();
    }
    return written;
}

int ForgetfulDisk::ftruncate(int fd, off_t size) {
    std::unique_lock lock(mutex_);
    if (inode_of(fd)) wait_for_turn(lock);
    const int done = real_ftruncate(fd, size);
    const auto inode = inode_of(fd);
    if (inode && done == 0) {
        inode->cut(static_cast<std::uint64_t>(size));
        count_change();
    }
    return done;
}

int ForgetfulDisk::sync(int fd, int (*real)(int)) {
    std::unique_lock lock(mutex_);
    if (!inode_of(fd) && !folders_.contains(fd)) {
        // Of a life that is gone, which needs no disk, or of a file elsewhere.
        return failed_ ? 0 : real(fd);
    }
    wait_for_turn(lock);
    count_change();
    if (failed_) return 0;
    if (const auto inode = inode_of(fd)) sync_file(*inode);
    else if (folder_syncs_) sync_folder();
    if (folders_.contains(fd) && std::this_thread::get_id() != owner_) {
        others_busy_ = false;
        turn_.notify_all();
    }
    return 0;
}

int ForgetfulDisk::rename(const char* from, const char* to) {
    std::unique_lock lock(mutex_);
    if (!name_of(from).empty()) wait_for_turn(lock);
    const int done = real_rename(from, to);
    const std::string source(name_of(from));
    if (done != 0 || source.empty()) return done;
    const NameChange change{.from = source, .to = std::string(name_of(to)), .inode = names_.at(source)};
    apply(change, names_);
    changes_.push_back(change);
    count_change();
    return done;
}

int ForgetfulDisk::unlink(const char* path) {
    std::unique_lock lock(mutex_);
    if (!name_of(path).empty()) wait_for_turn(lock);
    const int done = real_unlink(path);
    const std::string name(name_of(path));
    if (done != 0 || name.empty()) return done;
    names_.erase(name);
    changes_.push_back({.from = name, .to = {}, .inode = nullptr});
    count_change();
    return done;
}

}  // namespace footfall::log

using footfall::log::installed;

extern "C" {

int wrapped_open(const char* path, int flags, ...) __asm__("__wrap_open");
int wrapped_open(const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const unsigned mode = va_arg(arguments, unsigned);
    va_end(arguments);
    return installed != nullptr ? installed->open(path, flags, mode) : real_open(path, flags, mode);
}

int wrapped_close(int fd) __asm__("__wrap_close");
int wrapped_close(int fd) { return installed != nullptr ? installed->close(fd) : real_close(fd); }

ssize_t wrapped_pwrite(int fd, const void* data, std::size_t size, off_t at) __asm__("__wrap_pwrite");
ssize_t wrapped_pwrite(int fd, const void* data, std::size_t size, off_t at) {
    return installed != nullptr ? installed->pwrite(fd, data, size, at) : real_pwrite(fd, data, size, at);
}

int wrapped_ftruncate(int fd, off_t size) __asm__("__wrap_ftruncate");
int wrapped_ftruncate(int fd, off_t size) {
    return installed != nullptr ? installed->ftruncate(fd, size) : real_ftruncate(fd, size);
}

int wrapped_fsync(int fd) __asm__("__wrap_fsync");
int wrapped_fsync(int fd) { return installed != nullptr ? installed->sync(fd, real_fsync) : real_fsync(fd); }

int wrapped_fdatasync(int fd) __asm__("__wrap_fdatasync");
int wrapped_fdatasync(int fd) {
    return installed != nullptr ? installed->sync(fd, real_fdatasync) : real_fdatasync(fd);
}

int wrapped_rename(const char* from, const char* to) __asm__("__wrap_rename");
int wrapped_rename(const char* from, const char* to) {
    return installed != nullptr ? installed->rename(from, to) : real_rename(from, to);
}

int wrapped_unlink(const char* path) __asm__("__wrap_unlink");
int wrapped_unlink(const char* path) { return installed != nullptr ? installed->unlink(path) : real_unlink(path); }

}  // extern "C"
