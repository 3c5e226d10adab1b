-- Grant a call now, or give a place in the line: the twin of LocalStore.acquire, in one atomic step.
-- KEYS  1 calls  2 calls under way  3 line  4 line of quota  5 uploads  6 marks
-- ARGV  1 now, or "" for the server's clock  2 endpoint  3 call  4 waiter  5 reservation, or ""
--       6 gap_s  7 underway_s  8 recheck_s  9 grace_s  10 longest window of calls  11 of uploads
--       12 number of rates, then calls and per_s of each, then the same of each quota
-- Answers {why, wait_s, fresh}. Numbers travel as text, as Redis cuts them to integers.
local calls, underway, line, quota_line, uploads, marks = unpack(KEYS)
local endpoint, call, waiter, reservation = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local gap_s, underway_s, recheck_s = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local grace_s, keep_calls_s, keep_uploads_s = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])

local function text(number)
  return string.format('%.6f', number)
end

local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end

local rates, quotas = {}, {}
for i = 14, #ARGV, 2 do
  local list = #rates < tonumber(ARGV[12]) and rates or quotas
  table.insert(list, { calls = tonumber(ARGV[i - 1]), per_s = tonumber(ARGV[i]) })
end

local function used(book, limit)
  return redis.call('ZCOUNT', book, '(' .. text(now - limit.per_s), '+inf')
end

local function free_at(book, limit, ahead)
  if limit.calls < 1 then
    return now + limit.per_s
  end
  local index = used(book, limit) - limit.calls + ahead % limit.calls
  local leaves = now
  if index >= 0 then
    local since = '(' .. text(now - limit.per_s)
    local entry = redis.call('ZRANGEBYSCORE', book, since, '+inf', 'WITHSCORES', 'LIMIT', index, 1)
    leaves = tonumber(entry[2]) + limit.per_s
  end
  return leaves + math.floor(ahead / limit.calls) * limit.per_s
end

local function latest(book, limits, ahead)
  local at = now
  for _, limit in ipairs(limits) do
    at = math.max(at, free_at(book, limit, ahead))
  end
  return at
end

local function turn(book, limits, queue)
  if latest(book, limits, 0) <= now then
    return nil
  end
  local mine = redis.call('ZSCORE', queue, waiter)
  local ahead = redis.call('ZCOUNT', queue, '-inf', mine and '(' .. mine or '+inf')
  local at = latest(book, limits, ahead)
  redis.call('ZADD', queue, text(at), waiter)
  redis.call('EXPIRE', queue, math.ceil(at - now + grace_s) + 60)
  return at
end

redis.call('ZREMRANGEBYSCORE', calls, '-inf', text(now - keep_calls_s))
redis.call('ZREMRANGEBYSCORE', uploads, '-inf', text(now - keep_uploads_s))
redis.call('ZREMRANGEBYSCORE', underway, '-inf', text(now - underway_s - rates[1].per_s))
redis.call('ZREMRANGEBYSCORE', line, '-inf', text(now - grace_s))
redis.call('ZREMRANGEBYSCORE', quota_line, '-inf', text(now - grace_s))

local pause_until = math.max(
  tonumber(redis.call('HGET', marks, 'pause ') or '0'),
  tonumber(redis.call('HGET', marks, 'pause ' .. endpoint) or '0')
)
if pause_until > now then
  return { 'paused', text(pause_until - now), 0 }
end

local held = reservation ~= '' and redis.call('ZSCORE', uploads, reservation)
if reservation ~= '' and not held then
  local at = turn(uploads, quotas, quota_line)
  if at then
    return { 'quota', text(at - now), 0 }
  end
end

local at = turn(calls, rates, line)
if at then
  return { 'rate', text(at - now), 0 }
end

local last = tonumber(redis.call('HGET', marks, 'last ' .. endpoint) or '0')
if last + gap_s > now then
  return { 'rate', text(last + gap_s - now), 0 }
end
local old = redis.call('ZCOUNT', underway, '-inf', text(now - rates[1].per_s))
if old > 0 and used(calls, rates[1]) + old >= rates[1].calls then
  return { 'rate', text(recheck_s), 0 }
end

redis.call('ZADD', calls, text(now), call)
redis.call('ZADD', underway, text(now), call)
redis.call('HSET', marks, 'last ' .. endpoint, text(now))
redis.call('ZREM', line, waiter)
redis.call('ZREM', quota_line, waiter)
redis.call('EXPIRE', calls, math.ceil(keep_calls_s) + 60)
redis.call('EXPIRE', underway, 600)
if reservation ~= '' and not held then
  redis.call('ZADD', uploads, text(now), reservation)
  redis.call('EXPIRE', uploads, math.ceil(keep_uploads_s) + 60)
end
return { 'granted', '0', (reservation ~= '' and not held) and 1 or 0 }
