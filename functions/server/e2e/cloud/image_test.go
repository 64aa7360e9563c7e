//go:build cloud

package cloud_test

import (
	"strings"
	"testing"
	"time"

	"confab/shared/testenv"
)

// make image needs no BuildKit, which Debian's Docker does not have, and runs
// where next to nothing is allowed.
func TestImageRunsWithoutRights(t *testing.T) {
	t.Parallel()
	output(t, nil, "make", "image", "IMAGE=confab:test")
	for tag, want := range map[string]string{"confab:test-amd64": "amd64", "confab:test-arm64": "arm64"} {
		if got := strings.TrimSpace(output(t, nil, "docker", "image", "inspect", "-f", "{{.Architecture}}", tag)); got != want {
			t.Errorf("%s is for %s", tag, got)
		}
	}
	id := strings.TrimSpace(output(t, nil, "docker", "run", "--detach", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
		"-m", "64m", "--publish", "127.0.0.1:8080:8080", "--volume", "confab:/data", "confab:test"))
	t.Cleanup(func() { _ = docker.docker(nil, "rm", "--force", "--volumes", id) })
	base := "http://127.0.0.1:8080"
	output(t, nil, "curl", "--silent", "--fail", "--retry", "20", "--retry-all-errors", "--retry-delay", "1", base+"/readyz")
	jar := t.TempDir() + "/jar"
	output(t, nil, "curl", "--silent", "--fail", "--cookie-jar", jar, "--data", "user=ann", base+"/login")
	output(t, nil, "curl", "--silent", "--fail", "--cookie", jar, "--data", "text=hello", base+"/r/lobby")
	listener := start(t, nil, "curl", "--silent", "--no-buffer", base+"/stream?last_event_id=0-0")
	testenv.Await(t, "the listener hears the line", 20*time.Second, func() bool { return strings.Contains(listener.log.String(), `"text":"hello"`) })
	output(t, nil, "docker", "stop", id)
	if code := strings.TrimSpace(output(t, nil, "docker", "inspect", "-f", "{{.State.ExitCode}}", id)); code != "0" {
		t.Errorf("docker stop ended it with code %s:\n%s", code, output(t, nil, "docker", "logs", id))
	}
	if heard := listener.log.String(); !strings.Contains(heard, "event: bye") {
		t.Errorf("no bye to the listener: %s", heard)
	}
	output(t, nil, "docker", "start", id)
	output(t, nil, "curl", "--silent", "--fail", "--retry", "20", "--retry-all-errors", "--retry-delay", "1", base+"/readyz")
	if history := output(t, nil, "curl", "--silent", "-H", "Accept: application/json", base+"/r/lobby"); !strings.Contains(history, "hello") {
		t.Errorf("after a restart it keeps %s", history)
	}
}
