package proxies_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"
	"confab/shared/testenv"
)

// An installed proxy is one of the system's packages, or was built.
type installed struct {
	program string
	conf    string // its name in the folder, if it has one
	args    []string
}

// In the texts, ADDR is where the proxy listens, PORT its port, UP the address
// of the server, UPPORT its port, and DIR a folder of the proxy's own.
var (
	nginx   = installed{"nginx", "nginx.conf", []string{"-p", "DIR", "-c", "DIR/nginx.conf", "-e", "DIR/error.log"}}
	apache  = installed{"apache2", "apache.conf", []string{"-X", "-f", "DIR/apache.conf"}}
	haproxy = installed{"haproxy", "haproxy.cfg", []string{"-f", "DIR/haproxy.cfg"}}
	varnish = installed{"varnishd", "default.vcl", []string{"-F", "-j", "none", "-n", "DIR/run", "-a", "ADDR", "-f", "DIR/default.vcl", "-s", "malloc,16m"}}
	caddy   = installed{"caddy", "Caddyfile", []string{"run", "--adapter", "caddyfile", "--config", "DIR/Caddyfile"}}
	squid   = installed{"squid", "squid.conf", []string{"-N", "-f", "DIR/squid.conf"}}
)

// The Caddy that is built where none is installed.
const caddyModule = "github.com/caddyserver/caddy/v2/cmd/caddy@v2.11.9"

// buildCaddy builds it once, into a folder that is kept from run to run.
var buildCaddy = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "confab", filepath.Base(caddyModule))
	program := filepath.Join(dir, "caddy")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	cmd := exec.Command("go", "install", caddyModule)
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go install %s: %w\n%s", caddyModule, err, out)
	}
	return program, nil
})

// find returns the program. Caddy is no package of Debian's.
func (p installed) find(tb testing.TB) string {
	tb.Helper()
	if p.program != "caddy" {
		return testenv.Need(tb, p.program)
	}
	program, err := buildCaddy()
	if err == nil {
		return program
	}
	if os.Getenv("CI") != "" {
		tb.Fatal(err)
	}
	tb.Skip(err)
	return ""
}

// start runs a proxy in front of a server and returns its address, and the
// file of the authority that signed for cert, the name in its certificate.
func (p installed) start(tb testing.TB, s *process.Server, conf, cert string) (addr, authority string) {
	tb.Helper()
	program := p.find(tb)
	dir, err := os.MkdirTemp("", "proxy") // Squid gives up being root, and has to get in
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		tb.Fatal(err)
	}
	addr = testenv.FreeAddr(tb)
	up := strings.TrimPrefix(s.URL, "http://")
	_, port, _ := net.SplitHostPort(addr)
	_, upPort, _ := net.SplitHostPort(up)
	fill := strings.NewReplacer("UPPORT", upPort, "ADDR", addr, "PORT", port, "UP", up, "DIR", dir)
	if cert != "" {
		certify(tb, dir, cert)
		authority = filepath.Join(dir, "cert.pem")
	}
	if err := os.WriteFile(filepath.Join(dir, p.conf), []byte(fill.Replace(conf)), 0o644); err != nil {
		tb.Fatal(err)
	}
	args := make([]string, len(p.args))
	for i, arg := range p.args {
		args[i] = fill.Replace(arg)
	}
	cmd := exec.Command(program, args...)
	log := &testenv.Output{}
	cmd.Stdout, cmd.Stderr = log, log
	testenv.EndsWithTest(cmd)
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	listens := testenv.Holds(30*time.Second, func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	if !listens {
		tb.Fatalf("%s does not listen: %s", p.program, log)
	}
	return addr, authority
}
