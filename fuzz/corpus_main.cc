// Runs a fuzz target over a folder of files, once each: every input that was ever worth keeping is a test in the builds
// that have no libFuzzer.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
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
    for (const auto& file : files) {
        // The name comes first and at once: a crash leaves no other trace of its input.
        std::printf("%s\n", file.c_str());
        std::fflush(stdout);
        std::ifstream stream(file, std::ios::binary);
        const std::vector<char> bytes{std::istreambuf_iterator<char>(stream), {}};
        if (stream.bad() || bytes.size() != std::filesystem::file_size(file)) {
            std::fprintf(stderr, "%s: cannot be read\n", file.c_str());
            return 1;
        }
        // A block of exactly that size, so that a sanitizer sees a read past the end.
        const auto exact = std::make_unique<std::uint8_t[]>(bytes.size());
        std::copy(bytes.begin(), bytes.end(), exact.get());
        LLVMFuzzerTestOneInput(exact.get(), bytes.size());
    }
    std::printf("%zu inputs\n", files.size());
    return 0;
}
