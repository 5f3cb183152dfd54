-- Requests at a steady rate with wrk, each with a line of history: `federation.verify.paced`.
--
-- Every thread has a schedule of its own, and all together send one request each time one is due. A
-- connection that is free takes the next time that is due; one whose answer is late holds up nobody
-- else. The application repeats the path it was asked for, and so says when the request went out.

local ffi = require("ffi")
ffi.cdef([[
  typedef struct { long seconds; long nanoseconds; } fm_time;
  int clock_gettime(int clock, fm_time *found);
]])

local MONOTONIC = 1
local FLUSH_SECONDS = 0.1
local LOOK_SECONDS = 0.02
local LINE = '{"kind":"request","id":"%s","at":%.6f,"start":%.6f,"end":%.6f,"status":%d,'
  .. '"error":"%s","cluster":"%s","workload":"%s"}\n'

local LEFT = '{"kind":"request","id":"%s","at":%.6f,"start":%.6f,"end":NOW,"status":0,'
  .. '"error":"no answer"}\n'

local time = ffi.new("fm_time")

local function now()
  ffi.C.clock_gettime(MONOTONIC, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) * 1e-9
end

-- Of all threads: a function of wrk's main state, which has no `init`.

local threads = {}

function setup(thread)
  thread:set("number", #threads)
  threads[#threads + 1] = thread
end

-- Of each thread.

local head, rest, path, tag, stop_file
local due, step
local dues, first_due, last_due = {}, 1, 0
local tried, asked_at, stopped = false, 0, false
local lines, flushed_at = {}, 0

local sent, open = 0, 0

local waiting = {} -- by number of the request: when it was due and went out

-- Answers of a proxy, in turn, as { status, when }. They do not say to which request.
local unsaid = {}

out = "" -- the file of the history
left = "" -- its lines for what is not answered yet, but for the time

function init(args)
  local rate, count, begin = tonumber(args[1]), tonumber(args[2]), tonumber(args[3])
  tag, out, stop_file, head, path, rest = args[4], args[5], args[6], args[7], args[8], args[9]
  head = head:gsub("|", "\r\n")
  rest = rest:gsub("|", "\r\n")
  step = count / rate
  due = begin + number / rate
end

local function write(text)
  local file = assert(io.open(out, "a"))
  file:setvbuf("no") -- one write of whole lines: all threads append to the file
  file:write(text)
  file:close()
end

local function id_of(n)
  return string.format("%s%x-%x", tag, number, n)
end

local function note(n, wanted, start, at, status, cluster, workload)
  lines[#lines + 1] = LINE:format(id_of(n), wanted, start, at, status, "", cluster, workload)
end

local function waiting_since(at)
  local found = {}
  for n, times in pairs(waiting) do
    if times[2] < at then
      found[#found + 1] = n
    end
  end
  table.sort(found)
  return found
end

-- Once no more requests wait than there are such answers, it is known which ones they belong to.
-- Earlier, one would be taken for another, whose own answer comes later, and the right one would
-- seem to have none.
local function settle_unsaid()
  if #unsaid == 0 then
    return
  end
  local found = waiting_since(unsaid[#unsaid][2])
  if #found > #unsaid then
    return
  end
  for place, n in ipairs(found) do
    note(n, waiting[n][1], waiting[n][2], unsaid[place][2], unsaid[place][1], "", "")
    waiting[n] = nil
  end
  unsaid = {}
end

-- What would be said if this were the end. wrk hands single values of a thread to its main state,
-- so it is kept as a text.
local function note_left()
  local found = {}
  for place, n in ipairs(waiting_since(math.huge)) do
    local answer, times = unsaid[place], waiting[n]
    if answer then
      found[place] = LINE:format(id_of(n), times[1], times[2], answer[2], answer[1], "", "", "")
    else
      found[place] = LEFT:format(id_of(n), times[1], times[2])
    end
  end
  left = table.concat(found)
end

local function flush(at)
  settle_unsaid()
  note_left()
  if #lines > 0 then
    write(table.concat(lines))
    lines = {}
  end
  flushed_at = at
end

local function is_stopped(at)
  if not stopped and at - asked_at > LOOK_SECONDS then
    asked_at = at
    local file = io.open(stop_file)
    if file then
      file:close()
      stopped = true
    end
  end
  return stopped
end

local function tell_when_quiet(at)
  if stopped and open == 0 then
    flush(at)
    io.write("quiet\n")
    io.flush()
    open = -1 -- said once
  end
end

function delay()
  local at = now()
  last_due = last_due + 1
  dues[last_due] = due
  local wait = due - at
  due = due + step
  return math.max(0, math.floor(wait * 1000))
end

function request()
  if number == 0 and not tried then
    tried = true -- wrk tries it once and sends nothing
    return head .. path .. rest
  end
  local at = now()
  if at - flushed_at > FLUSH_SECONDS then
    flush(at)
  end
  if is_stopped(at) then
    tell_when_quiet(at)
    return "" -- nothing is sent, and the connection waits for ever
  end
  local wanted = at
  if first_due <= last_due then
    wanted = dues[first_due]
    dues[first_due] = nil
    first_due = first_due + 1
  end
  sent = sent + 1
  open = open + 1
  waiting[sent] = { wanted, at }
  local id = id_of(sent)
  local query = string.format("?n=%d&at=%.6f&start=%.6f&", sent, wanted, at)
  return head:gsub("@ID", id) .. path .. query .. rest:gsub("@ID", id)
end

function response(status, _, body)
  local at = now()
  local n, wanted, start = body:match("%?n=(%d+)&at=([%d.]+)&start=([%d.]+)&")
  if n then
    waiting[tonumber(n)] = nil
    local cluster = body:match('"cluster": ?"([^"]*)"') or ""
    local workload = body:match('"workload": ?"([^"]*)"') or ""
    note(tonumber(n), wanted, start, at, status, cluster, workload)
  else
    unsaid[#unsaid + 1] = { status, at }
  end
  open = open - 1
  if stopped or at - flushed_at > FLUSH_SECONDS then
    flush(at)
  end
  tell_when_quiet(at)
end

-- Of the main state, at the end: what was never answered.

function done()
  local ended = string.format("%.6f", now())
  for _, thread in ipairs(threads) do
    out = thread:get("out")
    write((thread:get("left"):gsub("NOW", ended)))
  end
end
