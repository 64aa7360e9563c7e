package page_test

import (
	"testing"

	"confab/functions/server/e2e/internal/process"
)

// What somebody read on one device is not unread on another.
func TestWhatWasReadOnOneDeviceIsReadOnAll(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ready := signedIn(s, "ann")
	laptop, phone := visit(t, s.URL+"/r/kitchen", ready), visit(t, s.URL+"/r/kitchen", ready)
	for _, w := range []*window{laptop, phone} {
		w.awaitRoom()
		w.await("the link", `document.body.dataset.link === 'live'`)
		w.open("lobby")
	}
	if _, _, err := s.Post(s.Login("bob"), "kitchen", "for whoever reads it", ""); err != nil {
		t.Fatal(err)
	}
	for _, w := range []*window{laptop, phone} {
		w.await("that it is unread", `document.title === '(1) lobby'`)
	}
	laptop.open("kitchen")
	laptop.sees("for whoever reads it")
	phone.await("that it is read", `document.title === 'lobby'`)
}
