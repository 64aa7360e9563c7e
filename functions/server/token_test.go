package main

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"confab/shared/app"
	"confab/shared/chat"
	"confab/shared/web"
)

// A token that is made beside a running server is one of its sessions.
func TestTokenIsOneOfTheServersSessions(t *testing.T) {
	t.Setenv("DATA_DIR", t.TempDir())
	if out, failed, code := ask(t, "token", "--operator"); code != exitFailed || out != "" || !strings.Contains(failed, "DATA_DIR") {
		t.Errorf("without a server's key: exit %d, %q, %q", code, out, failed)
	}
	cfg, err := app.FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), cfg, slog.New(slog.DiscardHandler), app.Parts{Store: engine(cfg)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	server := a.Handler(web.Login(web.Ways{}))
	for _, tt := range []struct {
		args     []string
		name     string
		operator bool
	}{
		{[]string{"--operator"}, "Operator", true},
		{[]string{"-operator", "-name", "Ada", "-days", "1"}, "Ada", true},
		{[]string{"-name", "Robot"}, "Robot", false},
	} {
		out, failed, code := ask(t, append([]string{"token"}, tt.args...)...)
		if code != 0 || strings.Contains(failed, strings.TrimSpace(out)) {
			t.Fatalf("token %v: exit %d, %q, %q", tt.args, code, out, failed)
		}
		r := httptest.NewRequest("GET", "/login", nil)
		r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(out))
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		got := w.Body.String()
		if !strings.Contains(got, `"name":`+string(chat.JSON(tt.name))) || strings.Contains(got, `"operator":true`) != tt.operator {
			t.Errorf("token %v: the server says %s", tt.args, got)
		}
	}
	for _, args := range [][]string{{"now"}, {"-days", "0"}, {"-name", "  "}, {"-admin"}, {}} {
		if _, failed, code := ask(t, append([]string{"token"}, args...)...); code != exitUsage || strings.Count(failed, "\n") != 1 {
			t.Errorf("token %v: exit %d, %q", args, code, failed)
		}
	}
}
