// Package grpcdrain gives a gRPC server the way out of package drain: calls
// are counted exactly, clients are told by GOAWAY, streams are told to leave,
// and what is left at the end is cut and named.
//
//	s := grpc.NewServer(grpcdrain.Options(d)...)
//	h := health.NewServer()
//	healthpb.RegisterHealthServer(s, h)
//	grpcdrain.Health(d, h)
//	go grpcdrain.Serve(d, s, listener)
//	_, err := d.Run(ctx) // with the process's http.Servers, if there are any
//
// Guarantees: a call is in flight from its interceptor on until its handler has
// returned; from withdrawal on the health service says NOT_SERVING while calls
// are served as before; when draining begins clients get a GOAWAY, and what
// they had sent before they could know is served.
//
// Not guaranteed: anything for calls of services that were registered on a
// server without Options.
package grpcdrain

import (
	"context"
	"math"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/evenkeel/evenkeel/drain"
)

// Options are the interceptors that count; other interceptors may be chained
// with grpc.ChainUnaryInterceptor and grpc.ChainStreamInterceptor. In a handler
// drain.Leaving of its context is closed when it should come to its end.
func Options(d *drain.Drainer) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			ctx, done, err := d.Begin(ctx, info.FullMethod)
			if err != nil {
				return nil, status.Error(codes.Unavailable, err.Error())
			}
			defer done()
			return next(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			ctx, done, err := d.Begin(s.Context(), info.FullMethod)
			if err != nil {
				return status.Error(codes.Unavailable, err.Error())
			}
			defer done()
			drain.Stream(ctx)
			return next(srv, &counted{s, ctx})
		}),
	}
}

// counted is a stream with the context of its piece of work.
type counted struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *counted) Context() context.Context { return s.ctx }

// lastBytes is how long answers that have been given may take to be sent.
const lastBytes = time.Second

// Serve serves s on l until the way out has cut or finished everything, and
// closes l. Its error is that of a server that failed before; nil otherwise. It
// registers a hook, the first of all, which sends what is still to be sent, so
// the budget's Flush must not be None. It is called before Run begins to drain.
func Serve(d *drain.Drainer, s *grpc.Server, l net.Listener) error {
	gone := make(chan struct{}) // everything was sent, and the connections are closed
	d.Hook("grpc", math.MinInt, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, lastBytes)
		defer cancel()
		select {
		case <-gone:
		case <-ctx.Done():
			s.Stop()
		}
		return nil
	})
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-d.Reached(drain.Draining):
			s.GracefulStop() // GOAWAY; it waits for the handlers
			close(gone)
		case <-ended:
		}
	}()
	return s.Serve(l)
}

// Health makes h, a *health.Server, say NOT_SERVING from withdrawal on.
func Health(d *drain.Drainer, h interface{ Shutdown() }) {
	go func() {
		<-d.Reached(drain.Withdrawing)
		h.Shutdown()
	}()
}
