package web_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRequestHasOneNameInAnswerAndLog(t *testing.T) {
	h := open(t, nil)
	for _, tt := range []struct {
		from, id string
		kept     bool
	}{
		{"10.0.0.1:7", "Root=1-67891233-abcdef012345678912345678", true},
		{"192.0.2.1:7", "made-up-by-a-stranger", false},
		{"10.0.0.1:7", "a b", false},
		{"10.0.0.1:7", "a\" status=200", false},
		{"10.0.0.1:7", strings.Repeat("a", 129), false},
		{"10.0.0.1:7", "", false},
	} {
		h.log.Reset()
		r := httptest.NewRequest("GET", "/nowhere", nil)
		r.RemoteAddr = tt.from
		r.Header.Set("X-Request-Id", tt.id)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := w.Header().Get("X-Request-Id")
		if got == "" || (got == tt.id) != tt.kept {
			t.Errorf("%q from %s became %q", tt.id, tt.from, got)
		}
		if log := h.log.String(); !strings.Contains(log, "request="+got) && !strings.Contains(log, `request="`+got+`"`) {
			t.Errorf("%s is not in the log: %s", got, log)
		}
	}
}

// What a request carries is for its handler and nobody else, also when the
// rooms fail.
func TestLogHoldsNothingThatARequestCarries(t *testing.T) {
	const secret = "hush7f3a"
	for _, failure := range []error{nil, errors.New("the rooms broke")} {
		h := open(t, nil)
		h.tape.err = failure
		head := "Cookie: session=" + secret + "\nX-Api-Key: " + secret + "\nIdempotency-Key: " + secret + "\nUser-Agent: " + secret +
			"\nReferer: https://x/" + secret + "\nLast-Event-ID: " + secret + "\n"
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
			for _, path := range []string{"/", "/login", "/post", "/rooms", "/r/lobby", "/r/lobby/1-0", "/r/lobby/people", "/r/lobby/typing", "/r/lobby/1-0/reactions/x", "/nowhere"} {
				for _, kind := range []string{asJSON, asForm, asText, "Content-Type: " + secret + "/" + secret, "Content-Type: multipart/form-data; boundary=" + secret} {
					for _, auth := range []string{"", "Authorization: Bearer " + secret + "\n", "Authorization: Basic " + secret + "\n"} {
						body := `{"text":"` + secret + `","title":"` + secret + `","name":"` + secret + `"`
						h.do(t, ask{method: method, target: path + "?token=" + secret + "&after=" + secret + "&room=" + secret + "%20", head: head + auth + kind, body: body}).Body.Close()
						h.do(t, ask{method: method, target: path, head: kind, body: body + "}", as: ann}).Body.Close()
					}
				}
			}
		}
		log := h.log.String()
		if !strings.Contains(log, "request refused") {
			t.Error("nothing was logged at all")
		}
		token, _, _ := strings.Cut(h.token(t, ann), ".")
		for _, s := range []string{secret, token, string(key), "Bearer", "session="} {
			if at := strings.Index(log, s); at >= 0 {
				t.Errorf("with %v the log holds %q: …%s…", failure, s, log[max(0, at-200):at+len(s)])
			}
		}
	}
}

func TestLogTellsWhoComesInAndWhoIsRefused(t *testing.T) {
	h := open(t, nil)
	h.do(t, ask{"POST", "/login", asForm, "user=carl", nobody}).Body.Close()
	if log := h.log.String(); !strings.Contains(log, `msg="signed in" user=u_`) || strings.Contains(log, "carl") {
		t.Errorf("a login is logged as %q", log)
	}
	event := h.say(t, ann, "ops", "mine")
	h.log.Reset()
	h.do(t, ask{"DELETE", "/r/ops/" + event.ID.String(), "", "", bob}).Body.Close()
	h.do(t, ask{"POST", "/r/ops", asText, "hi", nobody}).Body.Close()
	h.do(t, ask{"POST", "/login", asForm, "user=%00", nobody}).Body.Close()
	for _, want := range []string{"status=403", "status=401", "status=422", "client=192.0.2.1"} {
		if log := h.log.String(); !strings.Contains(log, want) {
			t.Errorf("no %s in %s", want, log)
		}
	}
}

func TestNothingStartsALineOfTheLog(t *testing.T) {
	h := open(t, nil)
	for _, path := range []string{"/a%0Atime=x%20level=ERROR%20msg=forged", "/a%0D%0Alevel=ERROR", "/a%E2%80%A8level=ERROR", "/a%1B[2Jlevel=ERROR"} {
		h.log.Reset()
		h.do(t, ask{"GET", path, "", "", nobody}).Body.Close()
		if log := h.log.String(); strings.Count(log, "\n") != 1 || strings.ContainsAny(log, "\r\x1b\u2028") {
			t.Errorf("%s is logged as %q", path, log)
		}
	}
}
