package shop

import (
	"maps"
	"net/http"
)

// savingWriter saves the session before the first byte of the answer.
type savingWriter struct {
	http.ResponseWriter
	r       *http.Request
	visit   *blobVisit
	initial http.Header // as it came to the handler
	saved   bool
	err     error
}

func newSavingWriter(w http.ResponseWriter, r *http.Request, v *blobVisit) *savingWriter {
	return &savingWriter{ResponseWriter: w, r: r, visit: v, initial: w.Header().Clone()}
}

// save saves, once. If it cannot, failed answers.
func (w *savingWriter) save() {
	if w.saved {
		return
	}
	w.saved = true
	if w.err = w.visit.save(w.ResponseWriter); w.err == nil {
		return
	}
	logFailure(w.visit.b.logger, "save the session", w.err)
	clear(w.Header())
	maps.Copy(w.Header(), w.initial)
	failed(w.ResponseWriter, w.r, w.err)
}

func (w *savingWriter) WriteHeader(status int) {
	if status < 200 { // informational, the answer is to come
		w.ResponseWriter.WriteHeader(status)
		return
	}
	if w.save(); w.err == nil {
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *savingWriter) Write(p []byte) (int, error) {
	if w.save(); w.err != nil {
		return 0, w.err
	}
	return w.ResponseWriter.Write(p)
}

// FlushError is for http.ResponseController.
func (w *savingWriter) FlushError() error {
	if w.save(); w.err != nil {
		return w.err
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController find deadlines.
func (w *savingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
