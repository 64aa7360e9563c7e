//go:build cloud

package cloud_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"confab/shared/testenv"
)

// outside runs a command of the repository where the network is.
func outside(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, _ = filepath.Abs(repository)
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestPackageIsInstalledRunUpgradedAndRemoved(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"1.0.0", "1.0.1"} {
		outside(t, "make", "deb", "VERSION="+version)
	}
	root := filepath.Join(t.TempDir(), "debian")
	debian(t, root)
	architecture := strings.TrimSpace(outside(t, "chroot", root, "dpkg", "--print-architecture"))
	file := func(version string) string { return "/confab_" + version + "_" + architecture + ".deb" }
	for _, version := range []string{"1.0.0", "1.0.1"} {
		outside(t, "cp", "build"+file(version), root+file(version))
	}
	outside(t, "chroot", root, "dpkg", "--install", file("1.0.0")) // no systemd runs there, as in a container
	if said := outside(t, "chroot", root, "confab", "help"); !strings.Contains(said, "serve") {
		t.Errorf("confab help says %s", said)
	}
	unitIsSound(t, root)
	outside(t, "chroot", root, "dpkg", "--purge", "confab")

	m := boot(t, root)
	m.run("dpkg", "--install", file("1.0.0"))
	m.isUp("after the installation")
	if user := m.run("stat", "--format", "%u", "/proc/"+m.of("MainPID")); user == "0" {
		t.Error("it runs as root")
	}
	m.says("hello")
	m.run("systemctl", "kill", "--kill-whom=main", "--signal", "KILL", "confab")
	testenv.Await(t, "it is started again after its death", 30*time.Second, func() bool { return m.of("NRestarts") == "1" && m.of("ActiveState") == "active" })
	m.isUp("after its death")

	settings := filepath.Join(root, "etc/confab/confab.env")
	if err := os.WriteFile(settings, []byte("ADDR=127.0.0.1:9000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := m.of("MainPID")
	m.run("dpkg", "--install", file("1.0.1"))
	if kept, err := os.ReadFile(settings); string(kept) != "ADDR=127.0.0.1:9000\n" {
		t.Errorf("an upgrade left the settings %q, %v", kept, err)
	}
	if m.of("MainPID") == before {
		t.Error("after the upgrade the old program runs on")
	}
	if history, err := m.curl("-H", "Accept: application/json", "http://127.0.0.1:9000/r/lobby"); err != nil || !strings.Contains(history, "hello") {
		t.Errorf("after the upgrade it keeps %s, %v", history, err)
	}
	m.run("systemctl", "stop", "confab")
	if result := m.of("Result"); result != "success" {
		t.Errorf("it was stopped with %s", result)
	}
	m.run("systemctl", "start", "confab")

	m.run("dpkg", "--remove", "confab")
	if state, _ := m.command("systemctl", "is-active", "confab").Output(); strings.TrimSpace(string(state)) == "active" {
		t.Error("it runs on after a remove")
	}
	m.has("/usr/bin/confab", false, "after a remove")
	m.has("/etc/confab/confab.env", true, "after a remove")
	m.has("/var/lib/private/confab", true, "after a remove")
	m.run("dpkg", "--purge", "confab")
	m.has("/etc/confab/confab.env", false, "after a purge")
	m.has("/var/lib/private/confab", false, "after a purge")
}

// unitIsSound holds the unit to what systemd says of it without running it.
func unitIsSound(t *testing.T, root string) {
	t.Helper()
	unit := filepath.Join(root, "lib/systemd/system/confab.service")
	text, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	here := filepath.Join(t.TempDir(), "confab.service") // with the program where it is, seen from this machine
	if err := os.WriteFile(here, []byte(strings.ReplaceAll(string(text), "ExecStart=/", "ExecStart="+root+"/")), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := outside(t, "systemd-analyze", "verify", here); strings.TrimSpace(said) != "" {
		t.Errorf("systemd-analyze verify says %s", said)
	}
	outside(t, "systemd-analyze", "security", "--offline=true", "--threshold=20", unit) // of 100, less is safer
}

// isUp wants the service up and answering: it is up only once it has told systemd so.
func (m *machine) isUp(when string) {
	m.tb.Helper()
	if state := m.of("ActiveState"); state != "active" {
		m.tb.Fatalf("%s it is %s:\n%s", when, state, m.run("journalctl", "--unit", "confab", "--no-pager"))
	}
	if answer, err := m.curl("http://127.0.0.1:8080/readyz"); err != nil {
		m.tb.Fatalf("%s it is not ready: %v: %s", when, err, answer)
	}
}

func (m *machine) says(line string) {
	m.tb.Helper()
	jar := filepath.Join(m.tb.TempDir(), "jar")
	for _, args := range [][]string{
		{"--cookie-jar", jar, "--data", "user=ann", "http://127.0.0.1:8080/login"},
		{"--cookie", jar, "--data", "text=" + line, "http://127.0.0.1:8080/r/lobby"},
	} {
		if out, err := m.curl(args...); err != nil {
			m.tb.Fatalf("%v: %v: %s", args, err, out)
		}
	}
}

func (m *machine) has(path string, want bool, when string) {
	m.tb.Helper()
	if got := m.command("test", "-e", path).Run() == nil; got != want {
		m.tb.Errorf("%s %s is there: %t", when, path, got)
	}
}
