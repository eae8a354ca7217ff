#pragma once

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "log/kafka/handle.h"

namespace footfall::log::kafka {

/// The broker that FOOTFALL_KAFKA names, host:port: scripts/engines/kafka starts one for a whole run of tests.
inline std::string brokers() {
    const char* named = std::getenv("FOOTFALL_KAFKA");
    return named != nullptr ? named : "";
}

/// The broker stands still, as a machine does that is out of memory, until this goes. scripts/test engines says which
/// process it is.
class BrokerStopped {
public:
    BrokerStopped() {
        const char* process = std::getenv("FOOTFALL_KAFKA_PID");
        if (process == nullptr) {
            ADD_FAILURE() << "FOOTFALL_KAFKA_PID is not set: run this by scripts/test engines";
            return;
        }
        process_ = std::atoi(process);
        EXPECT_EQ(::kill(process_, SIGSTOP), 0);
        // The signal stops one thread after the other: what the rest still answers is an answer.
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (!stands_still() && std::chrono::steady_clock::now() < deadline)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        EXPECT_TRUE(stands_still()) << "the broker does not stop";
    }
    ~BrokerStopped() {
        if (process_ <= 0) return;
        EXPECT_EQ(::kill(process_, SIGCONT), 0);
    }
    BrokerStopped(const BrokerStopped&) = delete;
    BrokerStopped& operator=(const BrokerStopped&) = delete;

private:
    bool stands_still() const {
        for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(process_) + "/task")) {
            std::ifstream file(task.path() / "stat");
            const std::string line((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
            // "PID (NAME) STATE …"; a name may have brackets of its own.
            const auto name_end = line.rfind(')');
            if (name_end != std::string::npos && line.compare(name_end, 3, ") T") != 0) return false;
        }
        return true;
    }
    pid_t process_ = -1;
};

/// A topic of a test's own.
inline std::string make_test_topic(const std::string& name, int partitions, const Settings& config = {}) {
    const std::string topic = "test-" + name + "-" + std::to_string(::getpid()) + "-" + std::to_string(std::rand());
    auto handle = make_handle(RD_KAFKA_PRODUCER, {{"bootstrap.servers", brokers()}});
    if (!handle) {
        ADD_FAILURE() << handle.error().message;
        return topic;
    }
    char problem[256] = "";
    rd_kafka_NewTopic_t* wanted = rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, problem, sizeof problem);
    for (const auto& [key, value] : config) rd_kafka_NewTopic_set_config(wanted, key.c_str(), value.c_str());
    rd_kafka_queue_t* queue = rd_kafka_queue_new(handle->get());
    rd_kafka_CreateTopics(handle->get(), &wanted, 1, nullptr, queue);
    rd_kafka_event_t* event = rd_kafka_queue_poll(queue, 30'000);
    if (event == nullptr) ADD_FAILURE() << "no broker at " << brokers();
    else EXPECT_EQ(rd_kafka_event_error(event), RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_event_error_string(event);
    if (event != nullptr) rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(wanted);
    return topic;
}

inline void delete_test_topic(const std::string& topic) {
    auto handle = make_handle(RD_KAFKA_PRODUCER, {{"bootstrap.servers", brokers()}});
    ASSERT_TRUE(handle) << handle.error().message;
    rd_kafka_DeleteTopic_t* unwanted = rd_kafka_DeleteTopic_new(topic.c_str());
    rd_kafka_queue_t* queue = rd_kafka_queue_new(handle->get());
    rd_kafka_DeleteTopics(handle->get(), &unwanted, 1, nullptr, queue);
    rd_kafka_event_t* event = rd_kafka_queue_poll(queue, 30'000);
    EXPECT_TRUE(event != nullptr && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR) << topic;
    if (event != nullptr) rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteTopic_destroy(unwanted);
}

}  // namespace footfall::log::kafka
