#include "base/sha256.h"

#include <array>

#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/result.h"

namespace footfall {

struct Sha256::Context {
    EVP_MD_CTX* handle = EVP_MD_CTX_new();
    ~Context() { EVP_MD_CTX_free(handle); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
    FOOTFALL_CHECK(EVP_DigestInit_ex(context_->handle, EVP_sha256(), nullptr) == 1);
}
Sha256::~Sha256() = default;

void Sha256::update(std::string_view data) {
    FOOTFALL_CHECK(EVP_DigestUpdate(context_->handle, data.data(), data.size()) == 1);
}

std::string Sha256::finish_hex() {
    std::array<char, 32> digest{};
    FOOTFALL_CHECK(EVP_DigestFinal_ex(context_->handle, reinterpret_cast<unsigned char*>(digest.data()), nullptr) == 1);
    return to_hex({digest.data(), digest.size()});
}

}  // namespace footfall
