#pragma once

#include <span>
#include <string_view>

namespace footfall {

/// A text file that the build embedded, for instance a migration. See scripts/embed_text.py and footfall_embed_text().
struct TextFile {
    std::string_view name;
    std::string_view text;
};

}  // namespace footfall
