package web_test

import (
	"errors"
	"io"
	"os"
	"testing"
	"testing/iotest"
)

// A body that stops on the way is no fault of what it holds: clients send again
// what was 408, and give up what was 400.
func TestBodyThatDoesNotComeInTimeMayBeSentAgain(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
		says   string
	}{
		{os.ErrDeadlineExceeded, 408, "in time"},
		{errors.New("torn"), 400, "cannot be read"},
	} {
		for _, head := range []string{asText, asJSON, asForm} {
			h := open(t, nil)
			r := h.request(t, ask{"POST", "/r/ops", head, "", ann})
			r.Body = io.NopCloser(iotest.ErrReader(tt.err))
			refused(t, h.answer(r), tt.status, tt.says)
		}
	}
}
