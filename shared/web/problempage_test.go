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

func TestProblemPageSpeaksChinese(t *testing.T) {
	h := open(t, nil)
	for language, want := range map[string]string{"zh-CN,zh;q=0.9,en;q=0.8": "这里什么也没有", "en-GB,zh;q=0.5": "There is nothing here", "": "There is nothing here"} {
		r := httptest.NewRequest("GET", "/r/NO", nil)
		r.Header.Set("Accept", "text/html")
		r.Header.Set("Accept-Language", language)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if !strings.Contains(w.Body.String(), want) || !strings.Contains(strings.Join(w.Header().Values("Vary"), ","), "Accept-Language") {
			t.Errorf("Accept-Language %q: %q, Vary %q", language, w.Body, w.Header().Values("Vary"))
		}
	}
}
