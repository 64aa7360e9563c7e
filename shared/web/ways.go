package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"confab/shared/chat"
	"confab/shared/identity"
)

// The ways to sign in.
const (
	ByName     = "name"    // by saying one
	ByProvider = "oidc"    // at an OpenID provider
	ByPasskey  = "passkey" // by showing a key that an authenticator keeps
	BySite     = "site"    // by the token of a site that is trusted
)

// Ways is what signing in needs. It is given, and not imported, so that a
// function without these routes does not carry it.
type Ways struct {
	// Name reads a name that somebody says. Its errors are of chat's kinds.
	Name func(name string) (string, error)
	// QR draws a link as SVG.
	QR func(link string) (string, error)
	// Device says in a few words what a User-Agent is.
	Device func(userAgent string) string
	// Provider is the OpenID provider that is trusted. Nil: none is.
	Provider Provider
	// Passkeys makes and checks passkeys. Nil: there are none.
	Passkeys Passkeys
	// Site reads the token of a site that is trusted. Nil: none is.
	Site func(ctx context.Context, token string) (identity.Proof, error)
}

var (
	errNotByName = fmt.Errorf("%w: on this server a name has to be proven: choose another way to sign in", chat.ErrForbidden)
	errNoSite    = fmt.Errorf("%w: this server takes no tokens of another site. If you run it: set SITE_KEYS or SITE_JWKS", chat.ErrForbidden)
	errOther     = fmt.Errorf("%w: the proxy in front says that you are somebody else now: load the page again", chat.ErrUnauthorized)
	errTwoUsers  = fmt.Errorf("%w: the proxy in front names two users. If you run it: have it set the header anew, not add to it", chat.ErrUnauthorized)
)

// offered are the ways to sign in here.
func (s *Server) offered() []string {
	if s.cfg.SignIn == nil {
		return []string{ByName}
	}
	return s.cfg.SignIn
}

func (s *Server) offers(way string) bool { return slices.Contains(s.offered(), way) }

// proven is the user that a request proves to be, or wants to be, and whether an
// operator's session is the proof.
func (s *Server) proven(r *http.Request, in loginRequest) (u chat.User, operator bool, err error) {
	if in.Transfer != "" {
		if err := s.allowLogin(r); err != nil {
			return u, false, err
		}
		return s.transferred(r.Context(), in.Transfer)
	}
	u, err = s.asserted(r, in)
	return u, s.staysOperator(r, u), err
}

// asserted is the user that a request says by a name, or another says for them.
func (s *Server) asserted(r *http.Request, in loginRequest) (chat.User, error) {
	if in.Assertion == "" {
		if u, vouched, err := s.vouchedFor(r); vouched || err != nil {
			return u, err
		}
		return s.named(r, in.Name)
	}
	if err := s.allowLogin(r); err != nil {
		return chat.User{}, err
	}
	if s.ways.Site == nil || !s.offers(BySite) {
		return chat.User{}, errNoSite
	}
	p, err := s.ways.Site(r.Context(), in.Assertion)
	if err != nil {
		return chat.User{}, err
	}
	return s.believe(r.Context(), p)
}

// named is the user that a request is signed in as, or a new one, under a name
// that somebody says. A session that has expired, and was not ended, is proof
// enough of who it was.
// So a connection of the same user that has not been missed yet does not keep
// the name from them.
func (s *Server) named(r *http.Request, said string) (chat.User, error) {
	name, err := s.ways.Name(said)
	if err != nil {
		return chat.User{}, err
	}
	if err := s.allowLogin(r); err != nil {
		return chat.User{}, err
	}
	u, returns, err := s.sayer(r, name)
	if err != nil {
		return chat.User{}, err
	}
	if returns {
		if owns, err := s.rename(r.Context(), u); owns || err != nil {
			return u, err
		}
	}
	if !s.offers(ByName) {
		return chat.User{}, errNotByName
	}
	taken, err := s.gate.rooms.Around(r.Context(), u)
	if err != nil {
		return chat.User{}, err
	}
	if taken {
		return chat.User{}, chat.ErrNameTaken
	}
	return u, nil
}

// sayer is the user of a request's session, good or expired, or a new one, under
// a name that is said.
func (s *Server) sayer(r *http.Request, name string) (u chat.User, returns bool, err error) {
	u = identity.NewUser(name)
	old, _, returns, err := s.returning(r)
	if returns {
		u.ID = old.ID
	}
	return u, returns, err
}

