package web_test

import (
	"fmt"
	"strings"

	"confab/shared/chat"
)

// attacks are the requests, made anew for each run.
func (g *rig) attacks() []attack {
	var all []attack
	whole := true
	add := func(name, raw string) { all = append(all, attack{name, raw, whole}) }
	g.paths(add)
	g.methods(add)
	g.queries(add)
	g.headers(add)
	g.bodies(add)
	whole = false
	g.rawRequests(add)
	return all
}

var (
	hostilePaths = []string{
		"//", "///", "/./", "/../", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..\\..\\etc", "/%5c..%5c..", "/%00", "/%0a", "/%0d%0aX-Injected:%20y",
		"/r", "/r/", "/r//", "/r/%20", "/r/.", "/r/..", "/r/%2e", "/r/-", "/r/LOBBY", "/r/lobby/", "/r/lobby//people", "/r/lobby%00", "/r/lobby%0a", "/r/lobby%0d%0aX-Injected:%20y",
		"/r/" + strings.Repeat("a", 64), "/r/" + strings.Repeat("a", 8000), "/r/%3Cxss-7f3a%3E", "/%3Cxss-7f3a%20onload=alert(1)%3E", "//%3Cxss-7f3a%3E/..", "/login/%3Cxss-7f3a%3E/..",
		"/r/{room}", "/r/*", "/r/lobby*", "/r/confab:%7Blobby%7D:log", "/r/lobby%7D", "/r/%7Blobby%7D", "/r/a%20b", "/r/a:b", "/r/%E2%80%AEops", "/r/%FF", "/r/%F0%9F%A6%8A",
		"/r/lobby/0-0", "/r/lobby/1-0", "/r/lobby/-1-0", "/r/lobby/18446744073709551615-18446744073709551615", "/r/lobby/18446744073709551616-0", "/r/lobby/1e9-0", "/r/lobby/+", "/r/lobby/*", "/r/lobby/$",
		"/r/lobby/1-0/reactions/", "/r/lobby/1-0/reactions/%3Cxss-7f3a%3E", "/r/lobby/1-0/reactions/%F0%9F%91%8D%F0%9F%91%8D", "/r/lobby/1-0/reactions/" + strings.Repeat("%F0%9F%91%8D", 500), "/r/lobby/1-0/reactions/%00", "/r/lobby/1-0/reactions/%FF",
		"/.git/config", "/.env", "/go.mod", "/public.go", "/index.html/", "/js", "/js/", "/js/../index.html", "/debug/pprof/", "/metrics", "/admin", "/wp-login.php", "/cgi-bin/test.cgi?x=|id", "/;jsessionid=1", "/login;a=b", "/stream/", "/post/",
	}
	hostileWords = []string{
		markup, "%3Cxss-7f3a%3E", "a\tb", strings.Repeat("A", 6000), "'; DROP TABLE rooms; --", "*", "\u202e", "\xff\xfe", "${jndi:ldap://x}", "{{7*7}}", "../../etc/passwd",
	}
	hostileTexts = append([]string{
		markup, "\x00", "\x1b]0;x\x07", "\xff", "\ufeff", strings.Repeat("\u0300", 4000), strings.Repeat("👨‍👩‍👧‍👦", 500), strings.Repeat("a", 4001), strings.Repeat("\n", 4001) + "x", "\u2028", "\ud7ff",
		"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n", "]] redis.call('FLUSHALL') --[[", "%s%s%s%n", "=cmd|' /C calc'!A0",
	}, hostile...)
)

func (g *rig) paths(add func(name, raw string)) {
	for _, path := range hostilePaths {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			head, body := "Accept: */*", ""
			if method == "POST" {
				head, body = asForm, "message=hi&user=mallory"
			}
			add(fmt.Sprintf("%s %.60s", method, path), g.request(method, path, head, body))
		}
	}
}

func (g *rig) methods(add func(name, raw string)) {
	for _, target := range []string{"/", "/login", "/post", "/stream", "/rooms", "/r/lobby", "/r/lobby/people", "/r/lobby/1-0"} {
		for _, method := range []string{"HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "<xss-7f3a>", "G\x00ET", strings.Repeat("M", 3000)} {
			if method == "HEAD" && target == "/stream" {
				continue // has a test of its own
			}
			add(fmt.Sprintf("%.20q %s", method, target), g.request(method, target, "", ""))
		}
	}
}

