//go:build cloud

package cloud_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
	outside(t, "debootstrap", "--variant=minbase", "bookworm", root)
	architecture := strings.TrimSpace(outside(t, "chroot", root, "dpkg", "--print-architecture"))
	install := func(version string) {
		t.Helper()
		name := "confab_" + version + "_" + architecture + ".deb"
		outside(t, "cp", "build/"+name, root+"/"+name)
		outside(t, "chroot", root, "dpkg", "--install", "/"+name)
	}
	install("1.0.0")
	if said := outside(t, "chroot", root, "confab", "help"); !strings.Contains(said, "serve") {
		t.Errorf("confab help says %s", said)
	}
	settings := filepath.Join(root, "etc/confab/confab.env")
	if err := os.WriteFile(settings, []byte("ADDR=:9000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	install("1.0.1")
	if kept, err := os.ReadFile(settings); string(kept) != "ADDR=:9000\n" {
		t.Errorf("an upgrade left the settings %q, %v", kept, err)
	}
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
	outside(t, "chroot", root, "dpkg", "--remove", "confab")
	if _, err := os.Stat(filepath.Join(root, "usr/bin/confab")); err == nil {
		t.Error("the program is left after a remove")
	}
	if _, err := os.Stat(settings); err != nil {
		t.Errorf("a remove takes the settings, too: %v", err)
	}
	outside(t, "chroot", root, "dpkg", "--purge", "confab")
	if _, err := os.Stat(settings); err == nil {
		t.Error("the settings are left after a purge")
	}
}
