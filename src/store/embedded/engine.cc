#include "store/embedded/engine.h"

#include <dlfcn.h>

#include <cstring>

#include <fmt/format.h>

namespace footfall::store::embedded {

// The package of the library carries no header. These declarations follow the library's public interface (chdb.h of
// chdb-io/chdb-core, Apache-2.0); only what is used here.
extern "C" {
struct chdb_connection_box {
    void* internal_data;
};
using chdb_connection = chdb_connection_box*;
using chdb_insert_stream = chdb_connection_box*;
struct chdb_result;
struct chdb_query_analysis {
    std::uint32_t struct_size;
    std::uint32_t statement_count;
    std::uint32_t flags;
    std::uint32_t query_class;
};
}

struct Engine::Functions {
    const char* (*version)();
    void (*set_signal_handlers_enabled)(int);
    chdb_connection* (*connect)(int, char**);
    void (*close_conn)(chdb_connection*);
    chdb_result* (*query_with_params_n)(chdb_connection, const char*, std::size_t, const char*, std::size_t,
                                        const char* const*, const std::size_t*, const char* const*, const std::size_t*,
                                        std::size_t);
    chdb_result* (*stream_query_with_params_n)(chdb_connection, const char*, std::size_t, const char*, std::size_t,
                                               const char* const*, const std::size_t*, const char* const*,
                                               const std::size_t*, std::size_t);
    chdb_result* (*stream_fetch_result)(chdb_connection, chdb_result*);
    void (*stream_cancel_query)(chdb_connection, chdb_result*);
    chdb_insert_stream (*stream_insert_with_params_n)(chdb_connection, const char*, std::size_t, const char*,
                                                      std::size_t, const char* const*, const std::size_t*,
                                                      const char* const*, const std::size_t*, std::size_t);
    int (*stream_append)(chdb_insert_stream, const void*, std::size_t);
    chdb_result* (*stream_done)(chdb_insert_stream);
    void (*stream_cancel_insert)(chdb_insert_stream);
    const char* (*stream_insert_error)(chdb_insert_stream);
    void (*destroy_insert_stream)(chdb_insert_stream);
    char* (*result_buffer)(chdb_result*);
    std::size_t (*result_length)(chdb_result*);
    double (*result_elapsed)(chdb_result*);
    std::uint64_t (*result_storage_rows_read)(chdb_result*);
    std::uint64_t (*result_storage_bytes_read)(chdb_result*);
    std::uint64_t (*result_rows_written)(chdb_result*);
    std::uint64_t (*result_bytes_written)(chdb_result*);
    const char* (*result_error)(chdb_result*);
    void (*destroy_query_result)(chdb_result*);
    int (*classify_query_n)(chdb_connection, const char*, std::size_t, const char*, std::size_t, chdb_query_analysis*);

    /// The engine's text of what went wrong; empty where nothing did.
    std::string error_of(chdb_result* result) const {
        if (result == nullptr) return "Code: 1002. DB::Exception: the engine gave no result (UNKNOWN_EXCEPTION)";
        const char* error = result_error(result);
        return error == nullptr ? std::string() : std::string(error);
    }

    // The result as values; frees it.
    Outcome take(chdb_result* result) const {
        Outcome outcome;
        outcome.error = error_of(result);
        if (result == nullptr) return outcome;
        if (outcome.error.empty()) {
            if (const std::size_t length = result_length(result); length > 0)
                outcome.data.assign(result_buffer(result), length);
            outcome.rows_read = result_storage_rows_read(result);
            outcome.bytes_read = result_storage_bytes_read(result);
            outcome.rows_written = result_rows_written(result);
            outcome.bytes_written = result_bytes_written(result);
            outcome.elapsed_seconds = result_elapsed(result);
        }
        destroy_query_result(result);
        return outcome;
    }
};

namespace {

// Parameters as the arrays that the library takes; borrows from them.
struct ParameterArrays {
    std::vector<const char*> names;
    std::vector<std::size_t> name_lengths;
    std::vector<const char*> values;
    std::vector<std::size_t> value_lengths;

