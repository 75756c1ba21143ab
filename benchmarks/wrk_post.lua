-- POST the same body again and again; with a third argument each request takes another token of that file.
-- Arguments after "--": the file with the body, then optionally the file with one token a line.
-- At the end one line of JSON, times in microseconds.

local tokens, place = nil, 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method, wrk.body = "POST", file:read("*a")
  file:close()
  wrk.headers["Content-Type"] = "application/json"
  if args[2] then
    tokens = {}
    for line in io.lines(args[2]) do tokens[#tokens + 1] = "Bearer " .. line end
    request = function()
      place = place + 1
      if place > #tokens then error("no token is left: each may be used once") end
      wrk.headers["Authorization"] = tokens[place]
      return wrk.format()
    end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"status_errors":%d,"socket_errors":%d,"timeouts":%d,' ..
    '"mean":%.1f,"p50":%.1f,"p90":%.1f,"p95":%.1f,"p99":%.1f,"longest":%.1f}\n',
    summary.requests, summary.duration / 1e6, errors.status, errors.connect + errors.read + errors.write,
    errors.timeout, latency.mean, latency:percentile(50), latency:percentile(90), latency:percentile(95), latency:percentile(99), latency.max))
end
