#pragma once

#include <limits>
#include <memory>

#include "conformance/event_log_suite.h"
#include "log/erased_log.h"

namespace footfall::log::conformance {

/// Another stage's log, of which each entry is looked at and none is erased.
template <class Inner>
class ErasedStage final : public Stage {
public:
    ErasedStage() { cover(); }
    EventLog& log() override { return *log_; }
    void reopen() override {
        log_.reset();
        inner_.reopen();
        cover();
    }
    void grow_old() override { inner_.grow_old(); }

private:
    void cover() {
        log_ = std::make_unique<ErasedLog>(inner_.log(), [](std::uint16_t) -> Result<Erasures> {
            return Erasures{.version = "1", .end = std::numeric_limits<std::uint64_t>::max(), .begin = [] {
                                return Replacement([](const StoredEntry&) { return std::nullopt; });
                            }};
        });
        const auto is_other = log_->refresh();
        EXPECT_TRUE(is_other && *is_other) << "else nothing is looked at";
    }

    Inner inner_;
    std::unique_ptr<ErasedLog> log_;
};

}  // namespace footfall::log::conformance