func (g *rig) queries(add func(name, raw string)) {
	for _, q := range []string{
		"room=", "room=A", "room=" + strings.Repeat("a", 64), strings.Repeat("room=a&", 33), strings.Repeat("room=a&", 1000), "room=a%0Ab", "room=%3Cxss-7f3a%3E", "room=%00", "room=%FF", "room=a;b", "room=%zz", "room[]=a",
		"last_event_id=x", "last_event_id=1-0,2-0,3-0", "last_event_id=%0Adata:%20x%0A%0A", "last_event_id=%3Cxss-7f3a%3E", "last_event_id=" + strings.Repeat("1-0,", 900), "last_event_id=18446744073709551615-18446744073709551615", "last_event_id=-1",
		"after=x", "after=99999999999999-0", "after=%00", "before=x", "before=-", "before=1-0&after=1-0", "limit=-1", "limit=1e9", "limit=99999999999999999999", "limit=%3Cxss-7f3a%3E", "wait=x", "wait=-1", "offset=x", "live=x", "&&&&", "=", "%", "?",
	} {
		for _, target := range []string{"/stream", "/r/ops", "/rooms"} {
			add(fmt.Sprintf("GET %s?%.40s", target, q), g.request("GET", target+"?"+q, "Accept: application/json;q=0.5, text/event-stream;q=0.6", ""))
		}
	}
}

func (g *rig) headers(add func(name, raw string)) {
	for _, name := range []string{
		"Accept", "Accept-Encoding", "Accept-Language", "Last-Event-ID", "Cookie", "Origin", "Referer", "Sec-Fetch-Site", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Request-Id",
		"X-HTTP-Method-Override", "Idempotency-Key", "If-None-Match", "If-Match", "Range", "User-Agent", "Upgrade", "Expect", "Content-Encoding", "Content-Type", "Forwarded", "Via", "Trailer", "TE",
	} {
		for i, word := range hostileWords {
			target, method, body := "/r/ops", "GET", ""
			switch name {
			case "Idempotency-Key", "Content-Encoding", "Content-Type", "Origin", "Sec-Fetch-Site", "Expect":
				method, body = "POST", "header test"
			}
			head := name + ": " + word
			if method == "POST" && name != "Content-Type" {
				head += "\n" + asText
			}
			add(fmt.Sprintf("%s: %.20q", name, word), g.request(method, target, head, body))
			if i == 0 {
				add(name+" twice", g.request(method, target, head+"\n"+name+": other", body))
			}
		}
	}
	for _, auth := range []string{"Bearer", "Bearer a.b.c", "Bearer " + strings.Repeat("a", 9000), "Bearer ..", "Basic " + markup, "Bearer " + g.token + "x", "Bearer eyJhbGciOiJub25lIn0.e30.", "Digest x", "Bearer \xff"} {
		raw := "GET /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: " + auth + "\r\n\r\n"
		add(fmt.Sprintf("Authorization: %.30q", auth), raw)
	}
}

