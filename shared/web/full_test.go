package web_test

import (
	"errors"
	"strings"
	"testing"

	"confab/shared/store"
)

// Whoever posts where there is no place left learns whom to ask.
func TestFullStoreSaysWhomToAsk(t *testing.T) {
	h := open(t, nil)
	h.tape.err = store.Full("append to ops", errors.New("OOM command not allowed"))
	res := h.do(t, ask{"POST", "/r/ops", asText, "hi", ann})
	body := read(t, res)
	if res.StatusCode != 503 || res.Header.Get("Retry-After") != "10" || !strings.Contains(body, "Whoever runs it can make room") || strings.Contains(body, "OOM") {
		t.Errorf("%s, Retry-After %q: %s", res.Status, res.Header.Get("Retry-After"), body)
	}
}
