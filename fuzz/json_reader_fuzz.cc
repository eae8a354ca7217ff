#include <cstdint>
#include <string>
#include <string_view>

#include "base/json_reader.h"

// Bodies of all that takes JSON. What simdjson reads alone says the same when it is mended; what is mended stays as it
// is; and it makes no difference whether a body lies before readable bytes or not.

namespace {

using footfall::json::mend;
using footfall::json::Reader;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    Reader reader;
    const auto root = reader.read(body, Reader::Padding::kAbsent);
    FOOTFALL_CHECK(root || (root.error().code == footfall::Code::kInvalidArgument && !root.error().message.empty()));
    const std::string read = root ? simdjson::to_string(*root) : std::string();

    // Bytes behind the body are none of it.
    std::string padded(body);
    padded.append(simdjson::SIMDJSON_PADDING, '1');
    Reader other;
    const auto again = other.read(std::string_view(padded).substr(0, size), Reader::Padding::kPresent);
    FOOTFALL_CHECK(again.has_value() == root.has_value());
    FOOTFALL_CHECK(!again || simdjson::to_string(*again) == read);

    const std::string mended = mend(body);
    FOOTFALL_CHECK(mend(mended) == mended);
    simdjson::dom::parser parser;
    simdjson::dom::element plain;
    if (parser.parse(body.data(), body.size()).get(plain) == simdjson::SUCCESS)
        FOOTFALL_CHECK(root && simdjson::to_string(plain) == read);
    const auto mended_error = parser.parse(mended).get(plain);
    // What was no JSON is none afterwards, and the other way round.
    FOOTFALL_CHECK((mended_error == simdjson::SUCCESS) == root.has_value());
    FOOTFALL_CHECK(!root || simdjson::to_string(plain) == read);
    return 0;
}
