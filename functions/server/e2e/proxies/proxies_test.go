// Package proxies_test has the doctor look through real proxies, each with
// the configuration of its quickstart, with one that is right for Confab, and
// with settings that do harm.
package proxies_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"confab/functions/server/doctor"
	"confab/functions/server/e2e/internal/process"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "confab")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	scratch = dir
	code := process.Main(m)
	os.RemoveAll(dir)
	os.Exit(code)
}

// A row is a proxy with a configuration, and what the doctor finds there:
// checks with a fault or a note. Of others all is well.
type row struct {
	name   string
	proxy  installed
	conf   string
	alone  bool     // the server trusts no proxy
	origin bool     // the server knows the address that people type
	idle   string   // how long silence is watched; empty: for a moment
	path   string   // of the address
	cert   string   // the name in its certificate; empty: no TLS
	faults []string // check, and what its line says
	notes  []string
}

var table = []row{
	{name: "nginx, quickstart", proxy: nginx, conf: nginxSite(location("proxy_pass http://UP;")),
		faults: []string{"login: another site"}},
	{name: "nginx, quickstart, PUBLIC_ORIGIN", proxy: nginx, conf: nginxSite(location("proxy_pass http://UP;")), origin: true,
		notes: []string{"WebSocket: does without"}},
	{name: "nginx, quickstart that holds", proxy: nginx, conf: nginxSite(location("proxy_pass http://UP; proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;")), origin: true,
		faults: []string{"stream: waits for its end"}, notes: []string{"WebSocket: does without"}},
	{name: "nginx, as the manual says", proxy: nginx, conf: nginxSite(location(nginxCured))},
	{name: "nginx, buffers", proxy: nginx, conf: nginxSite(location(strings.Replace(nginxCured, "proxy_buffering off;", "proxy_ignore_headers X-Accel-Buffering; gzip on; gzip_types text/event-stream; gzip_min_length 0;", 1))),
		faults: []string{"stream: waits for its end"}},
	{name: "nginx, cuts silence", proxy: nginx, conf: nginxSite(location(strings.Replace(nginxCured, "75s", "4s", 1))), idle: "12s",
		faults: []string{"silence: cut after"}, notes: []string{"WebSocket: is cut after"}},
	{name: "nginx, small bodies", proxy: nginx, conf: nginxSite(location(nginxCured, "client_max_body_size 8k;")),
		faults: []string{"size: 413"}},
	{name: "nginx, GET and POST only", proxy: nginx, conf: nginxSite(location(nginxCured, "limit_except GET POST { deny all; }")),
		faults: []string{"methods: PATCH"}},
	{name: "nginx, drops Authorization", proxy: nginx, conf: nginxSite(location(nginxCured, `proxy_set_header Authorization "";`)),
		faults: []string{"programs: Authorization is lost"}},
	{name: "nginx, drops Last-Event-ID", proxy: nginx, conf: nginxSite(location(nginxCured, `proxy_set_header Last-Event-ID "";`)),
		faults: []string{"resume: Last-Event-ID"}},
	{name: "nginx, a policy of its own", proxy: nginx, conf: nginxSite(location(nginxCured, `add_header Content-Security-Policy "default-src 'self'";`)),
		faults: []string{"page: Content-Security-Policies"}},
	{name: "nginx, caches", proxy: nginx, conf: nginxSite(location(strings.Replace(nginxCured, "proxy_buffering off;", "", 1), "proxy_cache all; proxy_ignore_headers Cache-Control Set-Cookie Vary; proxy_cache_valid 200 1m; proxy_cache_bypass $http_upgrade;")),
		faults: []string{"cache: keeps answers"}},
	{name: "nginx, a site of its own", proxy: nginx, conf: nginxSite(location(`default_type text/html; return 200 "<h1>Welcome to nginx!</h1>";`)),
		faults: []string{"server: another server"}},
	{name: "nginx, nothing behind it", proxy: nginx, conf: nginxSite(location("proxy_pass http://127.0.0.1:1;")),
		faults: []string{"server: server behind it"}},
	{name: "nginx, leads to TLS", proxy: nginx, conf: nginxSite("return 301 https://$host$request_uri;"),
		faults: []string{"redirect: ask for https"}},
	{name: "nginx, only some paths", proxy: nginx, conf: nginxSite("location /stream { proxy_pass http://UP; }"),
		faults: []string{"server: 404"}},
	{name: "nginx, under a path", proxy: nginx, conf: nginxSite("location /chat/ { proxy_pass http://UP/; }"), path: "/chat/",
		faults: []string{"address: does not run under"}},
	{name: "nginx, TLS", proxy: nginx, conf: nginxListen(nginxTLS, location(nginxCured)), cert: "127.0.0.1"},
	{name: "nginx, TLS that nobody tells of", proxy: nginx, conf: nginxListen(nginxTLS, location(strings.Replace(nginxCured, "X-Forwarded-Proto", "X-Nothing", 1))), cert: "127.0.0.1",
		notes: []string{"TLS: Strict-Transport-Security", "login: not __Host-session"}},
	{name: "nginx, HTTP/2", proxy: nginx, conf: nginxListen(strings.Replace(nginxTLS, "ssl;", "ssl http2;", 1), location(nginxCured)), cert: "127.0.0.1"},
	{name: "nginx, another name's certificate", proxy: nginx, conf: nginxListen(nginxTLS, location(nginxCured)), cert: "other.example",
		faults: []string{"certificate: another name"}},

	{name: "Apache, quickstart", proxy: apache, conf: apacheSite("ProxyPass / http://UP/\nProxyPassReverse / http://UP/"),
		faults: []string{"login: another site"}},
	{name: "Apache, ProxyPreserveHost", proxy: apache, conf: apacheSite("ProxyPreserveHost On\nProxyPass / http://UP/"),
		notes: []string{"WebSocket: does without"}},
	{name: "Apache, cured", proxy: apache, conf: apacheSite("ProxyPreserveHost On\nProxyTimeout 75\nProxyPass / http://UP/ flushpackets=on upgrade=websocket")},
	{name: "Apache, compresses", proxy: apache, conf: apacheSite("ProxyPreserveHost On\nProxyPass / http://UP/ upgrade=websocket\nSetOutputFilter DEFLATE"),
		notes: []string{"compression: delays nothing"}},

	{name: "nginx, not trusted", proxy: nginx, alone: true, conf: nginxSite(location(strings.Replace(nginxCured, "$proxy_add_x_forwarded_for", "203.0.113.9", 1))),
		notes: []string{"address: does not trust"}},

	{name: "HAProxy, quickstart", proxy: haproxy, conf: haproxySite("")},
	{name: "HAProxy, cuts silence", proxy: haproxy, conf: strings.Replace(haproxySite(""), "timeout server 50s", "timeout server 4s", 1), idle: "12s",
		faults: []string{"silence: cut after"}, notes: []string{"WebSocket: is cut after"}},
	{name: "HAProxy, drops Last-Event-ID", proxy: haproxy, conf: haproxySite("http-request del-header Last-Event-ID"),
		faults: []string{"resume: Last-Event-ID"}},

	{name: "Varnish, quickstart", proxy: varnish, conf: varnishSite(""),
		notes: []string{"WebSocket: does without"}},
	{name: "Varnish, pipes", proxy: varnish, conf: varnishSite(`sub vcl_recv { if (req.http.Upgrade ~ "(?i)websocket") { return (pipe); } }
sub vcl_pipe { set bereq.http.Upgrade = req.http.Upgrade; set bereq.http.Connection = req.http.Connection; }`)},

	{name: "Caddy, quickstart", proxy: caddy, conf: caddySite("http://ADDR", "reverse_proxy UP")},
	{name: "Caddy, TLS and HTTP/2", proxy: caddy, conf: caddySite("https://ADDR", "tls DIR/cert.pem DIR/key.pem\n\treverse_proxy UP"), cert: "127.0.0.1"},
	{name: "Caddy, HTTP/2 to the server", proxy: caddy, conf: caddySite("http://ADDR", "reverse_proxy h2c://UP"),
		notes: []string{"WebSocket: does without"}},
	{name: "Caddy, compresses what may be", proxy: caddy, conf: caddySite("http://ADDR", "encode {\n\t\tgzip\n\t\tminimum_length 1\n\t\tmatch header Content-Type text/*\n\t}\n\treverse_proxy UP")},
	{name: "Caddy, under a path", proxy: caddy, conf: caddySite("http://ADDR", "handle_path /chat/* {\n\t\treverse_proxy UP\n\t}"), path: "/chat/",
		faults: []string{"address: does not run under"}},
	{name: "Caddy, drops Last-Event-ID", proxy: caddy, conf: caddySite("http://ADDR", "reverse_proxy UP {\n\t\theader_up -Last-Event-ID\n\t}"),
		faults: []string{"resume: Last-Event-ID"}},

	{name: "Squid, accelerates", proxy: squid, conf: squidSite(""),
		faults: []string{"programs: Authorization is lost"}, notes: []string{"WebSocket: does without"}},
	{name: "Squid, cured", proxy: squid, conf: strings.Replace(squidSite("http_upgrade_request_protocols websocket allow all"), "originserver", "originserver login=PASSTHRU", 1)},
}

