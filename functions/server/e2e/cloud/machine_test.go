//go:build cloud

package cloud_test

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"confab/shared/testenv"
)

// A machine is a Debian with a systemd that runs, in a container of its own.
type machine struct {
	tb     testing.TB
	root   string
	leader string // the process that is number 1 in it
}

// debian makes the files of one, in which nothing runs yet.
func debian(t *testing.T, root string) {
	t.Helper()
	outside(t, "debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus", "bookworm", root)
}

// boot starts it, and waits until all its services are up.
func boot(t *testing.T, root string) *machine {
	t.Helper()
	nspawn := exec.Command("systemd-nspawn", "--register=no", "--keep-unit", "--boot", "--quiet", "--private-network", "--console=pipe", "-D", root)
	if err := nspawn.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- nspawn.Wait() }()
	t.Cleanup(func() {
		_ = nspawn.Process.Signal(syscall.SIGTERM) // shuts it down
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			t.Error("the machine does not shut down")
			_ = nspawn.Process.Kill()
			<-ended
		}
	})
	m := &machine{tb: t, root: root}
	var state string
	if !testenv.Holds(2*time.Minute, func() bool {
		children, _ := exec.Command("pgrep", "-P", strconv.Itoa(nspawn.Process.Pid)).Output() // at first another one, for a moment
		m.leader, _, _ = strings.Cut(string(children), "\n")
		out, err := m.command("systemctl", "is-system-running").CombinedOutput()
		state = fmt.Sprint(strings.TrimSpace(string(out)), " ", err)
		return strings.HasPrefix(state, "running") || strings.HasPrefix(state, "degraded")
	}) {
		t.Fatalf("the machine does not start: %s", state)
	}
	return m
}

// command runs inside.
func (m *machine) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(m.tb.Context(), "nsenter", append([]string{"--target", m.leader, "--all", "--wd=/"}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive"}
	return cmd
}

// run runs inside, to a good end.
func (m *machine) run(args ...string) string {
	m.tb.Helper()
	out, err := m.command(args...).CombinedOutput()
	if err != nil {
		m.tb.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// curl runs out here, for the machine has none, in its network.
func (m *machine) curl(args ...string) (string, error) {
	out, err := exec.CommandContext(m.tb.Context(), "nsenter", append([]string{"--target", m.leader, "--net", "curl", "--silent", "--show-error", "--fail", "--max-time", "10"}, args...)...).CombinedOutput()
	return string(out), err
}

// of gives a property of the service.
func (m *machine) of(property string) string {
	m.tb.Helper()
	return m.run("systemctl", "show", "--value", "--property", property, "confab")
}
