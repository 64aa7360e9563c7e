//go:build cloud

package cloud_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"confab/shared/testenv"
)

// What a test adds to the compose file: a certificate, for no authority reaches
// this engine. In its place HOST gets one, see TestServerGetsItsCertificatesByItself.
const ownCertificate = `
services:
  confab:
    environment: {TLS_CERT: /certificate/cert.pem, TLS_KEY: /certificate/key.pem, HTTP_ADDR: ':80'}
    volumes: ['./certificate:/certificate:ro']
`

// A plain machine runs the compose file: HTTPS, a volume, a restart after a
// death, and a Redis beside it by its profile.
func TestComposeFileServesAMachine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const image = "confab:compose"
	output(t, nil, "make", "image", "IMAGE="+image)
	importRedis(t)
	if err := os.WriteFile(filepath.Join(dir, "own.yaml"), []byte(ownCertificate), 0o600); err != nil {
		t.Fatal(err)
	}
	file, _ := filepath.Abs(repository + "/functions/server/deploy/compose.yaml")
	copied := filepath.Join(dir, "compose.yaml") // paths of all files are seen from the first
	output(t, nil, "cp", file, copied)
	certificate := filepath.Join(dir, "certificate")
	output(t, nil, "mkdir", certificate)
	output(t, nil, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
		"-subj", "/CN=chat.example.org", "-addext", "subjectAltName=DNS:chat.example.org", "-keyout", certificate+"/key.pem", "-out", certificate+"/cert.pem")
	output(t, nil, "chmod", "-R", "a+rX", dir)
	c := &composed{t, []string{"HOST=chat.example.org", "IMAGE=" + image, "COMPOSE_PROJECT_NAME=confab"}, copied, certificate + "/cert.pem"}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.command(nil, "logs", "--no-color"))
		}
		c.command(nil, "down", "--volumes", "--timeout", "5")
	})

	c.run(nil, "up", "--detach")
	c.await()
	if head, _ := c.curl("--head", "http://chat.example.org/r/ops"); !strings.Contains(head, "308") || !strings.Contains(head, "https://chat.example.org/r/ops") {
		t.Errorf("plain HTTP is answered with\n%s", head)
	}
	for what, want := range map[string]string{".HostConfig.ReadonlyRootfs": "true", ".HostConfig.CapDrop": "[ALL]", ".Config.User": "65532"} {
		if got := c.of(what); !strings.HasPrefix(got, want) {
			t.Errorf("%s is %s, want %s", what, got, want)
		}
	}
	c.says("hello")
	output(t, nil, "kill", "-KILL", c.of(".State.Pid"))
	testenv.Await(t, "it is started again after its death", time.Minute, func() bool { return c.of(".RestartCount") == "1" && c.of(".State.Running") == "true" })
	c.await()
	c.run(nil, "down", "--timeout", "30")
	c.run(nil, "up", "--detach")
	c.await()
	if history := c.history(); !strings.Contains(history, "hello") {
		t.Errorf("after it was down it keeps %s", history)
	}

	redis := []string{"REDIS_URL=redis://redis:6379"}
	c.run(redis, "--profile", "redis", "up", "--detach")
	c.await()
	c.says("in Redis")
	if keys := output(t, nil, "docker", "exec", strings.TrimSpace(c.run(redis, "--profile", "redis", "ps", "--quiet", "redis")), "redis-cli", "--scan"); !strings.Contains(keys, "lobby") {
		t.Errorf("Redis has %q", keys)
	}
	c.run(redis, "--profile", "redis", "down", "--volumes", "--timeout", "30")
}

// importRedis makes the image that the compose file asks for of this machine's Redis.
func importRedis(t *testing.T) {
	t.Helper()
	root := t.TempDir()
	for _, program := range []string{"redis-server", "redis-cli"} {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Fatal(err)
		}
		libraries := strings.Fields(output(t, nil, "ldd", path))
		for _, library := range append(libraries, path) {
			if strings.HasPrefix(library, "/") {
				output(t, nil, "cp", "--dereference", "--parents", library, root)
			}
		}
	}
	output(t, nil, "mkdir", root+"/data")
	if err := docker.importFolder(root, "redis:7", "ENV PATH=/usr/bin:/bin", "WORKDIR /data"); err != nil {
		t.Fatal(err)
	}
}

// composed is what the compose file runs.
type composed struct {
	tb         testing.TB
	env        []string
	file, cert string
}

func (c *composed) run(env []string, args ...string) string {
	c.tb.Helper()
	out, err := c.command(env, args...)
	if err != nil {
		c.tb.Fatalf("docker-compose %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (c *composed) command(env []string, args ...string) (string, error) {
	files := []string{"--file", c.file, "--file", filepath.Join(filepath.Dir(c.file), "own.yaml")}
	out, err := command(context.WithoutCancel(c.tb.Context()), append(slices.Clone(c.env), env...), "docker-compose", append(files, args...)...).Output()
	return string(out), err
}

// of gives what the engine knows of the server's container.
func (c *composed) of(what string) string {
	c.tb.Helper()
	return strings.TrimSpace(output(c.tb, nil, "docker", "inspect", "--format", "{{"+what+"}}", strings.TrimSpace(c.run(nil, "ps", "--quiet", "confab"))))
}

func (c *composed) curl(args ...string) (string, error) {
	args = append([]string{"--silent", "--show-error", "--fail", "--max-time", "10", "--cacert", c.cert, "--connect-to", "::127.0.0.1:"}, args...)
	out, err := command(c.tb.Context(), nil, "curl", args...).CombinedOutput()
	return string(out), err
}

func (c *composed) await() {
	c.tb.Helper()
	testenv.Await(c.tb, "it answers by HTTPS", time.Minute, func() bool {
		_, err := c.curl("https://chat.example.org/readyz")
		return err == nil
	})
}

func (c *composed) says(line string) {
	c.tb.Helper()
	jar := filepath.Join(c.tb.TempDir(), "jar")
	for _, args := range [][]string{
		{"--cookie-jar", jar, "--data", "user=ann", "https://chat.example.org/login"},
		{"--cookie", jar, "--data", "text=" + line, "https://chat.example.org/r/lobby"},
	} {
		if out, err := c.curl(args...); err != nil {
			c.tb.Fatalf("%v: %v: %s", args, err, out)
		}
	}
}

func (c *composed) history() string {
	out, _ := c.curl("-H", "Accept: application/json", "https://chat.example.org/r/lobby")
	return out
}
