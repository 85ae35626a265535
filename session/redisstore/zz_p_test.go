//go:build unix

package redisstore

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
)

func (x *bench) protoP(script *link.Script) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		var space [256]byte
		var ends [4]int
		r := request{text: space[:0], ends: ends[:0]}
		r.session(x.store.keys, x.key)
		r.load("", &session.LoadOptions{Verifiers: []session.Hash{x.verifier}})
		name, args := r.parts()
		var rec session.Record
		return x.store.link.Call(ctx, name, func(ctx context.Context, c rueidis.Client) error {
			res := script.Multi(ctx, c, name, args, c.B().Hgetall().Key(name).Build())
			head, err := res[0].ToString()
			if err != nil || !strings.HasPrefix(head, "0 1 ") {
				return fmt.Errorf("%q %w", head, err)
			}
			m, err := res[1].ToMap()
			if err != nil {
				return err
			}
			rec.Attributes = make(map[string][]byte, len(m)-8)
			d := fieldDecoder{rec: &rec}
			for name, v := range m {
				if name[0] == '@' {
					rec.Attributes[name[1:]], err = v.AsBytes()
				} else {
					s, _ := v.ToString()
					d.field(name, s)
				}
			}
			if d.w.bad {
				return fmt.Errorf("bad")
			}
			view, _, err := session.Open(&rec, session.LoadOptions{Verifiers: []session.Hash{x.verifier}}, time.Now())
			if err == nil && len(view.Attributes["attribute0"]) != 16 {
				err = fmt.Errorf("got %q", rec.Attributes)
			}
			return err
		})
	}
}

func BenchmarkZZP(b *testing.B) {
	server := redistest.Start(b)
	src := source(loadFiles)
	i := strings.Index(src, "return packed(")
	src = src[:i] + "return presented .. (current and ' 1 ' or ' 0 ') .. int(now)"
	script := link.NewScript(src)
	for _, size := range benchSizes {
		for _, workers := range []int{1, 32} {
			b.Run(fmt.Sprintf("%s/P/%d", size.name, workers), func(b *testing.B) {
				x := newBench(b, server, size.attributes, size.total, "")
				x.alternate(b, workers, x.bareLoad, x.protoP(script))
			})
			b.Run(fmt.Sprintf("%s/Q/%d", size.name, workers), func(b *testing.B) {
				x := newBench(b, server, size.attributes, size.total, "")
				x.alternate(b, workers, x.bareLoad, x.load)
			})
		}
	}
}
