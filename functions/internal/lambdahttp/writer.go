package lambdahttp

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// A writer hands each Write on to the Runtime API as a chunk of its own, so
// there is nothing for Flush to do but to send the head.
//
// Owned by the handler's goroutine.
type writer struct {
	header http.Header
	begun  bool // the head is out
	head   bool // the request's method is HEAD: no body
	body   *io.PipeWriter
	reader *io.PipeReader
	answer chan *events.LambdaFunctionURLStreamingResponse // gets one
}

func newWriter() *writer {
	r, w := io.Pipe()
	return &writer{
		header: http.Header{}, body: w, reader: r,
		answer: make(chan *events.LambdaFunctionURLStreamingResponse, 1),
	}
}

func (w *writer) Header() http.Header { return w.header }

func (w *writer) WriteHeader(status int) {
	if w.begun || status < 200 {
		return
	}
	w.begun = true
	w.head = w.head || status == http.StatusNoContent || status == http.StatusNotModified
	// REST APIs and Function URLs both take this prelude.
	a := &events.LambdaFunctionURLStreamingResponse{
		StatusCode: status, Headers: map[string]string{}, Cookies: slices.Clone(w.header["Set-Cookie"]), Body: w.reader,
	}
	for name, values := range w.header {
		if name != "Set-Cookie" {
			a.Headers[name] = strings.Join(values, ", ")
		}
	}
	w.answer <- a
}

func (w *writer) Write(p []byte) (int, error) {
	if !w.begun && w.header["Content-Type"] == nil {
		w.header.Set("Content-Type", http.DetectContentType(p))
	}
	w.WriteHeader(http.StatusOK)
	if w.head {
		return len(p), nil
	}
	return w.body.Write(p)
}

func (w *writer) Flush() { w.WriteHeader(http.StatusOK) }

// close ends the answer: in full, as a problem, or, where it had begun, cut off,
// which the front door passes on.
func (w *writer) close(failed *failure) {
	switch {
	case failed == nil:
		w.WriteHeader(http.StatusOK)
		w.body.Close()
	case w.begun:
		w.body.CloseWithError(failed)
	default:
		failed.write(w)
		w.body.Close()
	}
}
