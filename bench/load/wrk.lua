-- Sends the tokens of a file, one per line, in turn. With `once` every token is sent one time; the last answer is announced, with the microseconds
-- since the first request: wrk's own account of a run that's interrupted goes by tenths of a second.
local ffi = require("ffi")
ffi.cdef("typedef struct { long s, ns; } moment; int clock_gettime(int, moment *);")
local CLOCK_MONOTONIC = 1

local function micros()
  local now = ffi.new("moment")
  ffi.C.clock_gettime(CLOCK_MONOTONIC, now)
  return tonumber(now.s) * 1e6 + tonumber(now.ns) / 1e3
end

local requests = {}
local sent, answered = -1, 0 -- wrk asks for one request that it does not send
local once = false
local startedAt

function init(arguments)
  once = arguments[2] == "once"
  if arguments[1] == nil then
    requests[1] = wrk.format("GET")
    return
  end
  for token in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format("GET", nil, { Authorization = "Bearer " .. token })
  end
  if once then response = count end
end

function request()
  sent = sent + 1
  if sent == 1 then startedAt = micros() end
  if once and sent > #requests then return "" end -- the connection falls silent
  return requests[(sent - 1) % #requests + 1]
end

-- wrk looks for `response` after init; reading answers takes time, so only runs whose end depends on it do.
function count()
  answered = answered + 1
  if answered == #requests then
    io.write(string.format("answered in %d\n", micros() - startedAt))
    io.flush()
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"count":%d,"micros":%d,"failed":%d}\n',
    summary.requests, summary.duration, errors.status + errors.connect + errors.read + errors.write
  ))
end
