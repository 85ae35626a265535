-- The reply that has all of a record: a MessagePack array of the fields with
-- their values, and of the head. One string is cheap for a client to read, and
-- it is packed in C.
local function packed(head)
  local all = call('HGETALL', key)
  all[#all + 1] = head
  return cmsgpack.pack(all)
end