    explicit ParameterArrays(const Parameters& parameters) {
        for (const auto& [name, value] : parameters) {
            names.push_back(name.data());
            name_lengths.push_back(name.size());
            values.push_back(value.data());
            value_lengths.push_back(value.size());
        }
    }
};

template <class Function>
bool resolve(void* library, const char* name, Function& function) {
    void* address = ::dlsym(library, name);
    std::memcpy(&function, &address, sizeof function);
    return address != nullptr;
}

chdb_connection connection_of(void* handle) { return *static_cast<chdb_connection*>(handle); }

}  // namespace

Connection::~Connection() { engine_.functions_->close_conn(static_cast<chdb_connection*>(handle_)); }

Outcome Connection::run(std::string_view sql, std::string_view format, const Parameters& parameters) {
    const ParameterArrays arrays(parameters);
    return engine_.functions_->take(engine_.functions_->query_with_params_n(
        connection_of(handle_), sql.data(), sql.size(), format.data(), format.size(), arrays.names.data(),
        arrays.name_lengths.data(), arrays.values.data(), arrays.value_lengths.data(), parameters.size()));
}

Outcome Connection::stream(std::string_view sql, std::string_view format, const Parameters& parameters,
                           const Take& take) {
    const Engine::Functions& functions = *engine_.functions_;
    const ParameterArrays arrays(parameters);
    chdb_connection connection = connection_of(handle_);
    chdb_result* stream = functions.stream_query_with_params_n(
        connection, sql.data(), sql.size(), format.data(), format.size(), arrays.names.data(),
        arrays.name_lengths.data(), arrays.values.data(), arrays.value_lengths.data(), parameters.size());
    Outcome outcome;
    outcome.error = functions.error_of(stream);
    while (outcome.error.empty()) {
        chdb_result* piece = functions.stream_fetch_result(connection, stream);
        outcome.error = functions.error_of(piece);
        const std::size_t length = outcome.error.empty() ? functions.result_length(piece) : 0;
        if (length > 0 && !take({functions.result_buffer(piece), length})) {
            functions.stream_cancel_query(connection, stream);
            outcome.error = "Code: 394. DB::Exception: nobody takes the rest of the answer. (QUERY_WAS_CANCELLED)";
        }
        if (piece != nullptr) functions.destroy_query_result(piece);
        // Blocks without rows are not given, so nothing is the end.
        if (length == 0) break;
    }
    if (stream != nullptr) functions.destroy_query_result(stream);
    return outcome;
}

Outcome Connection::insert(std::string_view sql, std::string_view format, const Parameters& parameters,
                           std::span<const std::string_view> pieces) {
    const Engine::Functions& functions = *engine_.functions_;
    const ParameterArrays arrays(parameters);
    chdb_insert_stream stream = functions.stream_insert_with_params_n(
        connection_of(handle_), sql.data(), sql.size(), format.data(), format.size(), arrays.names.data(),
        arrays.name_lengths.data(), arrays.values.data(), arrays.value_lengths.data(), parameters.size());
    const char* error = functions.stream_insert_error(stream);
    for (const std::string_view piece : pieces) {
        if (error != nullptr) break;
        if (piece.empty()) continue;
        if (functions.stream_append(stream, piece.data(), piece.size()) == 0) continue;
        error = functions.stream_insert_error(stream);
        // done() tells why where append() does not.
        if (error == nullptr) break;
    }
    Outcome outcome;
    if (error != nullptr) {
        outcome.error = error;
        functions.stream_cancel_insert(stream);
    } else {
        outcome = functions.take(functions.stream_done(stream));
    }
    functions.destroy_insert_stream(stream);
    return outcome;
}

Analysis Connection::classify(std::string_view sql) const {
    chdb_query_analysis analysis{
        .struct_size = sizeof(chdb_query_analysis), .statement_count = 0, .flags = 0, .query_class = 4};
    if (engine_.functions_->classify_query_n(connection_of(handle_), sql.data(), sql.size(), nullptr, 0, &analysis) !=
        0)
        return {};
    return {analysis.statement_count, static_cast<StatementClass>(std::min(analysis.query_class, 4u))};
}

Engine::Engine(std::unique_ptr<Functions> functions) : functions_(std::move(functions)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::load(const std::string& library_path) {
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("fma"))
        return Error(Code::kUnsupported,
                     "the embedded event store needs a processor with AVX2, which this one lacks: use a ClickHouse "
                     "server instead");
    void* library = ::dlopen(library_path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        const char* reason = ::dlerror();
        return Error(
            Code::kUnavailable,
            fmt::format(
                "the event store's library cannot be loaded ({}): run scripts/install, or name it with store.library",
                reason ? reason : library_path));
    }
    auto functions = std::make_unique<Functions>();
    const char* missing = nullptr;
    const auto want = [&](const char* name, auto& function) {
        if (!resolve(library, name, function)) missing = name;
    };
    want("chdb_version", functions->version);
    want("chdb_set_signal_handlers_enabled", functions->set_signal_handlers_enabled);
    want("chdb_connect", functions->connect);
    want("chdb_close_conn", functions->close_conn);
    want("chdb_query_with_params_n", functions->query_with_params_n);
    want("chdb_stream_query_with_params_n", functions->stream_query_with_params_n);
    want("chdb_stream_fetch_result", functions->stream_fetch_result);
    want("chdb_stream_cancel_query", functions->stream_cancel_query);
    want("chdb_stream_insert_with_params_n", functions->stream_insert_with_params_n);
    want("chdb_stream_append", functions->stream_append);
    want("chdb_stream_done", functions->stream_done);
    want("chdb_stream_cancel_insert", functions->stream_cancel_insert);
    want("chdb_stream_insert_error", functions->stream_insert_error);
    want("chdb_destroy_insert_stream", functions->destroy_insert_stream);
    want("chdb_result_buffer", functions->result_buffer);
    want("chdb_result_length", functions->result_length);
    want("chdb_result_elapsed", functions->result_elapsed);
    want("chdb_result_storage_rows_read", functions->result_storage_rows_read);
    want("chdb_result_storage_bytes_read", functions->result_storage_bytes_read);
    want("chdb_result_rows_written", functions->result_rows_written);
    want("chdb_result_bytes_written", functions->result_bytes_written);
    want("chdb_result_error", functions->result_error);
    want("chdb_destroy_query_result", functions->destroy_query_result);
    want("chdb_classify_query_n", functions->classify_query_n);
    if (missing != nullptr)
        return Error(Code::kUnavailable,
                     fmt::format("{} is not a libchdb that Footfall can use: it lacks {}; version 26.7.3 has it",
                                 library_path, missing));
    // Signals are this process's own business.
    functions->set_signal_handlers_enabled(0);
    return std::unique_ptr<Engine>(new Engine(std::move(functions)));
}

Result<std::unique_ptr<Connection>> Engine::connect(const std::vector<std::string>& arguments) const {
    std::vector<std::string> words{"footfall-store"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    chdb_connection* handle = functions_->connect(static_cast<int>(words.size()), pointers.data());
    if (handle == nullptr || *handle == nullptr)
        return Error(Code::kCorrupt, "the engine does not open its directory; its reason stands above");
    return std::unique_ptr<Connection>(new Connection(*this, handle));
}

std::string Engine::version() const { return functions_->version(); }

}  // namespace footfall::store::embedded
