-- Note the answer to a granted call: the twin of LocalStore.settle.
-- KEYS  1 calls  2 calls under way  3 marks
-- ARGV  1 now, or "" for the server's clock  2 endpoint  3 call  4 late_s  5 "1" when answered well
local calls, underway, marks = unpack(KEYS)
local began = redis.call('ZSCORE', underway, ARGV[3])
if began then
  local arrived = string.format('%.6f', tonumber(began) + tonumber(ARGV[4]))
  redis.call('ZADD', calls, 'XX', arrived, ARGV[3])
  redis.call('ZREM', underway, ARGV[3])
end
if ARGV[5] == '1' then
  local now = ARGV[1]
  if now == '' then
    local time = redis.call('TIME')
    now = string.format('%.6f', tonumber(time[1]) + tonumber(time[2]) / 1000000)
  end
  redis.call('HSET', marks, 'ok ' .. ARGV[2], now)
end
return 1
