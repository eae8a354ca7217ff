#include "store/s3/answer.h"

#include <charconv>
#include <optional>

namespace footfall::store {
namespace {

/// The text between <name> and </name>, from `at` on, which then stands behind it; nothing where there is none.
std::optional<std::string_view> take_element(std::string_view xml, std::string_view name, std::size_t& at) {
    const std::string opening = "<" + std::string(name) + ">";
    const std::string closing = "</" + std::string(name) + ">";
    const std::size_t from = xml.find(opening, at);
    if (from == std::string_view::npos) return std::nullopt;
    const std::size_t begin = from + opening.size();
    const std::size_t end = xml.find(closing, begin);
    if (end == std::string_view::npos) return std::nullopt;
    at = end + closing.size();
    return xml.substr(begin, end - begin);
}

std::string_view element(std::string_view xml, std::string_view name) {
    std::size_t at = 0;
    return take_element(xml, name, at).value_or("");
}

/// The five of XML, and the references to characters of ASCII; others stay, and no key of ours has them.
std::string unescaped(std::string_view text) {
    constexpr std::pair<std::string_view, char> kEntities[] = {
        {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    std::string out;
    while (!text.empty()) {
        std::size_t taken = 1;
        char c = text.front();
        if (c == '&') {
            for (const auto& [entity, meant] : kEntities) {
                if (!text.starts_with(entity)) continue;
                c = meant;
                taken = entity.size();
            }
            const std::size_t end = text.substr(0, 8).find(';');
            if (text.starts_with("&#") && end != std::string_view::npos) {
                const bool is_hex = text.size() > 2 && text[2] == 'x';
                unsigned number = 0;
                const char* const digits = text.data() + (is_hex ? 3 : 2);
                const auto read = std::from_chars(digits, text.data() + end, number, is_hex ? 16 : 10);
                if (read.ec == std::errc() && read.ptr == text.data() + end && number > 0 && number < 128) {
                    c = static_cast<char>(number);
                    taken = end + 1;
                }
            }
        }
        out += c;
        text.remove_prefix(taken);
    }
    return out;
}

}  // namespace

Result<S3Page> parse_s3_page(std::string_view xml) {
    const Error no_list(Code::kCorrupt, "the answer is no list of objects as S3 gives it");
    if (xml.find("<ListBucketResult") == std::string_view::npos ||
        xml.find("</ListBucketResult>") == std::string_view::npos)
        return no_list;
    S3Page page;
    std::size_t at = 0;
    while (const auto contents = take_element(xml, "Contents", at)) {
        ObjectInfo object{.key = unescaped(element(*contents, "Key"))};
        const std::string_view size = element(*contents, "Size");
        const auto read = std::from_chars(size.data(), size.data() + size.size(), object.bytes);
        if (object.key.empty() || read.ec != std::errc() || read.ptr != size.data() + size.size()) return no_list;
        page.objects.push_back(std::move(object));
    }
    if (element(xml, "IsTruncated") == "true") {
        page.next_token = unescaped(element(xml, "NextContinuationToken"));
        // Without it the rest would be missing, and a range that is missing is written again.
        if (page.next_token.empty()) return no_list;
    }
    return page;
}

S3Fault parse_s3_fault(std::string_view xml) {
    if (xml.find("<Error>") == std::string_view::npos) return {};
    return {unescaped(element(xml, "Code")), unescaped(element(xml, "Message"))};
}

}  // namespace footfall::store
