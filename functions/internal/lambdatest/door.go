package lambdatest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A Door is a kind of front door: which event it makes of a request, and
// whether it streams.
type Door string

const (
	REST       Door = "REST API"                      // event v1
	RESTStream Door = "REST API, RESPONSE_STREAM"     // event v1
	HTTP       Door = "HTTP API"                      // event v2, never streams
	URL        Door = "Function URL, BUFFERED"        // event v2
	URLStream  Door = "Function URL, RESPONSE_STREAM" // event v2
)

func (d Door) streams() bool { return d == RESTStream || d == URLStream }

const clientIP = "203.0.113.7"

// Transport lets an http.Client call the functions. It takes each request to
// the environment that Pick chooses.
type Transport struct {
	Door Door
	Pick func(*http.Request) *Environment // nil: there may be no more of them
	Each func(*Invocation)                // called with each invocation that was made; may be nil
}

// RoundTrip returns when the answer's head is there. A request whose context
// ends leaves its function running, as a listener that hangs up does.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	event, err := t.Door.Event(r)
	if err != nil {
		return nil, err
	}
	e := t.Pick(r)
	if e == nil {
		return throttled(r), nil
	}
	i, err := e.Invoke(r.Context(), event)
	if err != nil {
		return nil, err
	}
	if t.Each != nil {
		t.Each(i)
	}
	var a answer
	select {
	case a = <-i.answer:
	case <-i.over:
		select {
		case a = <-i.answer:
		default:
			return respond(r, http.StatusBadGateway, nil, io.NopCloser(strings.NewReader(i.how))), nil
		}
	case <-r.Context().Done():
		go i.discard()
		return nil, r.Context().Err()
	}
	if (a.kind == streamed) != t.Door.streams() {
		return nil, fmt.Errorf("%s cannot take an answer of type %q", t.Door, a.kind)
	}
	return t.Door.Answer(r, a.body)
}

// throttled is what template.yaml has the API say for a function that is called
// more often at once than it may be.
func throttled(r *http.Request) *http.Response {
	header := http.Header{"Content-Type": {"application/problem+json"}, "Retry-After": {"2"}}
	return respond(r, http.StatusServiceUnavailable, header, io.NopCloser(strings.NewReader(`{"status":503}`)))
}

// Answer is the response that the front door makes of what a function sends.
func (d Door) Answer(r *http.Request, body io.ReadCloser) (*http.Response, error) {
	if d.streams() {
		return prelude(r, body)
	}
	return d.buffered(r, body)
}

type head struct {
	StatusCode        int
	Headers           map[string]string
	MultiValueHeaders map[string][]string
	Cookies           []string
	Body              string
	IsBase64Encoded   bool
}

func (h *head) header() http.Header {
	header := http.Header{}
	for name, value := range h.Headers {
		header.Set(name, value)
	}
	for name, values := range h.MultiValueHeaders {
		header[http.CanonicalHeaderKey(name)] = values
	}
	if len(h.Cookies) > 0 {
		header["Set-Cookie"] = h.Cookies
	}
	return header
}

// buffered reads the whole answer. A REST API takes no key but those of its
// documentation, and sam local no other either.
func (d Door) buffered(r *http.Request, body io.Reader) (*http.Response, error) {
	var h head
	keys := json.NewDecoder(body)
	keys.DisallowUnknownFields()
	if err := keys.Decode(&h); err != nil || d == REST && h.Cookies != nil {
		return nil, fmt.Errorf("malformed proxy response: %v %v", h, err)
	}
	var text io.Reader = strings.NewReader(h.Body)
	if h.IsBase64Encoded {
		text = base64.NewDecoder(base64.StdEncoding, text)
	}
	return respond(r, h.StatusCode, h.header(), io.NopCloser(text)), nil
}

// prelude reads the JSON head up to the eight NULs. What follows is the body.
func prelude(r *http.Request, body io.ReadCloser) (*http.Response, error) {
	const most = 16 << 10
	var b []byte
	for !bytes.HasSuffix(b, make([]byte, 8)) {
		one := make([]byte, 1)
		if _, err := io.ReadFull(body, one); err != nil || len(b) > most {
			return nil, fmt.Errorf("no prelude in %q: %v", b, err)
		}
		b = append(b, one...)
	}
	var h head
	if err := json.Unmarshal(bytes.TrimRight(b, "\x00"), &h); err != nil {
		return nil, fmt.Errorf("malformed prelude: %w", err)
	}
	return respond(r, h.StatusCode, h.header(), leaving(r.Context(), body)), nil
}

// leaving closes the body when ctx ends, as the connection of one that left.
func leaving(ctx context.Context, body io.ReadCloser) io.ReadCloser {
	context.AfterFunc(ctx, func() { body.Close() })
	return body
}

func respond(r *http.Request, status int, header http.Header, body io.ReadCloser) *http.Response {
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: body, ContentLength: -1, Request: r,
	}
}

// Event is the event that the front door makes of a request.
func (d Door) Event(r *http.Request) ([]byte, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	if d == REST || d == RESTStream {
		return json.Marshal(v1(r, body))
	}
	return json.Marshal(d.v2(r, body))
}

func v1(r *http.Request, body []byte) map[string]any {
	header := r.Header.Clone()
	header.Set("Host", "abcdefghij.execute-api.us-east-1.amazonaws.com")
	header.Set("X-Forwarded-For", strings.Join(append(header["X-Forwarded-For"], clientIP), ", "))
	header.Set("X-Forwarded-Proto", "https")
	return map[string]any{
		"resource": "/{proxy+}", "path": r.URL.Path, "httpMethod": r.Method,
		"headers": last(header), "multiValueHeaders": header,
		"queryStringParameters": last(r.URL.Query()), "multiValueQueryStringParameters": r.URL.Query(),
		"body": string(body), "isBase64Encoded": false,
		"requestContext": map[string]any{
			"accountId": "123456789012", "stage": "prod", "path": "/prod" + r.URL.Path, "httpMethod": r.Method,
			"identity": map[string]any{"sourceIp": clientIP}, "requestTimeEpoch": time.Now().UnixMilli(),
		},
	}
}

func (d Door) v2(r *http.Request, body []byte) map[string]any {
	headers := map[string]string{"x-forwarded-for": clientIP, "x-forwarded-proto": "https"}
	for name, values := range r.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	domain := "abcdefghij.lambda-url.us-east-1.on.aws"
	if d == HTTP {
		domain = "abcdefghij.execute-api.us-east-1.amazonaws.com"
		delete(headers, "cookie") // a Function URL sends them twice
	}
	headers["host"] = domain
	var cookies []string
	for _, c := range r.Cookies() {
		cookies = append(cookies, c.String())
	}
	return map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": r.URL.EscapedPath(), "rawQueryString": r.URL.RawQuery,
		"headers": headers, "cookies": cookies, "body": base64.StdEncoding.EncodeToString(body), "isBase64Encoded": true,
		"requestContext": map[string]any{
			"domainName": domain, "stage": "$default", "timeEpoch": time.Now().UnixMilli(),
			"http": map[string]any{"method": r.Method, "path": r.URL.Path, "protocol": r.Proto, "sourceIp": clientIP},
		},
	}
}

func last[V url.Values | http.Header](m V) map[string]string {
	one := map[string]string{}
	for name, values := range m {
		one[name] = values[len(values)-1]
	}
	return one
}
