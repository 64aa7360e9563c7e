package functions_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"confab/functions/internal/lambdatest"
	"confab/shared/sse"
	"confab/shared/testenv"
)

// An emulated cloud runs the functions under AWS's own emulator of the Runtime
// API, as sam local does: each request in a process of its own, whose answer
// the front door gets when it is whole.
type emulated struct {
	tb      testing.TB
	streams lambdatest.Door // of the stream function
	env     []string
}

var emulator = sync.OnceValues(func() (string, error) {
	path, err := exec.Command("go", "tool", "-n", "aws-lambda-rie").Output()
	return strings.TrimSpace(string(path)), err
})

func (e emulated) RoundTrip(r *http.Request) (*http.Response, error) {
	name, door := answers(r), lambdatest.REST
	if name == "stream" {
		door = e.streams
	}
	event, err := door.Event(r)
	if err != nil {
		return nil, err
	}
	answer, err := e.invoke(name, local(event))
	if err != nil {
		return nil, err
	}
	return door.Answer(r, io.NopCloser(bytes.NewReader(answer)))
}

// local makes of a REST API's event what sam local sends: null for what is
// empty, a version, and no TLS.
func local(event []byte) []byte {
	var e map[string]any
	_ = json.Unmarshal(event, &e) // lambdatest made it
	for key, value := range e {
		if m, ok := value.(map[string]any); value == "" || ok && len(m) == 0 {
			e[key] = nil
		}
	}
	e["version"] = "1.0"
	e["headers"].(map[string]any)["X-Forwarded-Proto"] = "http"
	e["multiValueHeaders"].(map[string]any)["X-Forwarded-Proto"] = []string{"http"}
	event, _ = json.Marshal(e)
	return event
}

// invoke starts a function, gives it one event and ends it.
func (e emulated) invoke(name string, event []byte) ([]byte, error) {
	path, err := emulator()
	if err != nil {
		return nil, err
	}
	front := testenv.FreeAddr(e.tb)
	cmd := exec.Command(path, "--log-level", "error",
		"--runtime-interface-emulator-address", front, "--runtime-api-address", testenv.FreeAddr(e.tb), bootstrap(e.tb, name))
	cmd.Env = append([]string{"AWS_LAMBDA_FUNCTION_TIMEOUT=60", "_HANDLER=bootstrap"}, e.env...)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer func() {
		cmd.Process.Kill() // the function ends when it finds nobody to ask for work
		cmd.Wait()
	}()
	url := "http://" + front + "/2015-03-31/functions/function/invocations"
	for late := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) { // until it listens
		res, err := http.Post(url, jason, bytes.NewReader(event))
		if errors.Is(err, syscall.ECONNREFUSED) && time.Now().Before(late) {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		return io.ReadAll(res.Body)
	}
}

func TestFunctionsChatUnderTheEmulatorOfSAMLocal(t *testing.T) {
	t.Parallel()
	e := emulated{t, lambdatest.REST, []string{sessionKeys, "REDIS_URL=" + startRedis(t).url(), "AWS_SAM_LOCAL=true"}}
	ann := newBrowser(t, e, "https://chat").come("ann")
	chatInTurns(t, ann, newBrowser(t, e, "https://chat"))
	if res, page := ann.do("GET", "/", "", ""); res.StatusCode != 200 || !strings.Contains(page, "<title>") {
		t.Errorf("page: %d %s", res.StatusCode, page)
	}
	if _, body := ann.do("GET", "/login", "", "", "Accept", jason); !strings.Contains(body, `"transports":["longpoll"]`) {
		t.Errorf("GET /login names other transports than the one that there is: %s", body)
	}
	if res, body := ann.do("POST", "/r/lobby", jason, `{"text":""}`); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("nothing was said: %d %s", res.StatusCode, body)
	}
}

// AWS's Runtime API takes what we stream, prelude and trailers too.
func TestEmulatorTakesStreams(t *testing.T) {
	t.Parallel()
	e := emulated{t, lambdatest.RESTStream, []string{sessionKeys, "REDIS_URL=" + startRedis(t).url(), "STREAM_SECONDS=1"}}
	id := newBrowser(t, e, "https://chat").come("ann").say("lobby", "before")
	var names []string
	var heard []event
	for b := range newBrowser(t, e, "https://chat").listen(t.Context(), "/stream", "0-0") {
		if b.Type == sse.Message {
			heard = append(heard, b.event(t))
		}
		names = append(names, b.Type)
	}
	if len(heard) != 1 || heard[0].ID != id || !slices.Contains(names, "bye") {
		t.Errorf("heard %v in blocks %q", heard, names)
	}
}
