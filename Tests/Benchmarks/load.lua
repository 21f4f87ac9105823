-- What wrk sends. Arguments: PATH BODY_FILE WORKSPACES [MEAN_PAUSE_MS [normalize]]
-- Requests are composed once, so that the load generator does as little as possible. With a mean pause, each connection waits between 1 ms
-- and twice the mean before each request, which makes a moderate and steady rate of the closed loop; wrk starts its clock after the pause.

local requests = {}
local next_request = 0

function init(args)
    local file = assert(io.open(args[2], "rb"))
    local body = file:read("*a")
    file:close()
    for i = 1, tonumber(args[3]) do
        local fields = {
            ["Content-Type"] = "application/json",
            ["X-Workspace-Id"] = string.format("workspace-%03d", i),
        }
        if args[5] == "normalize" then fields["X-Gateway-Normalize"] = "true" end
        requests[i] = wrk.format("POST", args[1], fields, body)
    end
    local mean = tonumber(args[4] or "0")
    if mean > 0 then
        delay = function() return math.random(1, 2 * mean - 1) end
    end
end

function request()
    next_request = next_request % #requests + 1
    return requests[next_request]
end

-- One line that the benchmark reads; times in microseconds.
function done(summary, latency, _)
    local errors = summary.errors
    io.write(string.format(
        'RESULT {"requests":%d,"microseconds":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d,"p50":%d,"p99":%d}\n',
        summary.requests, summary.duration, errors.connect, errors.read, errors.write, errors.timeout, errors.status,
        latency:percentile(50), latency:percentile(99)))
end
