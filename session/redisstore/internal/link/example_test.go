package link_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
	"github.com/redis/rueidis"
)

func ExampleLink_Call() {
	l, err := link.New("redis://127.0.0.1:1", link.Options{}) // where nobody listens
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()

	count := link.NewScript("return redis.call('INCR', KEYS[1])")
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err = l.Call(ctx, "visits", func(ctx context.Context, c rueidis.Client) error {
		n, err := count.Exec(ctx, c, "visits").AsInt64()
		fmt.Println(n)
		return err
	})
	var unavailable session.ErrUnavailable
	fmt.Println("nothing was sent:", errors.As(err, &unavailable))
	var failure *link.Error
	fmt.Println(errors.As(err, &failure), failure.Failure, failure.Node)
	// Output:
	// nothing was sent: true
	// true unreachable 127.0.0.1:1
}

func ExampleMask() {
	fmt.Println(link.Mask("redis://joe:secret@cache:6379/1"))
	// Output: redis://joe:***@cache:6379/1
}
