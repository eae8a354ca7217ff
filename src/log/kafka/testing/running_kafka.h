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

}  // namespace footfall::log::kafka
