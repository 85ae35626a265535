package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/target"
)

// call is one call of the admin API over a connection of its own.
func (f *fixture) call(t *testing.T, method, path, body string, fields ...string) answer {
	t.Helper()
	c := dial(t, f.admin)
	defer c.Close()
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nContent-Length: %d\r\n", method, path, len(body))
	if !strings.Contains(strings.Join(fields, ""), "Host: ") {
		head += "Host: " + f.admin + "\r\n"
	}
	for _, x := range fields {
		head += x + "\r\n"
	}
	io.WriteString(c, head+"\r\n"+body)
	return c.read(method)
}

// Calls in order against one gateway, with what each must answer: JSON where
// "since" and times are masked.
func TestAdmin(t *testing.T) {
	f := start(t, options(sticky(target.Move)))
	a, b := app(t, "a", nil), app(t, "b", nil)
	addr := strings.NewReplacer(a.Address, "A", b.Address, "B")
	tgt := func(id, state string, weight int) string {
		return fmt.Sprintf(`{"id":"%s","address":"%s","state":"%s","weight":%d,"source":"api","in_flight":0,"streams":0,"bound_sessions":0,"since":"T"}`,
			id, strings.ToUpper(id), state, weight)
	}
	const drained = `{"empty":true,"in_flight":0,"streams":0,"bound_sessions":0,"cut":0}`
	for _, tc := range []struct {
		call, body string
		status     int
		want       string
	}{
		{"GET /v1/groups/shop/targets", "", 200, `{"targets":[]}`},
		{"GET /v1/groups/none/targets", "", 404, `{"error":"unknown group \"none\""}`},
		{"PUT /v1/groups/shop/targets/a", `{"address":"` + a.Address + `"}`, 201, tgt("a", "healthy", 1)},
		{"PUT /v1/groups/shop/targets/b", `{"address":"` + b.Address + `","weight":3}`, 201, tgt("b", "healthy", 3)},
		{"PUT /v1/groups/shop/targets/b", `{"address":"` + b.Address + `","weight":5}`, 200, tgt("b", "healthy", 5)},
		{"GET /v1/groups/shop/targets", "", 200, `{"targets":[` + tgt("a", "healthy", 1) + `,` + tgt("b", "healthy", 5) + `]}`},
		{"GET /v1/groups", "", 200, `{"groups":[{"name":"shop","routes":["/"],"policy":"round_robin","affinity":"cookie","on_draining":"move","deregistration_delay":"5m0s","targets":[` +
			tgt("a", "healthy", 1) + `,` + tgt("b", "healthy", 5) + `]}]}`},
		{"PUT /v1/groups/shop/targets/c", `{"address":"nowhere"}`, 400, `{"error":"invalid: target \"c\": address \"nowhere\", allowed: host:port"}`},
		{"PUT /v1/groups/shop/targets/c", `{"address":"h:99999"}`, 400, `{"error":"invalid: target \"c\": address \"h:99999\", allowed: host:port"}`},
		{"PUT /v1/groups/shop/targets/c", `{"address":"h:1","weight":300}`, 400, `{"error":"invalid: target \"c\": weight 300, allowed: 1 to 256"}`},
		{"PUT /v1/groups/shop/targets/%20", `{"address":"h:1"}`, 400, `{"error":"invalid: target id \" \", allowed: 1 to 128 letters, digits and _ . : @ -"}`},
		{"PUT /v1/groups/shop/targets/c", `{"addr":"h:1"}`, 400, `{"error":"invalid: body: unknown key \"addr\", allowed: address, weight, incarnation"}`},
		{"PUT /v1/groups/shop/targets/c", `{"address":"h:1"} {}`, 400, `{"error":"invalid: body: found more than one JSON value"}`},
		{"PUT /v1/groups/shop/targets/c", ``, 400, `{"error":"invalid: body: it is empty, allowed: an object with address, weight, incarnation"}`},
		{"PUT /v1/groups/shop/targets/c", `{"address":7}`, 400, `{"error":"invalid: body: address: found number, allowed: string"}`},
		{"PUT /v1/groups/shop/targets/c", `{"address":"h:1","weight":"2"}`, 400, `{"error":"invalid: body: weight: found string, allowed: int"}`},
		{"PUT /v1/groups/shop/targets/c", `["h:1"]`, 400, `{"error":"invalid: body: found array, allowed: an object with address, weight, incarnation"}`},
		{"PUT /v1/groups/shop/targets/c", `{"weight":1}`, 400, `{"error":"invalid: target \"c\": address \"\", allowed: host:port"}`},
		{"PUT /v1/groups/shop/targets/c?wait=1s", `{"address":"h:1"}`, 400, `{"error":"invalid: query parameter \"wait\", allowed: none"}`},
		{"POST /v1/groups/shop/targets/a/drain?wiat=300s", ``, 400, `{"error":"invalid: query parameter \"wiat\", allowed: wait"}`},
		{"POST /v1/groups/shop/targets/a/drain?wait=1s&wait=2s", ``, 400, `{"error":"invalid: query parameter \"wait\" is there twice"}`},
		{"POST /v1/groups/shop/targets/a/drain?wait=%zz", ``, 400, `{"error":"invalid: query: invalid URL escape \"%zz\""}`},
		{"POST /v1/groups/shop/targets/a/drain", `{"wait":"300s"}`, 400, `{"error":"invalid: body: this call takes none"}`},
		{"POST /v1/groups/shop/targets/a/drain", strings.Repeat(" ", maxAdminBody+1), 413, ``},
		{"GET /v1/groups/shop/targets?state=healthy", ``, 400, `{"error":"invalid: query parameter \"state\", allowed: none"}`},
		{"PUT /v1/groups/shop/targets/c", `{"address":"` + strings.Repeat("x", maxAdminBody) + `"}`, 413, ``},
		{"PUT /v1/groups/none/targets/c", `{"address":"h:1"}`, 404, `{"error":"unknown group \"none\""}`},
		{"POST /v1/groups/shop/targets/a/drain?wait=10s", "", 200, drained},
		{"POST /v1/groups/shop/targets/a/drain", "{}", 200, drained},
		{"POST /v1/groups/shop/targets/a/drain?wait=300", "", 400, `{"error":"invalid: wait \"300\", allowed: a time with its unit, such as 300s"}`},
		{"POST /v1/groups/shop/targets/x/drain?wait=1s", "", 404, `{"error":"unknown target \"x\" in group \"shop\""}`},
		{"GET /v1/groups/shop/targets", "", 200, `{"targets":[` + tgt("a", "draining", 1) + `,` + tgt("b", "healthy", 5) + `]}`},
		{"PUT /v1/groups/shop/targets/a", `{"address":"` + a.Address + `"}`, 200, tgt("a", "healthy", 1)},
		{"DELETE /v1/groups/shop/targets/a?wait=10s", "", 200, drained},
		{"DELETE /v1/groups/shop/targets/a", "", 404, `{"error":"unknown target \"a\" in group \"shop\""}`},
		{"DELETE /v1/groups/shop/targets/b", "", 202, drained},
		{"GET /v1/config", "", 200, `{"revision":1,"last_good":"T","last_error":"","changes":[]}`},
		{"POST /v1/reload", "", 409, `{"error":"conflict: the gateway was started without a configuration file, there is nothing to reload"}`},
		{"GET /v1/nothing", "", 404, `{"error":"no such call: /v1/nothing"}`},
		{"POST /v1/groups", "", 405, `{"error":"method POST, allowed: GET"}`},
		{"GET /v1/groups/shop/targets/a", "", 405, `{"error":"method GET, allowed: DELETE, PUT"}`},
		{"GET /livez", "", 200, `ok`},
		{"GET /readyz", "", 503, `no target shop`},
	} {
		method, path, _ := strings.Cut(tc.call, " ")
		got := f.call(t, method, path, tc.body)
		if got.err != nil {
			t.Fatalf("%s: %v", tc.call, got.err)
		}
		body := mask(addr.Replace(strings.TrimSpace(got.body)))
		if got.StatusCode != tc.status || tc.want != "" && body != tc.want {
			t.Errorf("%s %.60s:\n got %d %s\nwant %d %s", tc.call, tc.body, got.StatusCode, body, tc.status, tc.want)
		}
		if strings.HasPrefix(path, "/v1/") && got.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: Content-Type %q", tc.call, got.Header.Get("Content-Type"))
		}
	}
}

