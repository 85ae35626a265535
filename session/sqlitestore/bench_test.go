package sqlitestore

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// sized starts a session with that many attributes of that size.
func sized(b testing.TB, s *Store, key session.Key, attributes, size int) {
	var ops []session.Op
	for i := range attributes {
		ops = append(ops, set(fmt.Sprintf("attribute-%d", i), randomBytes(size)))
	}
	commit(b, s, key, starting(ops...))
	// A first load with the verifier confirms the session and is a write.
	if _, err := s.Load(b.Context(), key, byVerifier); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkLoad(b *testing.B) {
	for name, shape := range shapes {
		b.Run(name, func(b *testing.B) {
			s := open(b, private(b), Options{})
			sized(b, s, "k", shape[0], shape[1])
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Load(b.Context(), "k", byVerifier); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

var shapes = map[string][2]int{"1KB": {8, 110}, "16KB": {32, 500}}

func BenchmarkCommit(b *testing.B) {
	for name, shape := range shapes {
		for _, writers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/%d", name, writers), func(b *testing.B) {
				path := private(b)
				s := open(b, path, Options{hooks: hooks{pragmas: []string{"PRAGMA wal_autocheckpoint = 0"}}})
				for i := range writers {
					sized(b, s, killKey(i), shape[0], shape[1])
				}
				before := logSize(b, path)
				b.ResetTimer()
				start := time.Now()
				var wg sync.WaitGroup
				for i := range writers {
					wg.Go(func() {
						value := randomBytes(shape[1])
						for n := range max(1, b.N/writers) {
							binary.BigEndian.PutUint64(value, uint64(n))
							name := fmt.Sprintf("attribute-%d", n%shape[0])
							if _, err := s.Commit(b.Context(), killKey(i), change(set(name, value))); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.StopTimer()
				b.ReportMetric(float64(logSize(b, path)-before)/float64(b.N), "log-B/op")
				st := s.Stats()
				b.ReportMetric(float64(max(1, b.N/writers)*writers)/time.Since(start).Seconds(), "commits/s")
				b.ReportMetric(float64(st.Writes)/float64(st.Transactions), "commits/tx")
			})
		}
	}
}

// logSize is the size of the write-ahead log, which is not checkpointed here.
func logSize(b testing.TB, path string) int64 {
	info, err := os.Stat(path + "-wal")
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}

// BenchmarkLayout measures the layout that was not chosen, a row per
// attribute, against the one that was; see the package comment.
func BenchmarkLayout(b *testing.B) {
	for shape, dims := range shapes {
		attributes, size := dims[0], dims[1]
		for _, l := range []layout{oneRow(attributes, size, 0), oneRow(attributes, size, 8), rowPerAttribute(attributes, size)} {
			path := private(b)
			f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o600)
			if err == nil {
				err = f.Close()
			}
			if err != nil {
				b.Fatal(err)
			}
			c, err := dial(path)
			if err != nil {
				b.Fatal(err)
			}
			defer c.close()
			l.fill(b, c)
			name := fmt.Sprintf("%s/%s", shape, l.name)
			b.Run(name+"/load", func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					l.load(b, c, i)
				}
			})
			b.Run(name+"/commit", func(b *testing.B) {
				mustExec(b, c, "PRAGMA wal_checkpoint(TRUNCATE)")
				n := 0
				for b.Loop() {
					mustExec(b, c, "BEGIN IMMEDIATE")
					l.load(b, c, n)
					l.write(b, c, n)
					mustExec(b, c, "COMMIT")
					n++
				}
				b.ReportMetric(float64(logSize(b, path))/float64(n), "log-B/op")
			})
		}
	}
}

type layout struct {
	name        string
	create      string
	insert      func(testing.TB, *conn, int)
	load, write func(testing.TB, *conn, int)
}

const (
	layoutSessions = 2000
	head           = 700 // bytes of bookkeeping
)

func layoutKey(i int) string {
	return fmt.Sprintf("%016x", uint64(i%layoutSessions)*0x9E3779B97F4A7C15)
}

func (l layout) fill(b testing.TB, c *conn) {
	mustExec(b, c, "PRAGMA journal_mode = WAL")
	mustExec(b, c, "PRAGMA synchronous = NORMAL")
	mustExec(b, c, "PRAGMA wal_autocheckpoint = 0")
	mustExec(b, c, l.create)
	mustExec(b, c, "BEGIN")
	for i := range layoutSessions {
		l.insert(b, c, i)
	}
	mustExec(b, c, "COMMIT")
}

func mustExec(b testing.TB, c *conn, query string, args ...any) {
	var named []driver.NamedValue
	for i, a := range args {
		named = append(named, arg(i+1, a))
	}
	if _, err := c.exec(query, named...); err != nil {
		b.Fatalf("%s: %v", query, err)
	}
}

// mustCount reads all rows, of two columns, of a query that is bound to key.
func mustCount(b testing.TB, c *conn, query, key string, want int) {
	st, err := c.statement(query)
	if err != nil {
		b.Fatalf("%s: %v", query, err)
	}
	rows, err := st.(driver.StmtQueryContext).QueryContext(context.Background(), []driver.NamedValue{arg(1, key)})
	if err != nil {
		b.Fatalf("%s: %v", query, err)
	}
	var dest [2]driver.Value
	n := 0
	for err = rows.Next(dest[:]); err == nil; err = rows.Next(dest[:]) {
		n++
	}
	if !errors.Is(err, io.EOF) || n != want {
		b.Fatalf("%s: %d rows, %v, want %d", query, n, err, want)
	}
	if err := rows.Close(); err != nil {
		b.Fatal(err)
	}
}

// oneRow changes the bookkeeping and one attribute, whose size grows and
// shrinks by so many bytes.
func oneRow(attributes, size, change int) layout {
	value := randomBytes(head + attributes*size + change)
	return layout{
		name:   fmt.Sprintf("one-row-%d", change),
		create: "CREATE TABLE session (key TEXT NOT NULL PRIMARY KEY, due INTEGER NOT NULL, record BLOB NOT NULL)",
		insert: func(b testing.TB, c *conn, i int) {
			mustExec(b, c, "INSERT INTO session VALUES (?1, 0, ?2)", layoutKey(i), value)
		},
		load: func(b testing.TB, c *conn, i int) {
			mustCount(b, c, "SELECT record, due FROM session WHERE key = ?1", layoutKey(i), 1)
		},
		write: func(b testing.TB, c *conn, i int) {
			next := bytes.Clone(value)
			binary.BigEndian.PutUint64(next, uint64(i))
			at := head + i%attributes*size
			next = slices.Delete(next, at, at+change*(i&1))
			binary.BigEndian.PutUint64(next[at:], uint64(i))
			mustExec(b, c, "UPDATE session SET record = ?2 WHERE key = ?1", layoutKey(i), next)
		},
	}
}

// rowPerAttribute keeps the bookkeeping in a row of the empty name.
func rowPerAttribute(attributes, size int) layout {
	first, value := randomBytes(head), randomBytes(size)
	const put = "INSERT INTO field VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET value = excluded.value"
	return layout{
		name:   "row-per-attribute",
		create: "CREATE TABLE field (key TEXT NOT NULL, name TEXT NOT NULL, value BLOB, PRIMARY KEY (key, name)) WITHOUT ROWID",
		insert: func(b testing.TB, c *conn, i int) {
			mustExec(b, c, put, layoutKey(i), "", first)
			for a := range attributes {
				mustExec(b, c, put, layoutKey(i), fmt.Sprintf("attribute-%d", a), value)
			}
		},
		load: func(b testing.TB, c *conn, i int) {
			mustCount(b, c, "SELECT name, value FROM field WHERE key = ?1", layoutKey(i), attributes+1)
		},
		write: func(b testing.TB, c *conn, i int) {
			first, value := bytes.Clone(first), bytes.Clone(value)
			binary.BigEndian.PutUint64(first, uint64(i))
			binary.BigEndian.PutUint64(value, uint64(i))
			mustExec(b, c, put, layoutKey(i), "", first)
			mustExec(b, c, put, layoutKey(i), fmt.Sprintf("attribute-%d", i%attributes), value)
		},
	}
}
