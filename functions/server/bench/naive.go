//go:build linux

package main

import (
	"fmt"
	"net/http"
	"sync"
)

// naive is the obvious Go server: a goroutine and a channel a stream, Fprintf
// and Flush a line; a slow listener loses lines.
func naive(addr string) error {
	var mu sync.Mutex
	streams := map[chan string]bool{}
	http.HandleFunc("GET /stream", func(w http.ResponseWriter, r *http.Request) {
		ch := make(chan string, 64)
		mu.Lock()
		streams[ch] = true
		mu.Unlock()
		defer func() {
			mu.Lock()
			delete(streams, ch)
			mu.Unlock()
		}()
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		for {
			select {
			case line := <-ch:
				fmt.Fprintf(w, "data: %s\n\n", line)
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	http.HandleFunc("POST /post", func(w http.ResponseWriter, r *http.Request) {
		line := r.FormValue("message")
		mu.Lock()
		for ch := range streams {
			select {
			case ch <- line:
			default:
			}
		}
		mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	})
	return http.ListenAndServe(addr, nil)
}
