package peers

import (
	"bytes"
	"encoding/gob"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
)

var gorillaLibrary = library{name: "gorilla", open: func(t testing.TB, name string) service {
	dir := filepath.Join(t.TempDir(), "sessions")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	key := securecookie.GenerateRandomKey(32)
	store := sessions.NewFilesystemStore(dir, key)
	return service{cookie: name, store: &gorillaFiles{t: t, dir: dir, name: name, key: key}, wrap: bare,
		visit: func(w http.ResponseWriter, r *http.Request) visit {
			// Its documentation: "we're ignoring the error … Get() always
			// returns a session, even if empty".
			s, _ := store.Get(r, name)
			return gorillaVisit{s, w, r}
		}}
}}

// gorillaVisit: the handler saves. Gorilla has no means to give a session
// another ID.
type gorillaVisit struct {
	s *sessions.Session
	w http.ResponseWriter
	r *http.Request
}

func (v gorillaVisit) Value(key string) (string, error) {
	value, _ := v.s.Values[key].(string) // absent is ""
	return value, nil
}

func (v gorillaVisit) Set(key, value string) error {
	v.s.Values[key] = value
	return nil
}

func (v gorillaVisit) SignOut() error {
	v.s.Options.MaxAge = -1
	return nil
}

func (v gorillaVisit) User() (string, error)    { return v.Value("user") }
func (v gorillaVisit) SignIn(user string) error { return v.Set("user", user) }
func (v gorillaVisit) Save() error              { return v.s.Save(v.r, v.w) }

// gorillaFiles is the folder of a FilesystemStore.
type gorillaFiles struct {
	t         testing.TB
	dir, name string
	key       []byte
}

func (f *gorillaFiles) files() []string {
	paths, err := filepath.Glob(filepath.Join(f.dir, "session_*"))
	if err != nil {
		f.t.Fatal(err)
	}
	return paths
}

func (f *gorillaFiles) Records() int { return len(f.files()) }

// Fail takes the folder away: also for root, nothing can then be read or
// written.
func (f *gorillaFiles) Fail(fail bool) {
	from, to := f.dir, f.dir+".away"
	if !fail {
		from, to = to, from
	}
	if err := os.Rename(from, to); err != nil {
		f.t.Error(err)
	}
}

func (f *gorillaFiles) Spoil() {
	for _, path := range f.files() {
		sealed, err := os.ReadFile(path)
		if err != nil {
			f.t.Fatal(err)
		}
		values := map[any]any{}
		if err := securecookie.DecodeMulti(f.name, string(sealed), &values, securecookie.CodecsFromPairs(f.key)...); err != nil {
			f.t.Fatal(err)
		}
		values["k"] = cart{"tea"}
		var plain bytes.Buffer
		if err := gob.NewEncoder(&plain).Encode(values); err != nil {
			f.t.Fatal(err)
		}
		codec := securecookie.New(f.key, nil).SetSerializer(securecookie.NopEncoder{})
		again, err := codec.Encode(f.name, fromTheFuture(plain.Bytes()))
		if err == nil {
			err = os.WriteFile(path, []byte(again), 0o600)
		}
		if err != nil {
			f.t.Fatal(err)
		}
	}
}
