package web_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"confab/shared/chat"
	"confab/shared/identity"
)

// Routes that concern no room, or what is no secret of one.
var roomless = []string{
	"GET /login", "POST /login", "DELETE /login", "POST /me/transfer",
	"GET /me/sessions", "DELETE /me/sessions", "DELETE /me/sessions/{session}", "GET /login/oidc", "GET /login/oidc/callback", "POST /login/passkey", "GET /me/passkeys", "POST /me/passkeys", "DELETE /me/passkeys/{passkey}", "GET /healthz", "GET /readyz",
}

// The description has every route (TestDescriptionHasEveryRouteAndNoOther), so
// walking it walks them all: each that reads or writes a room is refused when
// access refuses, whatever the request, and however it is read.
func TestEveryRouteAsksForAccess(t *testing.T) {
	l := live(t, nil)
	if _, _, err := l.store.Append(t.Context(), chat.Event{Room: "lobby", Kind: chat.Message, By: identity.NewUser("Bob"), Text: "hush"}); err != nil {
		t.Fatal(err)
	}
	l.web.Deny(fmt.Errorf("%w: the gate is closed", chat.ErrForbidden))
	d := readDescription(t)
	walked := 0
	for path, ops := range d.Paths {
		for method := range ops {
			if route := strings.ToUpper(method) + " " + path; slices.Contains(methods, method) && !slices.Contains(roomless, route) {
				walked++
				l.isRefused(t, strings.ToUpper(method), path)
			}
		}
	}
	if walked < 15 {
		t.Errorf("%d routes were walked", walked)
	}
}

// isRefused asks for a route in all the forms that a reader may choose.
func (l *liveServer) isRefused(t *testing.T, method, path string) {
	t.Helper()
	address := strings.NewReplacer("{room}", "lobby", "{id}", "1-0", "{emoji}", "👍", "{user}", "u_x", "{invite}", "x", "{token}", "x").Replace(path)
	for _, query := range []string{"", "?offset=-1", "?follow=1", "?wait=0", "?format=text", "?before=9-0"} {
		for _, accept := range []string{"", "text/event-stream", "application/json", "application/x-ndjson", "websocket"} {
			for _, body := range []string{`{"text":"a","title":"a"}`, `[]`} {
				l.isRefusedAs(t, method, address+query, accept, body)
			}
		}
	}
}

func (l *liveServer) isRefusedAs(t *testing.T, method, address, accept, body string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, l.URL+address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = l.head(t, identity.NewUser("Ann"))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", accept)
	if accept == "websocket" || strings.HasPrefix(address, "/ws/") {
		for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-Websocket-Version": "13", "Sec-Websocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
			req.Header.Set(name, value)
		}
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("%s %s as %q with %s: %s, want 403 of the gate", method, address, accept, body, res.Status)
	}
}

// What the gate holds nothing else in this package touches.
func TestOnlyTheGateHoldsTheRooms(t *testing.T) {
	pkgs, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	// Of a room, these tell nothing: whether the store answers, whether a name
	// is taken, what a device left for another, whether the hub can hold a connection.
	harmless := []string{"s.gate.rooms.Ready", "s.gate.rooms.Around", "s.gate.rooms.Free", "s.gate.rooms.Deposit", "s.gate.rooms.Withdraw",
		"s.gate.rooms.Own", "s.gate.rooms.Disown", "s.gate.rooms.Account", "s.gate.rooms.SetAccount",
		"s.gate.rooms.UseSession", "s.gate.rooms.Sessions", "s.gate.rooms.EndSession", "s.gate.rooms.EndSessions", "s.gate.rooms.Generation", "s.gate.hub.CanAdopt"}
	files := 0
	for _, entry := range pkgs {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") || strings.HasPrefix(entry.Name(), "gate") {
			continue
		}
		files++
		set := gotoken.NewFileSet()
		file, err := parser.ParseFile(set, entry.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if slices.Contains(harmless, exprString(sel)) {
				return false
			}
			if inner := exprString(sel); strings.HasSuffix(inner, "gate.rooms") || strings.HasSuffix(inner, "gate.hub") || strings.HasSuffix(inner, "v.rooms") || strings.HasSuffix(inner, "v.hub") {
				t.Errorf("%s: %s goes round the gate", set.Position(sel.Pos()), inner)
			}
			return true
		})
	}
	if files < 10 {
		t.Errorf("%d files were read", files)
	}
}

// exprString is a chain of names, as s.gate.rooms.
func exprString(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return exprString(e.X) + "." + e.Sel.Name
	}
	return ""
}
