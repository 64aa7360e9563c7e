package doctor

import (
	"bytes"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"confab/shared/testenv"
)

func TestDoctorNamesWhatIsWrongWithAPath(t *testing.T) {
	t.Parallel()
	without := func(names ...string) path {
		return path{ask: func(r *http.Request) {
			for _, name := range names {
				r.Header.Del(name)
			}
		}}
	}
	for name, tt := range map[string]struct {
		path
		check string // that finds it
		says  string
		mends string
	}{
		"buffers":              {path{stream: gather(time.Hour)}, "stream", "buffers", "proxy_buffering off"},
		"clumps":               {path{stream: clump(1800 * time.Millisecond)}, "events", "clumps", "flushpackets=on"},
		"compresses and holds": {path{stream: compress(time.Hour), answer: zipped}, "stream", "compresses it", "gzip off"},
		"cuts silence":         {path{stream: cutAfter(3500 * time.Millisecond)}, "silence", "cut after 3", "Key=idle_timeout.timeout_seconds,Value=75"},
		"forgets the place":    {without("Last-Event-ID"), "resume", "Last-Event-ID", "AllViewerExceptHostHeader"},
		"forgets who it is":    {without("Authorization"), "programs", "Authorization is lost", "$http_authorization"},
		"keeps the cookie":     {without("Cookie"), "login", "does not reach the server again", ""},
		"changes the host":     {path{ask: func(r *http.Request) { r.Host = "other.example"; r.Header.Del("Sec-Fetch-Site") }}, "login", "another site", "ProxyPreserveHost On"},
		"takes no posts":       {path{serve: refuse("POST", http.StatusForbidden)}, "login", "no POST", "AllowedMethods"},
		"takes no deletions":   {path{serve: refuse("DELETE", http.StatusMethodNotAllowed)}, "methods", "DELETE", "AllowedMethods"},
		"takes no long lines":  {path{serve: shorten}, "size", "413", "client_max_body_size"},
		"is full":              {path{serve: refuse("GET", http.StatusTooManyRequests)}, "server", "429", "TRUSTED_PROXIES"},
		"leads nowhere":        {path{serve: refuse("GET", http.StatusNotFound)}, "server", "404", "proxy_pass"},
		"has lost its server":  {path{serve: refuse("GET", http.StatusBadGateway)}, "server", "server behind it does not", "proxy_pass"},
		"is another server": {path{serve: func(http.Handler) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<h1>It works!</h1>") }
		}}, "server", "another server", "proxy_pass"},
		"leads to TLS": {path{serve: func(http.Handler) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://"+r.Host+r.URL.Path, http.StatusMovedPermanently)
			}
		}}, "redirect", "ask for https://", ""},
		"keeps answers": {path{serve: cached}, "cache", "keeps answers", "cache deny all"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said, err := look(t, tt.path, 8*time.Second)
			if !errors.Is(err, ErrSick) {
				t.Errorf("the doctor said %v", err)
			}
			var faults []string
			for line := range strings.Lines(said) {
				if strings.Contains(line, " FAULT ") {
					faults = append(faults, line)
				}
			}
			if len(faults) != 1 || !strings.HasPrefix(faults[0], tt.check+" ") || !strings.Contains(faults[0], tt.says) || !strings.Contains(said, tt.mends) {
				t.Errorf("want one fault, of %s, that says %q and is mended by %q:\n%s", tt.check, tt.says, tt.mends, said)
			}
		})
	}
}

func TestDoctorDoesWithoutWhatTheChatDoesWithout(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		path
		check, says string
	}{
		"no upgrade":               {path{ask: func(r *http.Request) { r.Header.Del("Upgrade"); r.Header.Del("Connection") }}, "WebSocket", "does without it"},
		"gzip that delays nothing": {path{stream: compress(0), answer: zipped}, "compression", "delays nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said, err := look(t, tt.path, time.Second)
			if err != nil || strings.Contains(said, "FAULT") {
				t.Errorf("%v\n%s", err, said)
			}
			found := false
			for line := range strings.Lines(said) {
				found = found || strings.HasPrefix(line, tt.check+" ") && strings.Contains(line, " note ") && strings.Contains(line, tt.says)
			}
			if !found {
				t.Errorf("no note of %s that says %q:\n%s", tt.check, tt.says, said)
			}
		})
	}
}

