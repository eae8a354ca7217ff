#include "store/redis/live_writer.h"

#include <utility>

#include "base/bytes.h"
#include "base/json.h"

namespace footfall::store::redis {
namespace {

// Redis runs a script as one step. Of all of them KEYS[1] is the hash of epochs and ARGV[1] the partition; ARGV[2] is
// the writer's epoch, where it has one.

// An epoch is a number and its writer's token. The number is the server's time in µs: more than any before, also where
// the hash was lost, or a clock was set back. Such numbers are exact in Lua.
constexpr const char* kTakeUp = R"(
local number, token = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^(%d+) (.*)$')
if ARGV[2] ~= '' and token and token ~= ARGV[3] and redis.call('EXISTS', KEYS[2]) == 1 then return '' end
local time = redis.call('TIME')
number = math.max(time[1] * 1000000 + time[2], tonumber(number or 0) + 1)
local epoch = string.format('%.0f ', number) .. ARGV[3]
redis.call('HSET', KEYS[1], ARGV[1], epoch)
return epoch)";

constexpr const char* kWrite = R"(
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
for i = 2, #KEYS do
  redis.call('HSET', KEYS[i], ARGV[1], ARGV[i + 4])
  redis.call('PEXPIRE', KEYS[i], ARGV[3])
end
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1)";

constexpr const char* kReport = R"(
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
return 1)";

constexpr const char* kWithdraw = R"(
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[2])
return 1)";

}  // namespace

LiveWriter::LiveWriter(Client& client, LiveWriterOptions options)
    : client_(client),
      options_(std::move(options)),
      partition_(std::to_string(options_.partition)),
      token_(random_token(12)) {}

Result<LiveWriter::Hold> LiveWriter::take_up() {
    is_held_ = false;
    TRY(const Reply reply, client_.run({"EVAL", kTakeUp, "2", options_.keys.epochs(),
                                        options_.keys.partition(options_.partition), partition_, epoch_, token_},
                                       options_.timeout_ms));
    if (!reply.text || reply.text->empty()) return Hold::kLost;
    epoch_ = *reply.text;
    is_held_ = true;
    return Hold::kHeld;
}

Result<LiveWriter::Hold> LiveWriter::run(const Command& command) {
    is_held_ = false;  // whatever the error is: it may have been carried out, or be so yet
    TRY(const Reply reply, client_.run(command, options_.timeout_ms));
    is_held_ = reply.number == 1;
    return is_held_ ? Hold::kHeld : Hold::kLost;
}

Result<LiveWriter::Hold> LiveWriter::write(std::span<const SitePart> parts) {
    Command command{"EVAL", kWrite, std::to_string(1 + parts.size()), options_.keys.epochs()};
    command.reserve(command.size() + 2 * parts.size() + 5);
    std::string sites;
    json::Writer writer(sites);
    writer.begin_array();
    for (const SitePart& part : parts) {
        command.push_back(options_.keys.site(part.website_id));
        writer.string(part.website_id);
    }
    writer.end_array();
    for (std::string word : {partition_, epoch_, std::to_string(options_.expiry_ms), options_.keys.changes(), sites})
        command.push_back(std::move(word));
    for (const SitePart& part : parts) command.push_back(part.text);
    return run(command);
}

Result<LiveWriter::Hold> LiveWriter::report(const LivePartitionState& state) {
    std::string text;
    json::Writer writer(text);
    writer.begin_object();
    writer.member("v", 1);
    writer.member("offset", state.offset);
    writer.member("as_of", state.as_of_ms);
    writer.end_object();
    return run({"EVAL", kReport, "2", options_.keys.epochs(), options_.keys.partition(options_.partition), partition_,
                epoch_, text, std::to_string(options_.silence_ms)});
}

Result<LiveWriter::Hold> LiveWriter::withdraw() {
    return run({"EVAL", kWithdraw, "2", options_.keys.epochs(), options_.keys.partition(options_.partition), partition_,
                epoch_});
}

}  // namespace footfall::store::redis
