package doctor

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// page looks at the page's own document, as it arrives.
func (d *doctor) page(ctx context.Context) {
	res, err := d.get(ctx, d.stranger, "/?doctor")
	if err != nil {
		d.fault("page", cureTarget, "no answer: %v", err)
		return
	}
	defer res.Body.Close()
	policies := res.Header.Values("Content-Security-Policy")
	switch {
	case res.StatusCode != http.StatusOK:
		d.fault("page", cureTarget, "%s for /", res.Status)
	case len(policies) == 0:
		d.note("page", cureHeaders, "its Content-Security-Policy is lost on the path")
	case len(policies) > 1:
		d.fault("page", cureHeaders, "it comes with %d Content-Security-Policies: browsers obey the strictest of all", len(policies))
	case !strings.Contains(policies[0], "connect-src 'self'"):
		d.fault("page", cureHeaders, "something on the path replaces its Content-Security-Policy")
	default:
		d.fine("page", "comes with the headers that the server gave it")
	}
	if d.base.Scheme == "https" && res.Header.Get("Strict-Transport-Security") == "" {
		d.note("TLS", cureProto, "no Strict-Transport-Security: the server does not know that people come by TLS")
	}
}

// signIn sends the form of the page, as a browser does, and reports whether
// there is a session then.
func (d *doctor) signIn(ctx context.Context) bool {
	form := url.Values{"user": {d.name}}.Encode()
	res, err := d.send(ctx, d.browser, "POST", "/login", "application/x-www-form-urlencoded", []byte(form))
	if err != nil {
		d.fault("login", cureMethods, "no answer: %v", err)
		return false
	}
	defer res.Body.Close()
	switch said := sentence(res); {
	case res.StatusCode == http.StatusTooManyRequests:
		d.fault("login", cureLimit, "%s: behind a proxy that is not trusted all visitors are one address", res.Status)
	case res.StatusCode == http.StatusForbidden && strings.Contains(said, "another site"):
		d.fault("login", cureOrigin, "refused as sent by another site: the path changes Host, and the server cannot know that this is its own page")
	case res.StatusCode == http.StatusMethodNotAllowed || res.StatusCode == http.StatusForbidden && said == "":
		d.fault("login", cureMethods, "%s: something on the path lets no POST pass", res.Status)
	case res.StatusCode != http.StatusSeeOther:
		d.fault("login", cureMethods, "%s %s", res.Status, said)
	default:
		return d.session(ctx, res)
	}
	return false
}

// session looks at the cookie of a login.
func (d *doctor) session(ctx context.Context, res *http.Response) bool {
	var names []string
	for _, c := range res.Cookies() {
		names = append(names, c.Name)
	}
	switch {
	case len(names) == 0:
		d.fault("login", nil, "the cookie is lost on the path: Set-Cookie does not arrive")
		return false
	case d.base.Scheme == "https" && names[0] != "__Host-session":
		d.note("login", cureProto, "the cookie is %s, not __Host-session: the server does not know that people come by TLS", names[0])
	default:
		d.fine("login", "by the form, with the cookie %s", names[0])
	}
	switch d.name {
	case d.whoAmI(ctx, d.browser, "/login", ""):
	case d.whoAmI(ctx, d.browser, "/login?"+rand.Text(), ""): // an address that nobody asked for before
		d.fault("cache", cureCache, "something on the path keeps answers and gives one user's to another")
		return false
	default:
		d.fault("login", nil, "the cookie does not reach the server again")
		return false
	}
	return true
}

// whoAmI is the name by which the server knows a client.
func (d *doctor) whoAmI(ctx context.Context, by *http.Client, path, token string) string {
	ctx, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", d.origin()+path, nil)
	if err != nil {
		return ""
	}
	req.Header.Set("Accept", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := by.Do(req)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	var answer struct{ User struct{ Name string } }
	_ = json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&answer)
	return answer.User.Name
}

// authorization signs in as a program does.
func (d *doctor) authorization(ctx context.Context) {
	body, _ := json.Marshal(map[string]any{"name": d.name, "token": true})
	var in struct{ Token string }
	if err := d.call(ctx, "POST", "/login", body, &in); err != nil || in.Token == "" {
		d.note("programs", nil, "no token: %v", err)
		return
	}
	d.token = in.Token
	if who := d.whoAmI(ctx, d.stranger, "/login", in.Token); who != d.name {
		d.fault("programs", cureAuth, "Authorization is lost on the path: programs with a token are strangers")
		return
	}
	d.fine("programs", "Authorization arrives")
}