// mask replaces times by T.
func mask(s string) string {
	for _, key := range []string{`"since":"`, `"last_good":"`} {
		parts := strings.Split(s, key)
		for i := 1; i < len(parts); i++ {
			_, rest, _ := strings.Cut(parts[i], `"`)
			parts[i] = `T"` + rest
		}
		s = strings.Join(parts, key)
	}
	return s
}

func TestAdminRefusesStrangers(t *testing.T) {
	opt := options(shop(app(t, "a", nil)))
	opt.Admin.Hosts = []string{"gateway.internal"}
	f := start(t, opt)
	_, port, _ := net.SplitHostPort(f.admin)
	const write, read = "POST /v1/groups/shop/targets/a/drain", "GET /v1/groups"
	for _, tc := range []struct {
		call   string
		fields []string
		status int
	}{
		{write, nil, 200},
		{write, []string{"Host: localhost:" + port}, 200},
		{write, []string{"Host: gateway.internal:" + port}, 200},
		{write, []string{"Host: gateway.internal"}, 200},
		{write, []string{"Host: evil.example:" + port}, 403},
		{write, []string{"Host: localhost"}, 403},
		{write, []string{"Host: 127.0.0.1:1"}, 403},
		{write, []string{"Host: 127.0.0.2:" + port}, 403},
		{write, []string{"Origin: http://" + f.admin}, 200},
		{write, []string{"Origin: https://" + f.admin}, 403},
		{write, []string{"Origin: http://evil.example"}, 403},
		{write, []string{"Origin: http://127.0.0.1:1"}, 403},
		{write, []string{"Origin: null"}, 403},
		{write, []string{"Origin: http://" + f.admin, "Origin: http://evil.example"}, 403},
		{write, []string{"Host: evil.example", "Origin: http://evil.example"}, 403},
		{read, []string{"Host: anything", "Origin: http://evil.example"}, 200},
		{"PUT /v1/groups/shop/targets/a", []string{"Origin: http://evil.example"}, 403},
		{"DELETE /v1/groups/shop/targets/a", []string{"Origin: http://evil.example"}, 403},
		{"POST /v1/reload", []string{"Host: evil.example"}, 403},
	} {
		method, path, _ := strings.Cut(tc.call, " ")
		a := f.call(t, method, path, "", tc.fields...)
		if a.err != nil || a.StatusCode != tc.status {
			t.Errorf("%s %q: got %v %v, want %d", tc.call, tc.fields, a.Response, a.err, tc.status)
		}
		if tc.status == 403 && !strings.HasPrefix(a.body, `{"error":"`) {
			t.Errorf("%s: %q", tc.call, a.body)
		}
	}
}

