#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "log/kafka/handle.h"

namespace footfall::log::kafka {

struct MembershipOptions {
    std::string brokers;
    std::string group;
    std::string topic;
    /// A member that says nothing for so long has gone, and its partitions go to others. 6 s are the least that brokers
    /// take by default.
    int session_timeout_ms = 10'000;
    Settings more = {};
};

/// Agrees with other processes of the group on who works on which partitions of a topic, by Kafka's consumer groups;
/// nothing is read by it. What a process does with a partition has to be safe against another one that does it too for
/// a moment, since a process that stood still does not know that its partitions went to others: transactions.h fences,
/// and the loader asks the store.
class Membership {
public:
    /// Both are called on a thread of its own, one at a time, and may take a while; a partition is in `lost` before it
    /// is another's, where the process was alive to be told.
    struct Listener {
        std::function<void(const std::vector<std::uint16_t>& partitions)> won;
        std::function<void(const std::vector<std::uint16_t>& partitions)> lost;
    };
    /// Does not wait for a broker.
    static Result<std::unique_ptr<Membership>> open(MembershipOptions options, Listener listener);
    /// Loses all partitions and leaves the group, so that others have them at once.
    ~Membership();
    Membership(const Membership&) = delete;
    Membership& operator=(const Membership&) = delete;

    /// Whether a broker answers and has the topic: kNotFound where it has not. Thread-safe, while this lives.
    Status reach(int timeout_ms) const {
        return reach_topic(consumer_.get(), options_.brokers, options_.topic, timeout_ms);
    }

private:
    Membership(MembershipOptions options, Listener listener)
        : options_(std::move(options)), listener_(std::move(listener)) {}
    static void rebalanced(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*, void*);
    void assign(rd_kafka_topic_partition_list_t* partitions);
    void revoke(const rd_kafka_topic_partition_list_t* partitions);
    void run();

    const MembershipOptions options_;
    const Listener listener_;
    Handle consumer_;
    std::atomic<bool> is_ending_{false};
    std::thread thread_;
};

}  // namespace footfall::log::kafka
