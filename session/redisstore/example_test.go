package redisstore_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore"
)

// Every instance of the service runs this, with the same Service.
func ExampleNew() {
	store, err := redisstore.New("redis://localhost", redisstore.Options{Service: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	sessions, err := session.New(store, session.Options{})
	if err != nil {
		log.Fatal(err)
	}
	visits := session.NewCounter("visits")
	http.Handle("/", sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := visits.Add(r.Context(), session.From(r.Context()), 1)
		if err != nil {
			http.Error(w, http.StatusText(session.Status(err)), session.Status(err))
			return
		}
		fmt.Fprintln(w, "visit", n)
	})))
	log.Fatal(http.ListenAndServe("localhost:8080", nil))
}

// An operator looks at a session by the first half of its cookie, which opens
// nothing.
func ExampleStore_Inspect() {
	store, err := redisstore.New("redis://localhost", redisstore.Options{Service: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	rec, err := store.Inspect(context.Background(), "2nWbUKcWzq7Zr1Pd")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rec.Created, rec.Principal, len(rec.Attributes), rec.Size)
}

// How much of the reading the copies in this process save.
func ExampleStore_Stats() {
	store, err := redisstore.New("redis://localhost", redisstore.Options{Service: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	stats := store.Stats()
	fmt.Println(stats.CacheHits, stats.CacheMisses)
	// Output: 0 0
}

// A sign-in is acknowledged when the replica has it, or as degraded.
func ExampleDurability() {
	_, err := redisstore.New("redis-sentinel://sentinel1,sentinel2,sentinel3/sessions", redisstore.Options{
		Service:    "shop",
		Durability: redisstore.Durability{Replicas: 1},
	})
	fmt.Println(err)
	// Output: <nil>
}
