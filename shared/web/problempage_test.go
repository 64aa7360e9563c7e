package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestProblemIsAPageForWhoNavigates(t *testing.T) {
	h := open(t, nil)
	for _, tt := range []struct{ accept, wantType, want string }{
		{"text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8", "<h1 class=\"login__title\">There is nothing here</h1>"},
		{"*/*", "application/problem+json", `"status":404`},
		{"application/json", "application/problem+json", `"status":404`},
		{"", "application/problem+json", `"status":404`},
	} {
		r := httptest.NewRequest("GET", "/r/%3Cscript%3Ealert(1)%3C%2Fscript%3E", nil)
		r.Header.Set("Accept", tt.accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusNotFound || w.Header().Get("Content-Type") != tt.wantType || !strings.Contains(w.Body.String(), tt.want) || strings.Contains(w.Body.String(), "<script") {
			t.Errorf("Accept %q: %d %s %s", tt.accept, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
	}
}
