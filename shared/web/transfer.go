package web

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"confab/shared/chat"
)

// transferLife is how long the link to another device is good.
const transferLife = 2 * time.Minute

// transferKind is what the store knows such a link by.
const transferKind = "transfer"

// A transferAnswer lets another device in as the same user.
type transferAnswer struct {
	Link    string `json:"link"`    // to open there
	QR      string `json:"qr"`      // the link, as SVG
	Seconds int    `json:"seconds"` // for which it is good, once
}

var errNoTransfer = fmt.Errorf("%w: this link was used already, or is older than two minutes: make another one on the other device", chat.ErrUnauthorized)

// transfer makes a link by which another device is signed in as the same user.
// The code is in its fragment, which browsers send to nobody: it comes in no log
// and no preview, and to open the link does not use it up.
func (s *Server) transfer(w http.ResponseWriter, r *http.Request) error {
	u, of, err := s.signedInAs(r)
	if err != nil {
		return err
	}
	if err := s.allowLogin(r); err != nil {
		return err
	}
	code := strings.ToLower(rand.Text())
	t := transferred{u, of.Operator, of.Generation}
	if err := s.gate.rooms.Deposit(r.Context(), transferKind, code, chat.JSON(t), transferLife); err != nil {
		return err
	}
	out := transferAnswer{Link: s.base(r) + "/#transfer=" + code, Seconds: int(transferLife.Seconds())}
	if out.QR, err = s.ways.QR(out.Link); err != nil {
		return err
	}
	s.log.Info("transfer begun", "user", u.ID, "client", s.client(r), "request", w.Header().Get(requestID))
	return answer(w, http.StatusOK, out)
}

// A transferred is what waits for the other device.
type transferred struct {
	User       chat.User
	Operator   bool // the session that made the link says so
	Generation int  // of that session
}

// transferred is the user whose link it was. It is good once, and not after its
// user signed out everywhere.
func (s *Server) transferred(ctx context.Context, code string) (_ chat.User, operator bool, err error) {
	value, err := s.gate.rooms.Withdraw(ctx, transferKind, code)
	if err != nil {
		return chat.User{}, false, err
	}
	var t transferred
	if value == nil || json.Unmarshal(value, &t) != nil {
		return chat.User{}, false, errNoTransfer
	}
	generation, err := s.gate.rooms.Generation(ctx, t.User.ID)
	if err == nil && generation != t.Generation {
		err = errNoTransfer
	}
	return t.User, t.Operator, err
}

// base is the address of this server as its client knows it.
func (s *Server) base(r *http.Request) string {
	scheme := "http://"
	if s.secure(r) {
		scheme = "https://"
	}
	return cmp.Or(strings.TrimSuffix(s.cfg.Origin, "/"), scheme+r.Host)
}