func TestAdminTokenBeyondLoopback(t *testing.T) {
	opt := options(shop(app(t, "a", nil)))
	opt.Admin.Token = "a-long-enough-token"
	g, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	h := g.AdminHandler()
	beyond := func(path string, auth ...string) int {
		local := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 9900}
		r := httptest.NewRequest("POST", path, nil).WithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, net.Addr(local)))
		if !strings.Contains(path, "/drain") {
			r.Method = "GET"
		}
		r.Host = "10.0.0.1:9900"
		r.Header["Authorization"] = auth
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	const drain = "/v1/groups/shop/targets/a/drain"
	for auth, want := range map[string]int{"": 401, "Bearer wrong": 401, "Bearer ": 401, "Basic a-long-enough-token": 401, "Bearer a-long-enough-token": 200} {
		for _, path := range []string{drain, "/v1/groups", "/metrics", "/"} {
			if got := beyond(path, auth); got != want {
				t.Errorf("%s with %q: %d, want %d", path, auth, got, want)
			}
		}
	}
	if beyond("/livez") != 200 || beyond("/readyz") != 503 { // a was drained
		t.Error("the probes need a token")
	}
	g.opt.Admin.Token = ""
	if got := beyond("/v1/groups", "Bearer "); got != 401 {
		t.Errorf("without a token: %d", got)
	}
	if w := httptest.NewRecorder(); true {
		h.ServeHTTP(w, httptest.NewRequest("GET", "/v1/groups", nil))
		if w.Code != 401 {
			t.Errorf("of unknown origin: %d", w.Code)
		}
	}
	opt.Admin.Token = ""
	if g, err = New(opt); err != nil {
		t.Fatal(err)
	}
	var lc net.ListenConfig
	open, err := lc.Listen(t.Context(), "tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	g.opt.Traffic.Listener, g.opt.Admin.Listener = listen(t), open
	if err := g.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "needs a token") {
		t.Errorf("got %v", err)
	}
}

