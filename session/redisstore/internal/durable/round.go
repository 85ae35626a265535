package durable

import (
	"context"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
	"github.com/redis/rueidis"
)

// mark is how long the key of a round stays: it is written for its offset.
const mark = time.Minute

// plan makes the commands of a round: those that show that the master has the
// keys, whose answers do not matter as long as they are no errors, a WAIT, and
// at last INFO replication.
type plan func(b rueidis.Builder, g *Group, batch []*waiter) []rueidis.Completed

// writeAndWait is the plan; see the package on why in this order.
func writeAndWait(b rueidis.Builder, g *Group, batch []*waiter) []rueidis.Completed {
	first := batch[0].key
	var cmds []rueidis.Completed
	if g.link.Clustered() {
		for _, w := range batch {
			// Their slots differ, which rueidis does not let pass unless it
			// does not know that these are keys.
			cmds = append(cmds, b.Arbitrary("EXISTS").Args(w.key).Build())
		}
	}
	return append(cmds,
		b.Set().Key(beside(first)).Value("").PxMilliseconds(mark.Milliseconds()).Build(),
		b.Wait().Numreplicas(int64(g.opt.Replicas)).Timeout(g.patience().Milliseconds()).Build(),
		b.Info().Section("replication").Build(),
	)
}

// patience is how long the server waits for replicas: less than callers do, so
// that they learn of those that have acknowledged.
func (g *Group) patience() time.Duration { return g.opt.Timeout * 4 / 5 }

// round asks once for all of the batch, and has a result for each unless the
// round itself failed.
func (g *Group) round(ctx context.Context, batch []*waiter) (results []result, err error) {
	g.counts.rounds.Add(1)
	err = g.link.Dedicated(ctx, batch[0].key, func(ctx context.Context, d rueidis.DedicatedClient) error {
		answers := d.DoMulti(ctx, g.plan(d.B(), g, batch)...)
		var moved error
		results, moved, err = verdict(answers, batch)
		if err == nil {
			err = moved // the link is to look where the masters are
		}
		return err
	})
	return results, err
}

// verdict is what the answers say of each of the batch, and whether there is a
// key that somebody else has now.
func verdict(answers []rueidis.RedisResult, batch []*waiter) (results []result, moved, err error) {
	looks := max(len(answers)-3, 0) // before SET, WAIT and INFO
	for _, a := range answers[looks:] {
		if err := a.Error(); err != nil {
			return nil, nil, err
		}
	}
	acked, err := answers[len(answers)-2].AsInt64()
	if err != nil {
		return nil, nil, err
	}
	text, err := answers[len(answers)-1].ToString()
	if err != nil {
		return nil, nil, err
	}
	id, notMaster := link.ParseTerm(text)
	results = make([]result, len(batch))
	for i, w := range batch {
		results[i].acked = int(acked)
		if i < looks && answers[i].Error() != nil {
			moved = answers[i].Error()
			results[i] = result{err: fmt.Errorf("%w: %w", errTerm, moved)}
		} else if notMaster != nil || id != w.term.ID {
			w.term.Forget()
			moved = &link.Error{Failure: link.Moving, Node: w.term.Node(), Err: errTerm}
			results[i] = result{err: errTerm}
		}
	}
	return results, moved, nil
}