func (g *rig) bodies(add func(name, raw string)) {
	for _, text := range hostileTexts {
		quoted := string(chat.JSON(text))
		for _, route := range []struct{ method, target, head, body string }{
			{"POST", "/r/ops", asText, text},
			{"POST", "/post", asForm, "message=" + percent(text)},
			{"POST", "/r/ops", asJSON, `{"text":` + quoted + `,"key":` + quoted + `}`},
			{"PATCH", "/r/ops", asJSON, `{"title":` + quoted + `}`},
			{"POST", "/login", asJSON, `{"name":` + quoted + `}`},
			{"POST", "/login", asForm, "user=ok&next=" + percent(text)},
		} {
			add(fmt.Sprintf("%s %s %.20q", route.method, route.target, text), g.request(route.method, route.target, route.head, route.body))
		}
	}
	for name, body := range map[string]string{
		"brackets": strings.Repeat("[", 16000), "braces": strings.Repeat(`{"text":`, 2000), "a number": "1e99999", "a long number": `{"text":` + strings.Repeat("9", 9000) + `}`, "keys": `{` + strings.Repeat(`"text":"a",`, 1000) + `"text":"b"}`,
		"surrogate": `{"text":"\ud800"}`, "escape": `{"text":"\x41"}`, "prototype": `{"__proto__":{"text":"a"},"constructor":1}`, "byte order mark": "\ufeff{}", "comment": `{"text":"a"}//`, "NaN": `{"text":NaN}`,
		"an id as a number": `{"text":"a","reply":1}`, "an object as a text": `{"text":{"$gt":""}}`, "huge": `{"text":"` + strings.Repeat("a", 1<<20) + `"}`, "nothing": "", "blank": " ", "true": "true", "null text": `{"text":null}`, "a room as a list": `{"room":["ops"],"text":"a"}`,
	} {
		for _, route := range []struct{ method, target string }{{"POST", "/r/ops"}, {"POST", "/post"}, {"POST", "/login"}, {"PATCH", "/r/ops"}, {"PATCH", "/r/ops/1-0"}} {
			add(fmt.Sprintf("%s %s JSON: %s", route.method, route.target, name), g.request(route.method, route.target, asJSON, body))
		}
	}
	const part = "--b\r\nContent-Disposition: form-data; name=\"message\""
	for name, body := range map[string]string{
		"no end": part + "\r\n\r\nhi", "a file": part + "; filename=\"../../x\"\r\nContent-Type: text/html\r\n\r\n" + markup + "\r\n--b--", "parts": strings.Repeat(part+"\r\n\r\n\r\n", 200) + "--b--",
		"headers": "--b\r\n" + strings.Repeat("X: y\r\n", 1500) + "\r\n\r\n--b--", "nested": "--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b--", "no name": "--b\r\n\r\nhi\r\n--b--", "coded": part + "\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!\r\n--b--",
	} {
		add("multipart: "+name, g.request("POST", "/post", "Content-Type: multipart/form-data; boundary=b", body))
	}
	add("a form of many fields", g.request("POST", "/post", asForm, strings.Repeat("a=b&", 4000)))
	add("a form of one long name", g.request("POST", "/post", asForm, strings.Repeat("a", 16000)+"=b"))
	add("a boundary too long", g.request("POST", "/post", "Content-Type: multipart/form-data; boundary="+strings.Repeat("b", 90), "--b--"))
}

