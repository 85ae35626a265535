// Package redisstore keeps sessions in Redis 6.2 or newer, Valkey or
// ElastiCache: one server, one behind Sentinels, or a Cluster.
//
//	store, err := redisstore.New("redis://localhost", redisstore.Options{Service: "shop"})
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	sessions, err := session.New(store, session.Options{})
//
// A session is one hash with a field for each attribute, and a commit is one
// script: it checks everything and computes the merges before it writes
// anything. So a commit sends what it changes (205 bytes for an attribute of
// 16), two requests that write different attributes keep both, and nothing is
// written by halves.
//
// # Guarantees
//
//   - The whole contract of [session.Store], between any number of processes. A
//     commit and a load are one step each, done by the server at its own time;
//     random sequences of both are compared with session.Apply and session.Open.
//   - What a server says because it is in trouble is never a verdict on a
//     session: not without memory, not during a failover, not where a key holds
//     something else ([ErrCorrupt]).
//   - A server without memory refuses commits as a whole. Loads go on, and a
//     session can still be ended.
//   - A commit that was answered with an error has happened, or never happens
//     after its NotAfter, whatever still waits on the way.
//   - All keys of one session are in one slot, and every script names one key.
//     No key's name holds a principal.
//   - With [CacheOptions] as they are, a load is never behind the server, except
//     where session.CacheBounded or a read grace is asked for.
//   - After Revoke has returned without an error, what it was to end is over,
//     on every instance.
//   - Every goroutine that a Store starts ends with Close.
//
// # Not guaranteed
//
//   - Acknowledged changes across a failover, a restart from a snapshot, or on
//     the cut-off side of a partition, beyond what [Durability] asks for.
//   - Anything on a server that evicts keys: its maxmemory-policy has to be
//     noeviction. Others are reported.
//   - An epoch that a server has lost, see [Stats].EpochsLost: it is made again
//     and admits all sessions of the principal that are no tombstones.
//   - Expiry by any other clock than the server's.
//   - Secrecy against those who read the server's memory, disk or connections:
//     attributes are stored as the application gives them. Verifiers are stored
//     as hashes only.
//
// # Permissions
//
// A user needs these, here for the service shop:
//
//	ACL SETUSER shop on >password resetkeys ~{ek:shop:* nocommands +hello +client +ping +select +info +role +wait +cluster +scan +evalsha +eval +time +exists +del +get +set +pttl +persist +pexpire +hget +hmget +hgetall +hset +hdel +hkeys +hlen +hscan +hrandfield
//
// A script runs each command with the user's permissions, and one that it may
// not use ends a script half-way: give all of them or none.
//
// # Costs
//
// CPU of the application and of the server per call, one connection, 32 calls
// at once, against rueidis' HGETALL, and HSET with PEXPIRE, of the same
// attributes (go test -bench .; redis-server 7.0.15 on the same two cores):
//
//	                                    application      server
//	load 1 KB, copy confirmed           7.4 µs  0.7 x    1.9 µs  0.6 x
//	load 1 KB, all of it                 16 µs  1.5 x     20 µs    5 x
//	load 16 KB, copy confirmed          8.9 µs  0.3 x    3.5 µs  0.3 x
//	load 16 KB, all of it                41 µs  1.3 x     69 µs    7 x
//	commit 16 bytes to 16 KB             12 µs  1.4 x     24 µs    7 x
//
// With one call at a time the application takes twice as much as rueidis for a
// commit and a whole load: it waits longer, and Go's waiting is not free.
//
// What a script returns passes through the server's Lua, about 1 µs for a KB
// each way. A copy in the process saves that.
package redisstore
