// Package lambdahttp serves an http.Handler from Lambda: Buffer sends its whole
// answer at once, Stream sends it as it is written.
//
// Only this package knows the forms in which Lambda hands a request over. The
// library algnhsa reads all three of them, those of a REST API (v1), of an HTTP
// API and of a Function URL (v2), so that a request looks the same to every
// function and to the server.
package lambdahttp

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"log"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/akrylysov/algnhsa"
)

// spare is what is left of an invocation's time when its request ends, so that
// the answer is out before Lambda stops the environment.
const spare = time.Second

// Handler is what lambda.Start takes.
type Handler func(ctx context.Context, event json.RawMessage) (any, error)

// Buffer answers with what h wrote, once it is done. A front door that never
// streams, an HTTP API, gets the answer of buffered instead.
func Buffer(h, buffered http.Handler) Handler {
	return func(ctx context.Context, event json.RawMessage) (any, error) {
		serve := h
		if neverStreams(event) {
			serve = buffered
		}
		answer, failed := invoke(ctx, event, func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Accept-Encoding") // the answer travels as text
			serve.ServeHTTP(w, r)
		})
		if failed != nil {
			return failed.answer(), nil
		}
		return json.RawMessage(answer), nil
	}
}

// Stream answers with what h writes, as it writes it. A front door that never
// streams, an HTTP API, gets the whole answer of buffered instead.
func Stream(h, buffered http.Handler) Handler {
	buffer := Buffer(buffered, buffered)
	return func(ctx context.Context, event json.RawMessage) (any, error) {
		if neverStreams(event) {
			return buffer(ctx, event)
		}
		w := newWriter()
		go func() {
			_, failed := invoke(ctx, event, func(_ http.ResponseWriter, r *http.Request) {
				w.head = r.Method == http.MethodHead
				h.ServeHTTP(w, r)
			})
			w.close(failed)
		}()
		return <-w.answer, nil
	}
}

// invoke calls h with the request that the event holds, for as long as the
// invocation lasts. A panic of h is returned as a failure.
func invoke(ctx context.Context, event []byte, h http.HandlerFunc) (answer []byte, failed *failure) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-spare))
		defer cancel()
	}
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler {
				log.Printf("panic serving a request: %v\n%s", p, debug.Stack())
			}
			failed = &failure{http.StatusInternalServerError, "Internal error."}
		}
	}()
	answer, err := algnhsa.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if failed = prepare(r); failed == nil {
			h(w, r)
		}
	}), &algnhsa.Options{}).Invoke(ctx, event)
	if err != nil { // of the event alone, such as a path that is not percent-encoded
		return nil, &failure{http.StatusBadRequest, err.Error()}
	}
	return answer, failed
}

// prepare completes a request from an event, so that it looks as one to a
// server does: its address has a port, and it came over TLS if the front door
// says so (nobody else can call us). It refuses an upgrade, because there is no
// connection to take over.
func prepare(r *http.Request) *failure {
	if r.Header.Get("Upgrade") != "" {
		return &failure{http.StatusNotImplemented, "There is no WebSocket here. Read by server-sent events, and post."}
	}
	r.RemoteAddr = net.JoinHostPort(r.RemoteAddr, "0")
	if r.Header.Get("X-Forwarded-Proto") == "https" {
		r.TLS = &tls.ConnectionState{}
	}
	return nil
}

// neverStreams reports whether the event is an HTTP API's. Its form is that of
// a Function URL, which may stream.
func neverStreams(event []byte) bool {
	var e struct {
		Version        string
		RequestContext struct{ DomainName string }
	}
	return json.Unmarshal(event, &e) == nil && e.Version == "2.0" &&
		!strings.Contains(e.RequestContext.DomainName, ".lambda-url.")
}