// caching has two users ask for the same, and asks for a room before and after
// a line: a cache gives the same answer.
func (d *doctor) caching(ctx context.Context, id string) {
	mine := d.whoAmI(ctx, d.browser, "/login", "")
	switch other := d.whoAmI(ctx, d.stranger, "/login", ""); {
	case other != "" && other == mine:
		d.fault("cache", cureCache, "something on the path keeps answers and gives one user's to another")
	case !d.reads(ctx, id):
		d.fault("cache", cureCache, "something on the path keeps answers: a room is read as it was before")
	default:
		d.fine("cache", "answers are not kept")
	}
}

// reads reports whether a line is in the room as it is read.
func (d *doctor) reads(ctx context.Context, id string) bool {
	res, err := d.get(ctx, d.browser, d.roomPath())
	if err != nil {
		return false
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	return err == nil && bytes.Contains(b, []byte(id))
}

// posts says a few lines, looks whether they arrive on the stream, and returns
// their ids.
func (d *doctor) posts(ctx context.Context, s *listening) (ids []string) {
	var sent []time.Time
	for range postsMade {
		began := time.Now()
		id, err := d.post(ctx, "The doctor was here.")
		if err != nil {
			d.fault("posts", cureMethods, "a line is not accepted: %v", err)
			return ids
		}
		ids, sent = append(ids, id), append(sent, began)
		wait(ctx, postsApart-time.Since(began))
	}
	d.fine("posts", "accepted")
	if s != nil {
		d.events(ctx, s, ids, sent)
	}
	return ids
}

// size posts the longest line that the server takes, of characters that need
// the most bytes.
func (d *doctor) size(ctx context.Context) {
	id, err := d.post(ctx, strings.Repeat("𝄞", d.maxText))
	if err != nil {
		d.fault("size", cureSize, "the longest line that the server takes does not pass: %v", err)
		return
	}
	d.takeBack(ctx, []string{id})
	d.fine("size", "a line of %d characters passes", d.maxText)
}

// methods changes a line and takes it back.
func (d *doctor) methods(ctx context.Context, id string) {
	body, _ := json.Marshal(map[string]string{"text": "The doctor was here, and changed this."})
	for _, method := range []string{"PATCH", "DELETE"} {
		if err := d.call(ctx, method, d.roomPath()+"/"+id, body, nil); err != nil {
			d.fault("methods", cureMethods, "%s does not pass: %v", method, err)
			return
		}
	}
	d.fine("methods", "PATCH and DELETE pass")
}

// takeBack deletes what was said. A line that is left does no harm.
func (d *doctor) takeBack(ctx context.Context, ids []string) {
	for _, id := range ids {
		_ = d.call(ctx, "DELETE", d.roomPath()+"/"+id, nil, nil)
	}
}

func (d *doctor) roomPath() string { return "/r/" + url.PathEscape(d.room) }

func (d *doctor) post(ctx context.Context, text string) (id string, err error) {
	body, _ := json.Marshal(map[string]string{"text": text})
	var ev struct{ ID string }
	err = d.call(ctx, "POST", d.roomPath(), body, &ev)
	return ev.ID, err
}

// call sends and reads JSON. A limit on the posts of a user is waited for.
func (d *doctor) call(ctx context.Context, method, path string, body []byte, out any) error {
	for {
		res, err := d.send(ctx, d.browser, method, path, "application/json", body)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if after, err := time.ParseDuration(res.Header.Get("Retry-After") + "s"); res.StatusCode == http.StatusTooManyRequests && err == nil && after <= d.patience {
			if wait(ctx, after); ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		}
		if res.StatusCode >= 300 {
			return errors.New(strings.TrimSpace(res.Status + " " + sentence(res)))
		}
		if out == nil {
			return nil
		}
		return json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(out)
	}
}

// send sends a request as the page does.
func (d *doctor) send(ctx context.Context, by *http.Client, method, path, kind string, body []byte) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, d.patience)
	req, err := http.NewRequestWithContext(ctx, method, d.origin()+path, bytes.NewReader(body))
	if err != nil {
		cancel()
		return nil, err
	}
	req.Header.Set("Content-Type", kind)
	d.asPage(req)
	res, err := by.Do(req)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("no answer: %w", err)
	}
	res.Body = bodyOf{res.Body, cancel}
	return res, nil
}

// asPage adds what a browser adds to a request of the page: its origin, and
// over TLS, or to this machine, that it is the same site.
func (d *doctor) asPage(req *http.Request) {
	req.Header.Set("Origin", d.origin())
	if host := d.base.Hostname(); d.base.Scheme == "https" || host == "localhost" {
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
}

// sentence is what a refusal of Confab's says, or nothing if it is not its.
func sentence(res *http.Response) string {
	var p struct{ Detail string }
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "application/problem+json") {
		return ""
	}
	_ = json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&p)
	return p.Detail
}

// wait returns after t or when ctx ends.
func wait(ctx context.Context, t time.Duration) {
	select {
	case <-time.After(t):
	case <-ctx.Done():
	}
}
