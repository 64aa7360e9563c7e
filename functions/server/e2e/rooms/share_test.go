package rooms_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"confab/functions/server/e2e/internal/process"
	"confab/functions/server/e2e/internal/redistest"
)

// However many names somebody takes, three quarters of a room stay what others
// said, and somebody with one line to say feels nothing.
func TestOneAddressFillsAQuarterOfARoom(t *testing.T) {
	t.Parallel()
	const history = 400
	for engine, env := range map[string]func() []string{
		"built-in": func() []string { return nil },
		"Redis":    func() []string { return []string{"REDIS_URL=" + redistest.Start(t)} },
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			s := process.Start(t, append(env(), fmt.Sprint("HISTORY=", history), "POSTS_PER_DAY=", "LOGIN_BURST=0")...)
			bob := s.Login("bob")
			if code, _, err := s.Post(bob, "lobby", "bob was here first", ""); code != http.StatusCreated || err != nil {
				t.Fatal(code, err)
			}
			taken := 0
			var refusal string
			for name := range 16 { // each may say ten at once
				flooder := s.Login(fmt.Sprint("flooder", name))
				for range 10 {
					res, err := flooder.Post(s.URL+"/r/lobby", "text/plain", strings.NewReader("flood"))
					if err != nil {
						t.Fatal(err)
					}
					body, _ := io.ReadAll(res.Body)
					res.Body.Close()
					switch {
					case res.StatusCode == http.StatusCreated:
						taken++
					case res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "":
						t.Fatalf("%s, Retry-After %q: %s", res.Status, res.Header.Get("Retry-After"), body)
					default:
						refusal = string(body)
					}
				}
			}
			if taken < history/4 || taken > history/4+1 {
				t.Errorf("%d lines of one address were taken, want %d", taken, history/4)
			}
			if !strings.Contains(refusal, "network in this room today") {
				t.Errorf("refused with %s", refusal)
			}
			if code, _, err := s.Post(bob, "lobby", "bob goes on", ""); code != http.StatusCreated || err != nil {
				t.Error(code, err)
			}
		})
	}
}
