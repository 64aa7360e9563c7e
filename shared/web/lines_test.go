package web_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"confab/shared/web"
)

// Where nothing is passed on before the end, history is an answer by itself:
// it would be held back until somebody says more.
func TestFollowedHistoryIsNotHeldBackWhereAnswersAreBuffered(t *testing.T) {
	l := live(t, nil)
	l.say(t.Context(), t, "lobby", 3)
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/r/lobby?follow=1", nil)
	r.Header.Set("Accept", "application/x-ndjson")
	w, done := httptest.NewRecorder(), make(chan struct{})
	go func() {
		defer close(done)
		web.Buffered(l.Config.Handler).ServeHTTP(w, r)
	}()
	select {
	case <-done:
	case <-time.After(15 * time.Second): // it would take 20
		t.Fatal("three lines are held back")
	}
	if n := strings.Count(w.Body.String(), "\n"); n != 3 {
		t.Errorf("%d lines: %s", n, w.Body)
	}
}
