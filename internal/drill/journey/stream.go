package journey

import (
	"cmp"
	"strconv"

	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// StreamRequest implements engine.Streamer.
func (j *Journey) StreamRequest(last uint64) engine.Request {
	r := engine.Request{Method: "GET", Path: j.c.Stream.Get.String(), Fields: []engine.Field{
		{Name: "Accept", Value: "text/event-stream"}, {Name: "Cache-Control", Value: "no-cache"},
	}}
	if last > 0 {
		r.Fields = append(r.Fields, engine.Field{Name: "Last-Event-ID", Value: strconv.FormatUint(last, 10)})
	}
	return r
}

// StreamUser implements engine.Streamer.
func (j *Journey) StreamUser(data []byte) string {
	text, ok := j.c.Stream.Regex.first(&engine.Exchange{Body: data})
	if !ok {
		return ""
	}
	return j.name(text)
}

// Read implements engine.Streamer: a stream opens with a 200.
func (j *Journey) Read(op *history.Op, x *engine.Exchange) {
	r := &run{j: j, op: op, x: *x, first: x, path: j.c.Stream.Get.String()}
	op.Outcome = history.OK
	switch {
	case x.Failure != nil && !x.Failure.Masked:
		op.Outcome = history.Unknown
		if x.Sent < 0 {
			op.Outcome = history.Failed
		}
	case r.strange():
		op.Anonymous, op.Outcome = true, history.Failed
	case x.Status >= 400:
		op.Outcome = history.Failed
	case x.Status != 200:
		op.Outcome = history.Unknown
	}
	op.Call, op.Return, op.Status, op.Failure = x.Call, x.Return, x.Status, x.Failure
	op.Instance = x.Header.Get(cmp.Or(j.c.InstanceHeader, "X-Instance"))
	op.Cache = engine.Cache(x.Header)
	op.Sent = joined(credentialIn(x.Cookie, j.cookies))
}
