#include "catalog/password.h"

#include <semaphore>

#include <argon2.h>

#include "base/bytes.h"

namespace footfall::catalog {
namespace {

// OWASP's smallest argon2id setting; how long a sign-in keeps a core from ingestion is the reason not to go far above.
constexpr std::uint32_t kMemoryKib = 19 * 1024;
constexpr std::uint32_t kPasses = 2;
constexpr std::uint32_t kLanes = 1;
constexpr std::ptrdiff_t kHashesAtOnce = 2;

std::counting_semaphore<kHashesAtOnce>& slots() {
    static std::counting_semaphore<kHashesAtOnce> instance(kHashesAtOnce);
    return instance;
}

class Slot {
public:
    Slot() { slots().acquire(); }
    ~Slot() { slots().release(); }
    Slot(const Slot&) = delete;
};

Error argon_error(int code) {
    const std::string text = std::string("argon2: ") + argon2_error_message(code);
    return code == ARGON2_MEMORY_ALLOCATION_ERROR ? Error(Code::kOverloaded, text) : Error(Code::kInternal, text);
}

/// A well-formed hash with today's cost, of which nobody knows a password.
std::string hash_of_nobody() {
    return "$argon2id$v=19$m=" + std::to_string(kMemoryKib) + ",t=" + std::to_string(kPasses) +
           ",p=" + std::to_string(kLanes) + "$Zm9vdGZhbGwtdW5rbm93bg$" + std::string(43, 'A');
}

}  // namespace

Result<std::string> hash_password(std::string_view password) {
    char salt[16];
    random_bytes(salt, sizeof salt);
    char encoded[256];
    const Slot slot;
    const int code = argon2id_hash_encoded(kPasses, kMemoryKib, kLanes, password.data(), password.size(), salt,
                                           sizeof salt, 32, encoded, sizeof encoded);
    if (code != ARGON2_OK) return argon_error(code);
    return std::string(encoded);
}

Result<bool> password_matches(const std::string* encoded, std::string_view password) {
    static const std::string nobody = hash_of_nobody();
    const Slot slot;
    const int code =
        argon2id_verify((encoded != nullptr ? *encoded : nobody).c_str(), password.data(), password.size());
    if (code != ARGON2_OK && code != ARGON2_VERIFY_MISMATCH) return argon_error(code);
    return code == ARGON2_OK && encoded != nullptr;
}

}  // namespace footfall::catalog
