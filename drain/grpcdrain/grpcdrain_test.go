package grpcdrain

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/evenkeel/evenkeel/drain"
)

// slow is a health service whose Check waits, and whose Watch runs until it is
// told to leave.
type slow struct {
	healthpb.UnimplementedHealthServer
	inside  chan struct{}
	release chan struct{}
}

func (s *slow) Check(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	s.inside <- struct{}{}
	select {
	case <-s.release:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, nil
}

func (s *slow) Watch(_ *healthpb.HealthCheckRequest, w grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
	s.inside <- struct{}{}
	<-drain.Leaving(w.Context())
	return w.Send(&healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_NOT_SERVING})
}

// service starts one and returns a client.
func service(t *testing.T, b drain.Budget, srv healthpb.HealthServer) (*drain.Drainer, healthpb.HealthClient, chan drain.Report) {
	t.Helper()
	d, err := drain.New(drain.Options{Budget: b, Grace: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(Options(d)...)
	healthpb.RegisterHealthServer(s, srv)
	served := make(chan error, 1)
	go func() { served <- Serve(d, s, l) }()
	reports := make(chan drain.Report, 1)
	go func() {
		r, _ := d.Run(context.Background()) // what was cut is in the report
		reports <- r
		if err := <-served; err != nil {
			t.Error(err)
		}
		close(reports)
	}()
	c, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return d, healthpb.NewHealthClient(c), reports
}

func TestCallsInFlightFinishAndStreamsAreTold(t *testing.T) {
	srv := &slow{inside: make(chan struct{}, 2), release: make(chan struct{})}
	d, client, reports := service(t, drain.Budget{Withdraw: drain.None, Requests: time.Minute, Streams: time.Minute}, srv)
	errs := make(chan error, 2)
	go func() {
		_, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{})
		errs <- err
	}()
	go func() {
		w, err := client.Watch(t.Context(), &healthpb.HealthCheckRequest{})
		if err == nil {
			_, err = w.Recv()
		}
		errs <- err
	}()
	<-srv.inside
	<-srv.inside
	d.Drain()
	<-d.Reached(drain.Draining)
	close(srv.release)
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	r := <-reports
	if one := (drain.Tally{InFlight: 1, Finished: 1}); r.Requests != one || r.Streams != one || r.Told != 1 {
		t.Errorf("%+v", r)
	}
	<-reports
}

func TestACallThatDoesNotEndIsCutAndNamed(t *testing.T) {
	srv := &slow{inside: make(chan struct{}, 1), release: make(chan struct{})}
	d, client, reports := service(t, drain.Budget{Withdraw: drain.None, Requests: 50 * time.Millisecond, Streams: drain.None}, srv)
	failed := make(chan error, 1)
	go func() {
		_, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{})
		failed <- err
	}()
	<-srv.inside
	d.Drain()
	if err := <-failed; err == nil {
		t.Error("a call that was cut was answered")
	}
	r := <-reports
	if len(r.Cut) != 1 || r.Cut[0].Route != "/grpc.health.v1.Health/Check" {
		t.Errorf("cut: %+v", r.Cut)
	}
	<-reports
}

func TestHealthSaysNotServingWhileCallsAreServed(t *testing.T) {
	h := health.NewServer()
	d, client, reports := service(t, drain.Budget{Withdraw: 2 * time.Second, Requests: time.Minute}, h)
	Health(d, h)
	check := func() healthpb.HealthCheckResponse_ServingStatus {
		r, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return r.Status
	}
	if s := check(); s != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("control: %v", s)
	}
	d.Drain()
	<-d.Reached(drain.Withdrawing)
	for check() != healthpb.HealthCheckResponse_NOT_SERVING {
		select {
		case <-d.Reached(drain.Draining):
			t.Fatal("still SERVING when draining begins")
		case <-time.After(time.Millisecond):
		}
	}
	<-reports
	<-reports
}