func TestDoctorIsRightAboutRealProxies(t *testing.T) {
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			said, err := row.look(t)
			if errors.Is(err, doctor.ErrSick) != (len(row.faults) > 0) {
				t.Errorf("the doctor says %v", err)
			}
			checkLines(t, "FAULT", said, row.faults)
			checkLines(t, "note", said, row.notes)
			if t.Failed() {
				t.Log(said)
			}
		})
	}
}

// start runs a server and the proxy in front of it.
func (r row) start(t *testing.T) (s *process.Server, base, authority string) {
	t.Helper()
	env := []string{"POSTS_PER_SECOND=0", "POST_BURST=0"}
	if !r.alone {
		env = append(env, "TRUSTED_PROXIES=127.0.0.1/32")
	}
	s = process.Start(t, env...)
	addr, authority := r.proxy.start(t, s, r.conf, r.cert)
	if r.origin { // its address is known only now
		s.Kill()
		s.Setenv("PUBLIC_ORIGIN=http://" + addr)
		s.Restart()
	}
	if authority != "" {
		return s, "https://" + addr, authority
	}
	return s, "http://" + addr, ""
}

// arguments are the doctor's.
func (r row) arguments(idle, base, authority string) []string {
	args := []string{"-idle", cmp.Or(r.idle, idle)}
	if authority != "" {
		args = append(args, "-ca", authority)
	}
	return append(args, base+r.path)
}

// look has the doctor look through the proxy at a server.
func (r row) look(t *testing.T) (string, error) {
	t.Helper()
	_, base, authority := r.start(t)
	var out bytes.Buffer
	err := doctor.Run(t.Context(), r.arguments("1s", base, authority), &out)
	return out.String(), err
}

// checkLines compares what is said at one level with what should be.
func checkLines(t *testing.T, level, said string, want []string) {
	t.Helper()
	var found []string
	for _, m := range regexp.MustCompile(`(?m)^(\w+) +`+level+` +(.*)$`).FindAllStringSubmatch(said, -1) {
		found = append(found, m[1]+": "+m[2])
	}
	ok := slices.EqualFunc(found, want, func(line, want string) bool {
		check, says, _ := strings.Cut(want, ": ")
		return strings.HasPrefix(line, check+": ") && strings.Contains(line, says)
	})
	if !ok {
		t.Errorf("%s: %s, want %s", level, fmt.Sprintf("%q", found), fmt.Sprintf("%q", want))
	}
}
