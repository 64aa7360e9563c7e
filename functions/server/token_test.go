package main

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"confab/shared/app"
	"confab/shared/chat"
	"confab/shared/testenv"
	"confab/shared/web"
)

// A token that is made beside a running server is one of its sessions.
func TestTokenIsOneOfTheServersSessions(t *testing.T) {
	t.Setenv("DATA_DIR", t.TempDir())
	if out, failed, code := ask(t, "token", "--operator"); code != exitFailed || out != "" || !strings.Contains(failed, "DATA_DIR") {
		t.Errorf("without a server's key: exit %d, %q, %q", code, out, failed)
	}
	server := serverHere(t)
	tokensAreTaken(t, server)
	for _, args := range [][]string{{"now"}, {"-days", "0"}, {"-name", "  "}, {"-admin"}, {}} {
		if _, failed, code := ask(t, append([]string{"token"}, args...)...); code != exitUsage || strings.Count(failed, "\n") != 1 {
			t.Errorf("token %v: exit %d, %q", args, code, failed)
		}
	}
}

// Servers that share a Redis share their key through it. It is known on another
// machine too, which has no folder of theirs.
func TestTokenIsASessionOfServersThatShareARedis(t *testing.T) {
	t.Setenv("REDIS_URL", startRedis(t))
	t.Setenv("DATA_DIR", t.TempDir())
	server := serverHere(t)
	t.Setenv("DATA_DIR", t.TempDir())
	tokensAreTaken(t, server)
}

// serverHere is the server of this environment.
func serverHere(t *testing.T) http.Handler {
	t.Helper()
	cfg, err := app.FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), cfg, slog.New(slog.DiscardHandler), app.Parts{Store: engine(cfg)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a.Handler(web.Login(web.Ways{}))
}

// tokensAreTaken makes tokens and shows them to a server.
func tokensAreTaken(t *testing.T, server http.Handler) {
	t.Helper()
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
}

func startRedis(t *testing.T) (url string) {
	t.Helper()
	addr := testenv.FreeAddr(t)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(testenv.RedisServer(t), "--port", port, "--bind", host, "--save", "", "--dir", t.TempDir())
	testenv.EndsWithTest(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return "redis://" + addr // which is waited for by whoever opens it
}
