package balance_test

import (
	"fmt"
	"sync/atomic"

	"github.com/evenkeel/evenkeel/internal/gateway/balance"
)

func ExampleRoundRobin() {
	var cursor atomic.Uint64
	p := balance.RoundRobin([]int{2, 1}, &cursor)
	for range 6 {
		i, _ := p.Pick(nil)
		fmt.Print(i, " ")
	}
	// Output: 1 0 0 1 0 0
}

func ExampleKeyed() {
	p := balance.NewKeyed([]balance.Hash{balance.HashOf("a"), balance.HashOf("b"), balance.HashOf("c")}, []int{1, 1, 1})
	key := balance.HashOf("session 1")
	home, _ := p.Pick(key, nil)
	other, _ := p.Pick(key, func(i int) bool { return i == home }) // it has left
	again, _ := p.Pick(key, nil)
	fmt.Println(home == again, home == other)
	// Output: true false
}
