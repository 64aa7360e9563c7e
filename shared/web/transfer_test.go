package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"confab/shared/chat"
)

func TestTransferSignsAnotherDeviceInOnceAsTheSameUser(t *testing.T) {
	h := open(t, nil)
	refused(t, h.do(t, ask{"POST", "/me/transfer", "", "", nobody}), 401, "Say your name first")
	res := h.do(t, ask{"POST", "/me/transfer", "", "", ann})
	var made struct {
		Link, QR string
		Seconds  int
	}
	if err := json.Unmarshal([]byte(read(t, res)), &made); err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res.Status, err)
	}
	address, code, _ := strings.Cut(made.Link, "/#transfer=")
	if !strings.HasPrefix(address, "http") || len(code) < 26 || !strings.HasPrefix(made.QR, "<svg ") || made.Seconds != 120 {
		t.Errorf("made %+v", made)
	}
	login := func() *http.Response {
		return h.do(t, ask{"POST", "/login", asJSON, `{"transfer":"` + code + `"}`, nobody})
	}
	res = login()
	var in struct{ User chat.User }
	if err := json.Unmarshal([]byte(read(t, res)), &in); err != nil || res.StatusCode != http.StatusOK || in.User != ann || len(res.Cookies()) != 1 {
		t.Errorf("the other device: %s, %v, %v", res.Status, in.User, err)
	}
	refused(t, login(), 401, "used already")
	refused(t, h.do(t, ask{"POST", "/login", asJSON, `{"transfer":"made-up"}`, nobody}), 401, "used already")
	if log := h.log.String(); strings.Contains(log, code) || strings.Contains(log, made.Link) {
		t.Errorf("the code is in the log: %s", log)
	}
}