func TestAdminEvents(t *testing.T) {
	f := start(t, options(shop(app(t, "a", nil), app(t, "b", nil))))
	c := dial(t, f.admin)
	io.WriteString(c, "GET /v1/events HTTP/1.1\r\nHost: h\r\n\r\n")
	resp, err := http.ReadResponse(c.br, nil)
	if err != nil || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%v, %v", resp, err)
	}
	br := bufio.NewReader(resp.Body)
	if line, _ := br.ReadString('\n'); line != ": events of targets\n" {
		t.Fatalf("begins with %q", line)
	}
	f.drain(t, "a")
	text := ""
	for !strings.Contains(text, "event: drained\ndata: ") || !strings.HasSuffix(text, "\n\n") {
		line, err := br.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		text += line
	}
	for _, want := range []string{"id: 3\nevent: state\ndata: {\"id\":3,", `"kind":"state","group":"shop","target":"a","state":"draining","reason":"drain"}`,
		`"drain":{"empty":true,"in_flight":0,"streams":0,"bound_sessions":0,"cut":0}}`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
	if err := f.stop(); err != nil { // ends the stream too
		t.Error(err)
	}
	if _, err := io.ReadAll(br); err != nil {
		t.Errorf("the stream ends with %v", err)
	}
}

func TestSlowSubscriberLosesEvents(t *testing.T) {
	g, err := New(options(shop()))
	if err != nil {
		t.Fatal(err)
	}
	slow, quick := g.Subscribe(2), g.Subscribe(100)
	for i := range 10 {
		if err := g.Register("shop", target.Target{ID: fmt.Sprint(i), Address: "h:1"}); err != nil {
			t.Fatal(err)
		}
	}
	if slow.Dropped() != 8 || quick.Dropped() != 0 || len(quick.C) != 10 || g.Stats().EventsDropped != 8 {
		t.Errorf("%d and %d dropped", slow.Dropped(), quick.Dropped())
	}
	slow.Close()
	slow.Close()
	quick.Close()
	n := uint64(0)
	for ev := range quick.C {
		if n++; ev.ID != n || ev.Kind != EventRegistered {
			t.Errorf("event %d is %+v", n, ev)
		}
	}
	if n != 10 || g.Stats().EventsDropped != 0 {
		t.Errorf("%d events", n)
	}
}

func TestMetrics(t *testing.T) {
	f := start(t, options(sticky(target.Move, app(t, "a", nil), app(t, "b", nil))))
	cookies, at := sessions(t, f.addr, 4)
	f.drain(t, at[0])
	once(t, f.addr, "GET", "/", "", cookies[0])
	a := f.call(t, "GET", "/metrics", "")
	a.want(t, 200, "")
	for _, want := range []string{
		"# TYPE evenkeel_gateway_requests_total counter\nevenkeel_gateway_requests_total{group=\"shop\"} 5\n",
		"evenkeel_gateway_answers_total{group=\"shop\",class=\"2xx\"} 5\n",
		"evenkeel_gateway_moves_total{group=\"shop\",cause=\"draining\"} 1\n",
		"evenkeel_gateway_target_state{group=\"shop\",target=\"" + at[0] + "\",state=\"draining\"} 1\n",
		"evenkeel_gateway_target_state{group=\"shop\",target=\"" + at[0] + "\",state=\"healthy\"} 0\n",
		"evenkeel_gateway_bound_sessions{group=\"shop\",target=\"" + at[1] + "\"} 3\n",
		"evenkeel_gateway_events_dropped 0\n",
	} {
		if !strings.Contains(a.body, want) {
			t.Errorf("%q is not in\n%s", want, a.body)
		}
	}
	f.call(t, "GET", "/", "").want(t, 200, "")
}
