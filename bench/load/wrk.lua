-- Sends the tokens of a file, one per line, in turn. With `once` every token is sent one time, and the last answer is announced.
local requests = {}
local sent, answered = -1, 0 -- wrk asks for one request that it does not send
local once = false

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
  if once and sent > #requests then return "" end -- the connection falls silent
  return requests[(sent - 1) % #requests + 1]
end

-- wrk looks for `response` after init; reading answers takes time, so only runs whose end depends on it do.
function count()
  answered = answered + 1
  if answered == #requests then
    io.write("answered\n")
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
