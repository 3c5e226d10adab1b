"""Whether a process is alive, as scripts in Redis ask it.

A process that beats stands in `keys.BEATS`. A child of a prefork pool does not beat: it stands
among the children of its parent, and lives as long as that does, or as it beats as an orphan.
"""

from __future__ import annotations

from parsekit.worker.redis import keys

#: Between the name of a process and that of its child.
CHILD = "/"

_PARENT_OF = f"""
local function parent_of(member)
  return string.match(member, '^(.-){CHILD}')
end
"""

#: Defines ``alive(member)`` and ``join(member)``, which makes a child known again whose parent was
#: taken for dead, and forgotten with its children, while it was only frozen.
ALIVE = f"""
{_PARENT_OF}
local function alive(member)
  local parent = parent_of(member)
  if redis.call('ZSCORE', '{keys.BEATS}', member) then return true end
  if not parent or not redis.call('ZSCORE', '{keys.BEATS}', parent) then return false end
  return redis.call('SISMEMBER', '{keys.children("")}' .. parent, member) == 1
end
local function join(member)
  local parent = parent_of(member)
  if parent then redis.call('SADD', '{keys.children("")}' .. parent, member) end
end
"""

#: Defines ``leave(member)``: the process and its children are forgotten, and their locks end; not
#: those of children that beat.
LEAVE = f"""
{_PARENT_OF}
local function end_locks(member)
  local held = '{keys.locks_of("")}' .. member
  for _, name in ipairs(redis.call('SMEMBERS', held)) do
    if redis.call('HGET', name, 'member') == member then redis.call('DEL', name) end
  end
  redis.call('DEL', held)
end
local function leave(member)
  local parent, children = parent_of(member), '{keys.children("")}' .. member
  for _, child in ipairs(redis.call('SMEMBERS', children)) do
    if not redis.call('ZSCORE', '{keys.BEATS}', child) then end_locks(child) end
  end
  redis.call('DEL', children)
  if parent then redis.call('SREM', '{keys.children("")}' .. parent, member) end
  redis.call('ZREM', '{keys.BEATS}', member)
  end_locks(member)
end
"""
