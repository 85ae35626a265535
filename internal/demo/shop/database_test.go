package shop

import (
	"path/filepath"
	"sync"
	"testing"
)

// Replicas that start together make the new file together.
func TestManyOpenANewFileAtOnce(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "orders.db")
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				o, err := OpenOrders(t.Context(), path)
				if err != nil {
					t.Error(err)
					return
				}
				if err := o.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
}
