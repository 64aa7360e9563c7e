package httpserver_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"confab/public"
	"confab/shared/app"
	"confab/shared/store/bolt"
	"confab/shared/store/redis"
	"confab/shared/testenv"
)

// The whole server, its log as loud as it goes.
func TestLoudestLogHoldsNoSecret(t *testing.T) {
	const secret = "hush7f3a"
	var log testenv.Output
	addr, stop := start(t, &log)
	url := "http://" + addr
	res, err := http.Post(url+"/login", "application/json", strings.NewReader(`{"name":"ann `+secret+`","token":true}`))
	if err != nil {
		t.Fatal(err)
	}
	var in struct{ Token string }
	if err := json.NewDecoder(res.Body).Decode(&in); err != nil || in.Token == "" {
		t.Fatal(res.Status, err)
	}
	for _, token := range []string{in.Token, in.Token + "x", secret} {
		for range 15 { // over the limit of posts too
			req, _ := http.NewRequest("POST", url+"/r/lobby?key="+secret, strings.NewReader(secret))
			req.Header.Set("Content-Type", "text/plain")
			req.Header.Set("Authorization", "Bearer "+token)
			req.Header.Set("Idempotency-Key", secret)
			req.AddCookie(&http.Cookie{Name: "session", Value: token})
			if res, err := http.DefaultClient.Do(req); err == nil {
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
		}
	}
	for _, raw := range []string{ // what the HTTP server itself refuses, and logs
		"GET /?" + secret + " HTTP/9.9\r\n\r\n",
		secret + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\n" + secret + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nCookie: session=" + secret + "\x00\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + secret + "\r\n\r\n",
		"POST /r/lobby HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 99\r\n\r\n" + secret,
	} {
		conn := dial(t, addr)
		io.WriteString(conn, raw)
		conn.Close()
	}
	stop()
	for _, s := range append(strings.Split(in.Token, "."), secret) {
		if at := strings.Index(log.String(), s); at >= 0 {
			t.Errorf("the log holds %q: …%s", s, log.String()[max(0, at-200):at])
		}
	}
}

func TestKeysAndPasswordsAreNotLogged(t *testing.T) {
	const secret = "hush7f3a-and-long-enough-for-a-key"
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	dir := t.TempDir()
	cfg := app.Config{DataDir: dir, Guests: "read", Durability: "primary", SessionKeys: []string{secret}}
	a, err := app.Open(t.Context(), cfg, logger, app.Parts{Store: bolt.Open, Site: public.Files})
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	cfg.SessionKeys = nil
	if a, err = app.Open(t.Context(), cfg, logger, app.Parts{Store: bolt.Open, Site: public.Files}); err != nil {
		t.Fatal(err)
	}
	a.Close()
	made, err := os.ReadFile(filepath.Join(dir, "session.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"redis://u:%s@127.0.0.1:1", "rediss://u:%s@127.0.0.1:1", "redis://u:%s@127.0.0.1:1?cluster=true", "redis://u:%s@127.0.0.1:1?no=such", "redis://u:%s@127.0.0.1:x", "%s"} {
		cfg.RedisURL = fmt.Sprintf(url, secret)
		if _, err := app.Open(t.Context(), cfg, logger, app.Parts{Store: redis.Open, Site: public.Files}); err == nil {
			t.Errorf("%s was opened", url)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("the error tells the password: %v", err)
		}
	}
	for _, s := range []string{secret, string(made)} {
		if strings.Contains(log.String(), s) {
			t.Errorf("the log holds a key or a password:\n%s", &log)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "session.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v", info.Mode(), err)
	}
}