// rawRequests are not HTTP, or not quite.
func (g *rig) rawRequests(add func(name, raw string)) {
	host := "Host: " + g.addr + "\r\n"
	auth := "Authorization: Bearer " + g.token + "\r\nContent-Type: text/plain\r\n"
	smuggled := "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	post := "POST /r/ops HTTP/1.1\r\n" + host + auth
	for name, raw := range map[string]string{
		"length and chunks":         post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"chunks and length":         post + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n1\r\na\r\n0\r\n\r\n" + smuggled,
		"two lengths":               post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc" + smuggled,
		"a list of lengths":         post + "Content-Length: 2, 3\r\n\r\nabc",
		"negative length":           post + "Content-Length: -1\r\n\r\nabc",
		"signed length":             post + "Content-Length: +3\r\n\r\nabc",
		"huge length":               post + "Content-Length: 99999999999999999999\r\n\r\nabc",
		"length beyond the body":    post + "Content-Length: 9\r\n\r\nabc",
		"length far beyond":         post + "Content-Length: 9223372036854775807\r\n\r\nabc",
		"odd transfer coding":       post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"two transfer codings":      post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
		"coding with a tab":         post + "Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n",
		"coding, gzip":              post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"space before the colon":    post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
		"folded header":             post + "X-A: b\r\n c: d\r\n\r\n",
		"header without a colon":    post + "nonsense\r\n\r\n",
		"header without a name":     post + ": x\r\n\r\n",
		"header with NUL":           post + "X-A: a\x00b\r\n\r\n",
		"bare CR in a header":       post + "X-A: a\rX-Injected: y\r\n\r\n",
		"bare LF":                   "GET /login HTTP/1.1\nHost: x\n\n",
		"bad chunk size":            post + "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
		"chunk size overflow":       post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n",
		"negative chunk":            post + "Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n",
		"chunk without its end":     post + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcde\r\n0\r\n\r\n",
		"long chunk extension":      post + "Transfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("a", 20000) + "\r\na\r\n0\r\n\r\n",
		"tiny chunks":               post + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1;aaaaaaaa\r\na\r\n", 3000) + "0\r\n\r\n",
		"too many small chunks":     post + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1\r\na\r\n", 20000) + "0\r\n\r\n",
		"trailers":                  post + "Transfer-Encoding: chunked\r\nTrailer: X-Injected\r\n\r\n1\r\na\r\n0\r\nX-Injected: y\r\nAuthorization: x\r\n\r\n",
		"trailer bomb":              post + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X: y\r\n", 20000) + "\r\n",
		"no host":                   "GET /login HTTP/1.1\r\n\r\n",
		"two hosts":                 "GET /login HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"bad host":                  "GET /login HTTP/1.1\r\nHost: <xss-7f3a>\r\n\r\n",
		"host with a path":          "GET /login HTTP/1.1\r\nHost: a/b?c\r\n\r\n",
		"absolute address":          "GET http://evil.example/login HTTP/1.1\r\nHost: x\r\n\r\n",
		"absolute address, file":    "GET file:///etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
		"redirect of an address":    "GET http://evil.example//login HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"star":                      "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
		"options of all":            "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
		"connect":                   "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
		"no target":                 "GET HTTP/1.1\r\nHost: x\r\n\r\n",
		"spaces":                    "GET  /login  HTTP/1.1\r\nHost: x\r\n\r\n",
		"target with a space":       "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
		"target in bytes":           "GET /\xff\xfe<xss-7f3a> HTTP/1.1\r\nHost: x\r\n\r\n",
		"long target":               "GET /" + strings.Repeat("a", 100000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"long header":               "GET /login HTTP/1.1\r\nHost: x\r\nX-A: " + strings.Repeat("a", 100000) + "\r\n\r\n",
		"many headers":              "GET /login HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: b\r\n", 20000) + "\r\n",
		"many cookies":              "GET /login HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("session=a; ", 1000) + "\r\n\r\n",
		"HTTP/0.9":                  "GET /login\r\n",
		"HTTP/1.0":                  "GET /login HTTP/1.0\r\n\r\n",
		"HTTP/1.0 stream":           "GET /stream HTTP/1.0\r\n\r\n",
		"HTTP/1.9":                  "GET /login HTTP/1.9\r\nHost: x\r\n\r\n",
		"HTTP/3":                    "GET /login HTTP/3.0\r\nHost: x\r\n\r\n",
		"HTTP/9999999999":           "GET /login HTTP/9999999999.1\r\nHost: x\r\n\r\n",
		"HTTP/2 preface":            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
		"h2c upgrade":               "GET /login HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
		"half a WebSocket":          "GET /stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"WebSocket from elsewhere":  "GET /stream HTTP/1.1\r\n" + host + "Origin: https://evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
		"TLS":                       "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + strings.Repeat("\x00", 160),
		"Redis":                     "*1\r\n$4\r\nPING\r\n",
		"SSH":                       "SSH-2.0-OpenSSH_9\r\n",
		"nothing":                   "",
		"one byte":                  "G",
		"zeros":                     strings.Repeat("\x00", 4096),
		"line breaks":               strings.Repeat("\r\n", 2000),
		"half a head":               "GET /login HTTP/1.1\r\nHost: x\r\nX-A",
		"expectation":               post + "Expect: 200-ok\r\nContent-Length: 1\r\n\r\na",
		"continue, and nothing":     post + "Expect: 100-continue\r\nContent-Length: 99\r\n\r\n",
		"pipeline behind a stream":  "GET /stream?room=ops HTTP/1.1\r\n" + host + "\r\n" + smuggled,
		"body behind a stream":      "GET /stream?room=ops HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\ndata:",
		"a stream with chunks":      "GET /stream?room=ops HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5\r\ndata:\r\n0\r\n\r\n",
		"fifty in one":              strings.Repeat("GET /nothing HTTP/1.1\r\n"+host+"\r\n", 50),
		"injected by an id":         "GET /stream HTTP/1.1\r\n" + host + "Last-Event-ID: 1-0\rdata: x\r\n\r\n",
		"injected by a bare return": "POST /login HTTP/1.1\r\n" + host + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 37\r\n\r\nuser=ok&next=/%0d%0aX-Injected:%20yes",
	} {
		add(name, raw)
	}
}