// rename gives a user who owns a name another one in its place. It reports false
// for a user who owns none.
func (s *Server) rename(ctx context.Context, u chat.User) (owns bool, err error) {
	account, err := s.account(ctx, u.ID)
	if err != nil || account.Name == "" {
		return false, err
	}
	if err := s.gate.rooms.Own(ctx, u); err != nil {
		return true, err
	}
	if _, err := s.changeAccount(ctx, u.ID, func(a *identity.Account) error { a.Name = u.Name; return nil }); err != nil {
		return true, err
	}
	if chat.NameKey(account.Name) != chat.NameKey(u.Name) {
		return true, s.gate.rooms.Disown(ctx, chat.User{ID: u.ID, Name: account.Name})
	}
	return true, nil
}

// believe is the user whom a proof is about, in the rooms that it names. The user
// owns the name from now on.
func (s *Server) believe(ctx context.Context, p identity.Proof) (chat.User, error) {
	u, err := s.ownFree(ctx, p.UserID(), func(n int) string { return s.nameOf(p, n) })
	if err != nil {
		return chat.User{}, err
	}
	return u, s.gate.enroll(ctx, u, p.Role, p.Rooms)
}

// maxNamesakes is how many users may be told apart by a number.
const maxNamesakes = 99

// ownFree gives a user the first of some names that is no other's.
func (s *Server) ownFree(ctx context.Context, id string, name func(n int) string) (chat.User, error) {
	u, err := chat.User{ID: id}, chat.ErrNameTaken
	for n := 1; errors.Is(err, chat.ErrNameTaken) && n <= maxNamesakes; n++ {
		u.Name = name(n)
		err = s.gate.rooms.Own(ctx, u)
	}
	return u, err
}

// numbered is a name for the nth who has it.
func numbered(name string, n int) string {
	if n == 1 {
		return name
	}
	suffix, letters := " "+strconv.Itoa(n), []rune(name)
	return strings.TrimSpace(string(letters[:min(len(letters), chat.MaxName-len(suffix))])) + suffix
}

// nameOf is the name of a proof's user who is the nth of that name. One that
// nobody could say here, or none, is made of the id.
func (s *Server) nameOf(p identity.Proof, n int) string {
	given := []rune(strings.TrimSpace(p.Name))
	name, err := s.ways.Name(numbered(string(given[:min(len(given), chat.MaxName)]), n))
	if err != nil || len(given) == 0 {
		return numbered("user "+p.UserID()[2:8], n)
	}
	return name
}

// proxyIssuer is whose users those of the header are.
const proxyIssuer = "proxy"

// vouched is who sent a request, as a trusted proxy says in its header. From
// others the header says nothing. A secret that a CDN sends does not do: the CDN
// passes on the headers of its clients.
func (s *Server) vouched(r *http.Request) (p identity.Proof, ok bool, err error) {
	if s.cfg.UserHeader == "" || s.ways.Name == nil || !s.trusts(remote(r)) {
		return p, false, nil
	}
	values := r.Header.Values(s.cfg.UserHeader)
	switch {
	case len(values) > 1:
		return p, false, errTwoUsers
	case len(values) == 0 || strings.TrimSpace(values[0]) == "":
		return p, false, nil
	}
	subject := strings.TrimSpace(values[0])
	name, _, _ := strings.Cut(subject, "@")
	return identity.Proof{Issuer: proxyIssuer, Subject: subject, Name: name}, true, nil
}

// vouchedFor is the user of whom a trusted proxy says that they sent a request.
func (s *Server) vouchedFor(r *http.Request) (u chat.User, ok bool, err error) {
	p, ok, err := s.vouched(r)
	if !ok || err != nil {
		return u, ok, err
	}
	u, err = s.believe(r.Context(), p)
	return u, true, err
}

// vouchedUser signs a user in whom a trusted proxy names, unless the session is
// that user's already.
func (s *Server) vouchedUser(w http.ResponseWriter, r *http.Request) (u chat.User, signedIn bool, err error) {
	if _, ok, err := s.vouched(r); !ok || err != nil {
		return u, false, err
	}
	if _, err := s.user(r); err == nil {
		return u, false, nil
	}
	u, _, err = s.vouchedFor(r)
	if err == nil {
		_, err = s.signInAgain(w, r, u)
	}
	return u, err == nil, err
}
