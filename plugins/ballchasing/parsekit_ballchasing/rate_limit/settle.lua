-- Note the answer to a granted call: the twin of LocalStore.settle.
-- KEYS  1 calls  2 calls under way  3 marks
-- ARGV  1 now, or "" for the server's clock  2 endpoint  3 call  4 took_s  5 "1" when answered well
--       6 underway_s
local calls, underway, marks = unpack(KEYS)
local endpoint, call, took_s = ARGV[2], ARGV[3], tonumber(ARGV[4])

local began = redis.call('ZSCORE', underway, call)
if began then
  local arrived = tonumber(began) + math.min(took_s, tonumber(ARGV[6]))
  redis.call('ZADD', calls, 'XX', string.format('%.6f', arrived), call)
  redis.call('ZREM', underway, call)
end

if ARGV[5] == '1' then
  local now = ARGV[1]
  if now == '' then
    local time = redis.call('TIME')
    now = string.format('%.6f', tonumber(time[1]) + tonumber(time[2]) / 1000000)
  end
  redis.call('HSET', marks, 'ok ' .. endpoint, now)
end
return 1
