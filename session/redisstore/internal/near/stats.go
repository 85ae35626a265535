package near

// A Miss is why a copy did not answer a load.
type Miss uint8

// The reasons, in the order in which they are looked for.
const (
	Absent    Miss = iota // there is no copy
	Expired               // its life is over
	Behind                // the browser has seen a newer version
	Verifier              // the first verifier presented is not its current one
	Unsettled             // the load confirms the session, or lets a superseded verifier lapse
	TouchDue              // the load has to record an access
	Untracked             // bounded: the server would not tell of changes
	NoLease               // bounded: nothing was heard of the server lately
	Unasked               // bounded: the server was not asked about it for Options.Recheck
	Outdated              // validated: the server had another version, or none
	TooOld                // stale: not known to be right within Options.ReadGrace
	missKinds
)

var missNames = [missKinds]string{"absent", "expired", "behind", "verifier", "unsettled",
	"touch_due", "untracked", "no_lease", "unasked", "outdated", "too_old"}

// String is the reason in snake_case.
func (m Miss) String() string { return missNames[m] }

// Stats is a snapshot; counts are since the cache was made.
type Stats struct {
	Bounded   Answers // by Cache.Lookup
	Validated Answers // by Fill.Candidate and Fill.Confirm
	Stale     Answers // by Cache.Stale
	Poisoned  uint64  // fills that brought something which was not kept
	Evictions uint64  // copies that made room for others
	TooLarge  uint64  // records that were not kept because of their size
	Entries   int
	Bytes     int64 // estimated
}

// Answers counts the loads that were looked up in one way.
type Answers struct {
	Hits   uint64
	Misses [missKinds]uint64 // by Miss
}

// counts are those of one shard.
type counts struct {
	bounded, validated, stale     Answers
	poisoned, evictions, tooLarge uint64
}

// count counts one answer; why is the reason of one that is not ok.
func (a *Answers) count(why Miss, ok bool) {
	if ok {
		a.Hits++
	} else {
		a.Misses[why]++
	}
}

func (a *Answers) add(b *Answers) {
	a.Hits += b.Hits
	for i, n := range b.Misses {
		a.Misses[i] += n
	}
}

// Stats adds up the shards, one after the other.
func (c *Cache) Stats() Stats {
	var sum Stats
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		sum.Bounded.add(&s.counts.bounded)
		sum.Validated.add(&s.counts.validated)
		sum.Stale.add(&s.counts.stale)
		sum.Poisoned += s.counts.poisoned
		sum.Evictions += s.counts.evictions
		sum.TooLarge += s.counts.tooLarge
		sum.Entries += len(s.ring)
		sum.Bytes += s.bytes
		s.mu.Unlock()
	}
	return sum
}
