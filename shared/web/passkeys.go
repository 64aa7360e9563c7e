package web

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"confab/shared/chat"
	"confab/shared/identity"
)

const (
	ceremonyLife = 5 * time.Minute // from what a browser is asked to its answer
	maxPasskeys  = 10              // of one user
	maxLabel     = 40              // characters of what a user calls one
	changeTries  = 5               // of an account, which others change at the same time

	makePurpose = "passkey make" // what a state is sealed for
	showPurpose = "passkey show"
)

// Passkeys makes and checks passkeys, with an authenticator of the user.
type Passkeys interface {
	Begin(at identity.Website, u chat.User, have []identity.Key) (options any, state []byte, err error)
	Make(at identity.Website, u chat.User, state, answer []byte) (identity.Key, error)
	Ask(at identity.Website) (options any, state []byte, err error)
	Check(at identity.Website, state, answer []byte, find func(user string) ([]identity.Key, error)) (user string, k identity.Key, err error)
}

var (
	errNoPasskeys  = fmt.Errorf("%w: there are no passkeys on this server", chat.ErrForbidden)
	errManyKeys    = fmt.Errorf("%w: that is %d passkeys, and no more can be kept: nothing was changed, remove one first", chat.ErrConflict, maxPasskeys)
	errLastKey     = fmt.Errorf("%w: on this server a name has to be proven, and this is your last passkey: nothing was changed, add another one first", chat.ErrConflict)
	errNoSuchKey   = fmt.Errorf("%w: you have no such passkey", chat.ErrNotFound)
	errBadRecovery = fmt.Errorf("%w: this recovery code was used already, or is none: nothing was changed", chat.ErrUnauthorized)
	errBusyAccount = fmt.Errorf("%w: this was changed from another device at the same time: try again", chat.ErrConflict)
)

// A passkeyRequest begins, without a credential, or ends the making or showing
// of a passkey.
type passkeyRequest struct {
	Name       string          `json:"name,omitempty"`  // of somebody who is not signed in, and makes one
	Label      string          `json:"label,omitempty"` // what the new one is called
	State      string          `json:"state,omitempty"` // as it was answered
	Credential json.RawMessage `json:"credential,omitempty"`
	Token      bool            `json:"token,omitempty"`
}

// A passkeyOptions is what a browser's navigator.credentials is called with, and
// what has to be sent back beside what it answers.
type passkeyOptions struct {
	Options any    `json:"options"`
	State   string `json:"state"`
}

// A passkeyList is what a user has to be known again by.
type passkeyList struct {
	User     chat.User     `json:"user"`
	Passkeys []passkeyItem `json:"passkeys"`
	Recovery string        `json:"recovery,omitempty"` // a code that lets the user in once, shown this once
}

type passkeyItem struct {
	ID    string `json:"id"`
	Label string `json:"label,omitempty"`
	Made  int64  `json:"made"` // Unix seconds
	Used  int64  `json:"used,omitempty"`
}

// A ceremony is what a state says.
type ceremony struct {
	User chat.User       `json:"user,omitzero"` // who makes a passkey
	Data json.RawMessage `json:"data"`
}

// website is this site as browsers know it.
func (s *Server) website(r *http.Request) identity.Website {
	origin := s.base(r)
	u, err := url.Parse(origin)
	if err != nil {
		return identity.Website{}
	}
	return identity.Website{Origin: origin, Host: u.Hostname()}
}

func (s *Server) readPasskey(r *http.Request) (in passkeyRequest, err error) {
	if s.ways.Passkeys == nil || !s.offers(ByPasskey) {
		return in, errNoPasskeys
	}
	if err := s.allowLogin(r); err != nil {
		return in, err
	}
	if err := readJSON(r, &in); err != nil {
		return in, err
	}
	if utf8.RuneCountInString(in.Label) > maxLabel {
		return in, fmt.Errorf("%w: the label has more than %d characters", chat.ErrInvalid, maxLabel)
	}
	return in, nil
}

// ask answers with what a browser is asked, and with the state in which it is.
func (s *Server) ask(w http.ResponseWriter, purpose string, options any, c ceremony) error {
	state, err := s.cfg.Users.Seal(purpose, ceremonyLife, c)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, passkeyOptions{options, state})
}

// once uses a state up, so that an answer that somebody overheard is worth
// nothing.
func (s *Server) once(ctx context.Context, purpose, state string, c *ceremony) error {
	if err := s.cfg.Users.Unseal(purpose, state, c); err != nil {
		return err
	}
	if s.cfg.Once == nil {
		return nil
	}
	sum := sha256.Sum256([]byte(state))
	err := s.cfg.Once(ctx, base64.RawURLEncoding.EncodeToString(sum[:]), 2*ceremonyLife)
	if errors.Is(err, chat.ErrTooMany) {
		return identity.ErrSeal
	}
	return err
}