func TestDoctorSaysWhyNobodyAnswers(t *testing.T) {
	t.Parallel()
	signed := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(signed.Close)
	signed.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	plain := serve(t)
	for _, tt := range []struct{ address, check, says string }{
		{"http://" + testenv.FreeAddr(t), "server", "refused"},
		{signed.URL, "certificate", "private authority, say -ca"},
		{strings.Replace(plain, "http:", "https:", 1), "certificate", "no TLS"},
		{plain + "/chat", "address", "does not run under /chat"},
		{"http://no-such-name.invalid", "server", "nobody knows the name"},
	} {
		u, err := url.Parse(tt.address)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err = newDoctor(u, "doctor", time.Second, nil, &out).run(t.Context())
		if !errors.Is(err, ErrSick) || !strings.Contains(out.String(), "\n"+tt.check+" ") || !strings.Contains(out.String(), tt.says) {
			t.Errorf("%s: %v, no %s that says %q:\n%s", tt.address, err, tt.check, tt.says, &out)
		}
	}
}

func TestDoctorTellsWhichAddressTheServerSees(t *testing.T) {
	for _, tt := range []struct {
		seen, proxy, peer string
		level             level
		says              string
	}{
		{"203.0.113.7", "", "198.51.100.1", fine, "sees you as 203.0.113.7"},
		{"2001:db8::/64", "", "2001:db8:1::1", fine, "sees you as 2001:db8::/64"},
		{"127.0.0.1", "", "127.0.0.1", fine, "sees you as 127.0.0.1"},
		{"10.0.0.5", "", "198.51.100.1", note, "may be a proxy's"},
		{"fd00::/64", "", "198.51.100.1", note, "may be a proxy's"},
		{"198.51.100.1", "198.51.100.1", "198.51.100.1", note, "does not trust"},
	} {
		var d doctor
		d.address(tt.seen, tt.proxy, netip.MustParseAddr(tt.peer))
		if f := d.findings; len(f) != 1 || f[0].level != tt.level || !strings.Contains(f[0].said, tt.says) {
			t.Errorf("%v: %+v", tt, f)
		}
	}
}

func TestDoctorTrustsAPrivateAuthority(t *testing.T) {
	t.Parallel()
	target, _ := url.Parse(serve(t))
	srv := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(target))
	t.Cleanup(srv.Close)
	t.Cleanup(srv.CloseClientConnections)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Run(t.Context(), []string{"-ca", file, "-idle", "1s", srv.URL}, &out); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
	for _, want := range []string{"X-Forwarded-Proto", "the cookie is session, not __Host-session", "no Strict-Transport-Security"} { // the proxy is not trusted
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

func TestNginxTakesAllCuresTogether(t *testing.T) {
	program := testenv.Need(t, "nginx")
	i := slices.IndexFunc(proxies, func(p proxy) bool { return p.name == "nginx" })
	lines := together(proxies[i], []cure{cureBuffer, cureIdle, cureGzip, cureResume, cureAuth, cureHTTP, cureSocket, cureOrigin, cureProto, cureLimit, cureMethods, cureSize, cureCache, cureHeaders})
	file := filepath.Join(t.TempDir(), "nginx.conf")
	conf := "error_log stderr; pid " + file + ".pid; events {} http { access_log off; server { location / { proxy_pass http://127.0.0.1:8080;\n" + strings.Join(lines, "\n") + "\n} } }\n"
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "-t", "-c", file).CombinedOutput(); err != nil {
		t.Errorf("%v: %s\n%s", err, out, conf)
	}
}

func TestDoctorFindsNothingWrongWithAGoodPath(t *testing.T) {
	t.Parallel()
	said, err := look(t, path{}, 27*time.Second) // who comes and goes is told of at first, which puts the ping off
	if err != nil || strings.Contains(said, "FAULT") || strings.Contains(said, "note") {
		t.Errorf("%v\n%s", err, said)
	}
	for _, check := range []string{"server", "address", "page", "login", "programs", "stream", "posts", "events", "resume", "cache", "size", "methods", "silence", "WebSocket"} {
		if !regexp.MustCompile(`(?m)^` + check + ` +ok `).MatchString(said) {
			t.Errorf("%s is not ok in\n%s", check, said)
		}
	}
	for _, want := range []string{"with 1 pings", "s  ping"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in\n%s", want, said)
		}
	}
}

func TestDoctorLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	server := serve(t)
	u, _ := url.Parse(server)
	newDoctor(u, "doctor", time.Second, nil, io.Discard).run(t.Context())
	res, err := http.Get(server + "/r/doctor")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); len(b) > 0 {
		t.Errorf("it left %s", b)
	}
}

func TestDoctorAsksForAnAddress(t *testing.T) {
	for _, args := range [][]string{{}, {"chat.example.org"}, {"ftp://x"}, {"https://a", "https://b"}, {"-idle", "soon", "https://a"}} {
		var out bytes.Buffer
		if err := Run(t.Context(), args, &out); err == nil || !strings.Contains(out.String(), "usage:") {
			t.Errorf("%q: %v, %s", args, err, &out)
		}
	}
}
