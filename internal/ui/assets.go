package ui

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed assets
var files embed.FS

// types are the media types of what is embedded; the system's table, which
// may be missing or wrong, is not asked.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

// assets are the embedded files. Under /assets/VERSION/ they never change.
type assets struct {
	version string // of all of them together, so that modules can import each other by relative paths
	files   map[string]asset
}

type asset struct {
	content []byte
	etag    string
}

func embedded() assets {
	a := assets{files: map[string]asset{}}
	all := sha256.New()
	err := fs.WalkDir(files, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if types[path.Ext(name)] == "" {
			return fmt.Errorf("%s: no media type", name)
		}
		b, err := files.ReadFile(name)
		sum := sha256.Sum256(b)
		all.Write(sum[:])
		a.files[strings.TrimPrefix(name, "assets/")] = asset{b, `"` + hex.EncodeToString(sum[:8]) + `"`}
		return err
	})
	if err != nil {
		panic(err) // the files are part of the program: a bug
	}
	a.version = hex.EncodeToString(all.Sum(nil)[:6])
	page := a.files["index.html"]
	page.content = bytes.ReplaceAll(page.content, []byte(`"/assets/`), []byte(`"/assets/`+a.version+`/`))
	page.etag = `"` + a.version + `"`
	a.files["index.html"] = page
	return a
}

func (a assets) servePage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache")
	a.write(w, r, "index.html")
}

// serve answers for a file with its version for ever, and for one without for
// as long as it is asked each time.
func (a assets) serve(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/assets/")
	cache := "no-cache"
	if rest, ok := strings.CutPrefix(name, a.version+"/"); ok {
		name, cache = rest, "public, max-age=31536000, immutable"
	}
	if _, ok := a.files[name]; !ok || name == "index.html" {
		http.Error(w, "There is no such file.", http.StatusNotFound)
		return
	}
	w.Header().Set("Cache-Control", cache)
	a.write(w, r, name)
}

func (a assets) write(w http.ResponseWriter, r *http.Request, name string) {
	w.Header().Set("Content-Type", types[path.Ext(name)])
	w.Header().Set("ETag", a.files[name].etag)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(a.files[name].content))
}
