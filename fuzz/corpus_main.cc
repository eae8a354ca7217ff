// Runs a fuzz target in the builds that have no libFuzzer: over a folder of files, once each, so that whatever was ever
// worth keeping is a test; and then, where seconds are given, over what is made of them by chance. Without libFuzzer's
// sight of what code an input reaches: `make fuzz` is the real search, this one is for every run of the tests.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kBytesMax = 8 * 1024;

const Bytes* running = nullptr;
char finding_path[] = "finding-0000000000";

void run(const Bytes& bytes) {
    running = &bytes;
    // A block of exactly that size, so that a sanitizer sees a read past the end.
    const auto exact = std::make_unique<std::uint8_t[]>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), exact.get());
    LLVMFuzzerTestOneInput(exact.get(), bytes.size());
}

/// Keeps the input that a target died of. Nothing but system calls here, since it may have died in an allocation.
void keep_finding(int signal) {
    const int file = ::open(finding_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file >= 0 && running != nullptr && ::write(file, running->data(), running->size()) >= 0) {
        for (const std::string_view part :
             {std::string_view("fuzz: the input is kept as "), std::string_view(finding_path), std::string_view("\n")})
            (void)!::write(STDERR_FILENO, part.data(), part.size());
    }
    std::signal(signal, SIG_DFL);
    (void)std::raise(signal);
}

/// What parsers compare with, and the edges of their numbers.
std::uint8_t odd_byte(std::mt19937_64& random) {
    static constexpr std::uint8_t kOdd[] = {0x00, 0x01, 0x7f, 0x80, 0xff, '"', '\\', '\r', '\n', ' ', ',', ':', ';',
                                            '/',  '%',  '[',  ']',  '{',  '}', '0',  '9',  '-',  '.', 'e', '=', '\t'};
    return random() % 2 == 0 ? kOdd[random() % std::size(kOdd)] : static_cast<std::uint8_t>(random());
}

Bytes mutate(Bytes bytes, const Bytes& other, std::mt19937_64& random) {
    for (std::uint64_t left = 1 + random() % 6; left > 0; --left) {
        const std::size_t at = bytes.empty() ? 0 : random() % bytes.size();
        const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(at);
        const std::size_t length = std::min<std::size_t>(1 + random() % 16, bytes.size() - at);
        switch (bytes.empty() ? 0 : random() % 7) {
            case 0: bytes.insert(from, odd_byte(random)); break;
            case 1: bytes[at] = odd_byte(random); break;
            case 2: bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ (1u << random() % 8)); break;
            case 3: bytes.erase(from, from + static_cast<std::ptrdiff_t>(length)); break;
            case 4: {  // again, some times
                const Bytes part(from, from + static_cast<std::ptrdiff_t>(length));
                for (std::uint64_t times = 1 + random() % 8; times > 0; --times)
                    bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), part.begin(), part.end());
                break;
            }
            case 5: bytes.resize(at); break;
            case 6: {  // a part of another input
                if (other.empty()) break;
                const std::size_t begin = random() % other.size();
                const std::size_t end = begin + 1 + random() % (other.size() - begin);
                bytes.insert(from, other.begin() + static_cast<std::ptrdiff_t>(begin),
                             other.begin() + static_cast<std::ptrdiff_t>(end));
                break;
            }
        }
    }
    if (bytes.size() > kBytesMax) bytes.resize(kBytesMax);
    return bytes;
}

void run_made_up(std::vector<Bytes> corpus, int seconds) {
    const char* env = std::getenv("FAULT_SEED");
    const std::uint32_t seed =
        env != nullptr ? static_cast<std::uint32_t>(std::strtoul(env, nullptr, 10)) : std::random_device{}();
    std::printf("FAULT_SEED=%u\n", seed);
    std::fflush(stdout);
    std::snprintf(finding_path, sizeof(finding_path), "finding-%010u", seed);
    for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, keep_finding);
    std::mt19937_64 random(seed);
    std::size_t count = 0;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    for (; std::chrono::steady_clock::now() < end; ++count) {
        const Bytes& other = corpus[random() % corpus.size()];
        const Bytes made = mutate(corpus[random() % corpus.size()], other, random);
        run(made);
        // Some stay, so that what is far from every seed is reached too.
        if (count % 64 == 0) corpus[random() % corpus.size()] = made;
    }
    std::printf("%zu made up\n", count);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2 || argc > 3) {
        std::fprintf(stderr, "usage: %s CORPUS [SECONDS]\n", argv[0]);
        return 2;
    }
    std::error_code error;
    std::vector<std::filesystem::path> files;
    for (auto entry = std::filesystem::directory_iterator(argv[1], error);
         !error && entry != std::filesystem::directory_iterator(); entry.increment(error))
        if (entry->is_regular_file()) files.push_back(entry->path());
    if (error || files.empty()) {
        std::fprintf(stderr, "%s: no corpus: %s\n", argv[1], error ? error.message().c_str() : "the folder is empty");
        return 1;
    }
    std::sort(files.begin(), files.end());
    std::vector<Bytes> corpus;
    for (const auto& file : files) {
        // The name comes first and at once: a crash leaves no other trace of its input.
        std::printf("%s\n", file.c_str());
        std::fflush(stdout);
        std::ifstream stream(file, std::ios::binary);
        corpus.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
        if (stream.bad() || corpus.back().size() != std::filesystem::file_size(file)) {
            std::fprintf(stderr, "%s: cannot be read\n", file.c_str());
            return 1;
        }
        run(corpus.back());
    }
    std::printf("%zu inputs\n", files.size());
    if (argc == 3) run_made_up(std::move(corpus), std::atoi(argv[2]));
    return 0;
}
