#pragma once

#include <string>

namespace footfall::app {

/// "footfall 0.1.0 (commit abc1234, engine libchdb 26.7.3-stable.1)".
std::string version_text();
std::string version_number();

}  // namespace footfall::app
