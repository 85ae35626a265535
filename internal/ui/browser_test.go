package ui

import (
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"
)

// little is a shop of one page, whose visitor is signed in.
var little = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprint(w, `<!doctype html><b id="user">Kim</b> <b id="instance">shop-2</b>`)
})

func TestPageInABrowser(t *testing.T) {
	b := browse(t)
	src := newFake()
	src.state.Verdict = "<img src=x onerror=alert(1)> & so far nothing was lost"
	src.state.Events = []Event{{ID: 1, At: Seconds(time.Second), Kind: Kill, Text: "<script>alert(1)</script> was killed", Over: true}}
	s := newStand(t, src, Options{Every: 50 * time.Millisecond})
	s.shop = little
	s.run()
	b.size(1440, 900)
	b.open(s.url)

	b.await(text("line-word"), "live")
	b.await(text("verdict"), "<img src=x onerror=alert(1)> & so far nothing was lost.")
	b.await(`document.querySelector('#lost b').textContent + document.getElementById('lost').dataset.is`, "0good")
	b.await(`[...document.querySelectorAll('.replica')].map(x => x.dataset.state + ': ' + x.querySelector('.holds').textContent).join('; ')`,
		"serving: 7 people tied; draining: held by 1 open stream")
	b.await(`document.querySelector('#events span').textContent`, "<script>alert(1)</script> was killed")
	b.await(`document.querySelectorAll('.plot canvas').length`, "3")
	b.await(text("visitor"), "Signed in as Kim. shop-2 answered.")
	b.await(`document.querySelector('.replica .you:not([hidden])').parentElement.firstChild.textContent`, "shop-2")

	src.set(func(s *State) {
		s.Good, s.Lost, s.Failed, s.AtKills, s.Note = false, 12345, 3, 3, "too busy to judge"
		s.Replicas = s.Replicas[1:]
		s.Replicas = append([]Replica{{Name: "shop-11", State: ReplicaStarting}}, s.Replicas...)
	})
	b.await(`document.querySelector('#lost b').textContent + document.getElementById('lost').dataset.is`, "12,345bad")
	b.await(`document.querySelector('#failed b').textContent + document.getElementById('failed').dataset.is`, "3some")
	b.await(text("note"), "too busy to judge")
	b.await(`[...document.querySelectorAll('.replica')].map(x => x.dataset.state).join()`, "serving,gone,starting")
	b.await(`[...document.querySelectorAll('.replica')].map(x => x.dataset.state).join()`, "serving,starting")
	if p := b.complaints(); p != "" {
		t.Errorf("the browser complains:\n%s", p)
	}
}

func TestButtonsInABrowser(t *testing.T) {
	b := browse(t)
	s := newStand(t, newFake(), Options{Every: 50 * time.Millisecond})
	s.shop = little
	s.run()
	b.size(390, 844)
	b.open(s.url)
	b.await(text("line-word"), "live")
	// By keyboard: Tab until the button has the focus, and one can see it.
	for n := 0; b.eval(`document.activeElement.dataset.action ?? ''`) != Kill; n++ {
		if n == 10 {
			t.Fatal("ten times Tab, and not at the button")
		}
		b.key("Tab", 9, "")
	}
	b.await(`getComputedStyle(document.activeElement).outlineStyle`, "solid")
	for range 5 {
		b.key("Enter", 13, "\r")
	}
	b.await(text("waiting"), "3 waiting, no more fit")
	b.await(`document.querySelector('[data-action=scale-out]').getAttribute('aria-disabled')`, "true")
	b.eval(`document.querySelectorAll('#ways button')[1].click()`)
	b.await(text("way"), "evenkeel")
	b.await(`document.querySelectorAll('#ways button')[1].getAttribute('aria-current')`, "true")
	if got := s.src.touched(); got != "[kill kill kill] [evenkeel]" {
		t.Error(got)
	}
	s.stop()
	b.await(text("line-word"), "ended")
	b.await(`document.getElementById('banner').hidden`, "false")
}

func TestNothingSticksOutOnAnyScreen(t *testing.T) {
	b := browse(t)
	src := newFake()
	src.state.Lost, src.state.Undone, src.state.Failed = 1234567, 98765, 4321
	s := newStand(t, src, Options{Every: 50 * time.Millisecond})
	s.shop = little
	s.run()
	b.size(1440, 900)
	b.open(s.url)
	b.await(text("line-word"), "live")
	for _, size := range [][2]int{{320, 640}, {390, 844}, {768, 1024}, {900, 700}, {1024, 768}, {1280, 720}, {1366, 768}, {1440, 900}, {2560, 1440}} {
		b.size(size[0], size[1])
		b.await("innerWidth", fmt.Sprint(size[0]))
		b.await("document.documentElement.scrollWidth <= innerWidth", "true")
		b.await(`[...document.querySelectorAll('.figures div, .card, button')].filter(x => x.offsetParent && x.scrollWidth > x.clientWidth + 1).map(x => x.className + x.id + x.textContent).join()`, "")
	}
}

func TestPageReconnectsByItself(t *testing.T) {
	b := browse(t)
	s := newStand(t, newFake(), Options{Every: 50 * time.Millisecond})
	s.shop = little
	s.run()
	listen := func(address string) (*http.Server, string) {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: time.Minute}
		ended := make(chan error, 1)
		go func() { ended <- srv.Serve(l) }()
		t.Cleanup(func() {
			srv.Close()
			<-ended
		})
		return srv, l.Addr().String()
	}
	srv, address := listen("127.0.0.1:0")
	b.size(1024, 768)
	b.open("http://" + address)
	b.await(text("line-word"), "live")
	srv.Close()
	b.await(text("line-word"), "trying again")
	b.await(`document.getElementById('banner').hidden`, "false")
	listen(address)
	b.await(text("line-word"), "live")
	b.await(`document.getElementById('banner').hidden`, "true")
}
