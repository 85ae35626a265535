package sqlitestore_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/sqlitestore"
)

// Two openings of one file, as two processes have it, share their sessions.
// Services hand the store to session.New; this is what happens underneath.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "sessions")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "sessions.db")

	one, err := sqlitestore.Open(path, sqlitestore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer one.Close()
	other, err := sqlitestore.Open(path, sqlitestore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer other.Close()

	ctx, key, verifier := context.Background(), session.Key("0123456789abcdef"), session.Hash{1}
	_, err = one.Commit(ctx, key, session.Change{
		WriteID:  rand.Text(),
		NotAfter: time.Now().Add(time.Second),
		Start:    &session.Start{Verifier: verifier, Idle: 30 * time.Minute},
		Ops:      []session.Op{{Kind: session.OpSet, Name: "cart", Value: []byte("3 apples")}},
	})
	if err != nil {
		log.Fatal(err)
	}
	rec, err := other.Load(ctx, key, session.LoadOptions{Verifiers: []session.Hash{verifier}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", rec.Attributes["cart"])
	// Output: 3 apples
}

// Stats tells how many commits share a transaction.
func ExampleStore_Stats() {
	dir, err := os.MkdirTemp("", "sessions")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := sqlitestore.Open(filepath.Join(dir, "sessions.db"), sqlitestore.Options{FullSync: true})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	fmt.Printf("%+v\n", store.Stats())
	// Output: {Waiting:0 Writes:0 Transactions:0 Swept:0}
}
