// The store as a program of its own, for tests of the libraries below the one binary.
#include <cstdio>
#include <string>
#include <vector>

#include "store/embedded/store_main.h"

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    const auto options = footfall::store::embedded::parse_store_options(words);
    if (!options) {
        std::fprintf(stderr, "%s\n", options.error().message.c_str());
        return static_cast<int>(footfall::store::embedded::StoreExit::kUsage);
    }
    return footfall::store::embedded::run_store(*options);
}
