-- Grant nothing until a time; never shortens an earlier pause.
-- KEYS  1 marks   ARGV  1 now, or "" for the server's clock  2 for_s  3 endpoint, or "" for all
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end
local name = 'pause ' .. ARGV[3]
local pause_until = now + tonumber(ARGV[2])
if pause_until > tonumber(redis.call('HGET', KEYS[1], name) or '0') then
  redis.call('HSET', KEYS[1], name, string.format('%.6f', pause_until))
end
return 1
