//go:build cloud

// Package cloud_test runs what make deploy, make local and make image run: the
// real SAM CLI, the real AWS CLI and a real Docker engine. Only AWS itself is a
// double, moto's. make test-cloud installs what it needs.
//
// The engine lives in a network namespace of its own, with all that talks to
// its containers, so that neither its bridge nor its ports meet the machine's.
// A browser stays outside, where no interface comes and goes: Chromium aborts
// its requests when one does. It gets in by a forwarded port.
package cloud_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// cli has the programs of requirements.txt.
var cli = flag.String("cli", "", "folder of sam, aws, cfn-lint and moto_server")

// docker is the one engine of all tests.
var docker *engine

const repository = "../../../.."

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "cloud:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if *cli == "" {
		return 1, fmt.Errorf("run it by make test-cloud, which installs what it needs")
	}
	if docker, err = startEngine(); err != nil {
		return 1, err
	}
	defer func() { err = docker.stop() }()
	return m.Run(), nil
}

// command runs in the repository and in the engine's network namespace.
func command(ctx context.Context, env []string, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"--net=" + docker.namespace(), name}, args...)...)
	cmd.Dir, _ = filepath.Abs(repository)
	cmd.Env = append(os.Environ(), "PATH="+*cli+":"+os.Getenv("PATH"), "DOCKER_HOST="+docker.socket(),
		"SAM_CLI_TELEMETRY=0", "SAM_SKIP_PULL_IMAGE=1", "MAKEFLAGS=")
	cmd.Env = append(cmd.Env, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) } // Ctrl-C is for all of them
	cmd.WaitDelay = 30 * time.Second
	return cmd
}

// output runs a command to its end, which must be a good one.
func output(tb testing.TB, env []string, name string, args ...string) string {
	tb.Helper()
	out, err := command(tb.Context(), env, name, args...).CombinedOutput()
	if err != nil {
		tb.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