// makePasskey makes a key for the user, whose name is owned from then on. Whoever
// is not signed in says a name with the first request, and is in with the second.
func (s *Server) makePasskey(w http.ResponseWriter, r *http.Request) error {
	u, err := s.user(r)
	signedIn := err == nil
	if err != nil && !errors.Is(err, identity.ErrNone) {
		return err
	}
	in, err := s.readPasskey(r)
	if err != nil {
		return err
	}
	if len(in.Credential) == 0 {
		return s.beginPasskey(w, r, u, in.Name)
	}
	var c ceremony
	if err := s.once(r.Context(), makePurpose, in.State, &c); err != nil {
		return err
	}
	if signedIn && c.User.ID != u.ID {
		return identity.ErrSeal
	}
	key, err := s.ways.Passkeys.Make(s.website(r), c.User, c.Data, in.Credential)
	if err != nil {
		return s.logRefusal(err)
	}
	key.Label = in.Label
	if err := s.gate.rooms.Own(r.Context(), c.User); err != nil {
		return err
	}
	code := ""
	account, err := s.changeAccount(r.Context(), c.User.ID, func(a *identity.Account) error {
		if len(a.Keys) >= maxPasskeys {
			return errManyKeys
		}
		if code = ""; a.Recovery == nil {
			code = a.NewRecovery(c.User.ID)
		}
		a.Name, a.Keys = c.User.Name, append(a.Keys, key)
		return nil
	})
	if err != nil {
		return err
	}
	if !signedIn {
		if _, err := s.signInAgain(w, r, c.User); err != nil {
			return err
		}
	}
	s.log.Info("passkey made", "user", c.User.ID, "request", w.Header().Get(requestID))
	return answer(w, http.StatusOK, listed(c.User, account, code))
}

func (s *Server) beginPasskey(w http.ResponseWriter, r *http.Request, u chat.User, said string) error {
	if u.ID == "" {
		name, err := s.ways.Name(said)
		if err != nil {
			return err
		}
		if u, _, err = s.sayer(r, name); err != nil {
			return err
		}
	}
	taken, err := s.gate.rooms.Around(r.Context(), u)
	if err == nil && taken {
		err = chat.ErrNameTaken
	}
	if err != nil {
		return err
	}
	account, err := s.account(r.Context(), u.ID)
	if err != nil {
		return err
	}
	options, data, err := s.ways.Passkeys.Begin(s.website(r), u, account.Keys)
	if err != nil {
		return err
	}
	return s.ask(w, makePurpose, options, ceremony{u, data})
}

// showPasskey signs in whoever shows a passkey, whatever the device.
func (s *Server) showPasskey(w http.ResponseWriter, r *http.Request) error {
	in, err := s.readPasskey(r)
	if err != nil {
		return err
	}
	if len(in.Credential) == 0 {
		options, data, err := s.ways.Passkeys.Ask(s.website(r))
		if err != nil {
			return err
		}
		return s.ask(w, showPurpose, options, ceremony{Data: data})
	}
	var c ceremony
	if err := s.once(r.Context(), showPurpose, in.State, &c); err != nil {
		return err
	}
	id, key, err := s.ways.Passkeys.Check(s.website(r), c.Data, in.Credential, func(user string) ([]identity.Key, error) {
		account, err := s.account(r.Context(), user)
		return account.Keys, err
	})
	if err != nil {
		return s.logRefusal(err)
	}
	account, err := s.changeAccount(r.Context(), id, func(a *identity.Account) error { return used(a, key) })
	if err != nil {
		return err
	}
	return s.signInOwner(w, r, id, account, loginAnswer{}, in.Token)
}

// used puts a key that was shown in its place in the account. Its counter rises
// only: of two who show it at once, one had a copy.
func used(a *identity.Account, key identity.Key) error {
	for i, k := range a.Keys {
		if string(k.ID) != string(key.ID) {
			continue
		}
		if k.Count > 0 && key.Count <= k.Count {
			return &identity.Refusal{Why: "the counter rose meanwhile"}
		}
		key.Label = k.Label
		a.Keys[i] = key
		return nil
	}
	return errNoSuchKey
}

func (s *Server) logRefusal(err error) error {
	if refusal, ok := errors.AsType[*identity.Refusal](err); ok {
		s.log.Info("passkey refused", "why", refusal.Why)
	}
	return err
}
