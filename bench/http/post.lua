-- wrk -s post.lua URL -- EVENTS: posts bodies of as many events of 0.5 KB, and ends with one line of JSON.

local event = '{"event_id":"018f2e6a-1c2d-7abc-8def-0123456789ab","type":"pageview","tracking_id":"bench","session_id":"6b1f6f0e",'
    .. '"data":{"page":"/pricing?utm_source=newsletter","title":"Pricing and plans","referrer":"https://news.example/articles/42",'
    .. '"timestamp":1795500000000},"context":{"url":"https://site.example/pricing?utm_source=newsletter","screen":"1920x1080",'
    .. '"viewport":"1200x800","language":"de-DE","timezone":"Europe/Berlin","sdk":"web/1.0.0","padding":"'
event = event .. string.rep("x", 500 - #event - 3) .. '"}}'

function init(args)
    local events = {}
    for i = 1, tonumber(args[1]) do events[i] = event end
    local body = "[" .. table.concat(events, ",") .. "]"
    -- The request is made once: the generator should cost less than what it measures.
    request_text = wrk.format("POST", "/api/v1/events", {["Content-Type"] = "text/plain"}, body)
end

function request() return request_text end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        '\n{"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"bad_statuses":%d,"socket_errors":%d}\n',
        summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
