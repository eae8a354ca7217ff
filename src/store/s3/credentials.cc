#include "store/s3/credentials.h"

#include "base/file.h"

namespace footfall::store {
namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlank = " \t\r";
    const std::size_t from = text.find_first_not_of(kBlank);
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(kBlank) - from + 1);
}

/// A line break in one would end a header of the request.
bool is_plain(std::string_view text) {
    for (const char c : text)
        if (c <= ' ' || c > '~') return false;
    return true;
}

Result<S3Credentials> checked(S3Credentials credentials, const std::string& missing) {
    if (credentials.access_key.empty() || credentials.secret_key.empty()) return Error(Code::kInvalidArgument, missing);
    if (!is_plain(credentials.access_key) || !is_plain(credentials.secret_key) || !is_plain(credentials.session_token))
        return Error(Code::kInvalidArgument, "the keys of S3 have characters that keys have not; " + missing);
    return credentials;
}

}  // namespace

Result<S3Credentials> parse_s3_credentials(std::string_view text, const std::string& where) {
    S3Credentials out;
    bool is_default = false;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.starts_with('[')) is_default = line == "[default]";
        const std::size_t equals = line.find('=');
        if (!is_default || line.starts_with('#') || equals == std::string_view::npos) continue;
        const std::string_view key = trimmed(line.substr(0, equals));
        const std::string value(trimmed(line.substr(equals + 1)));
        if (key == "aws_access_key_id") out.access_key = value;
        if (key == "aws_secret_access_key") out.secret_key = value;
        if (key == "aws_session_token") out.session_token = value;
    }
    return checked(std::move(out),
                   where + " needs aws_access_key_id and aws_secret_access_key in its section [default]");
}

Result<S3Credentials> load_s3_credentials(const std::string& file,
                                          const std::map<std::string, std::string>& environment) {
    if (!file.empty()) {
        TRY(const std::string text, read_file(file));
        return parse_s3_credentials(text, file);
    }
    const auto of = [&](const char* name) {
        const auto found = environment.find(name);
        return found == environment.end() ? std::string() : found->second;
    };
    return checked({of("AWS_ACCESS_KEY_ID"), of("AWS_SECRET_ACCESS_KEY"), of("AWS_SESSION_TOKEN")},
                   "S3 wants keys: name a file that has them (archive.s3_credentials), or set AWS_ACCESS_KEY_ID and "
                   "AWS_SECRET_ACCESS_KEY");
}

}  // namespace footfall::store
