package web

import (
	"context"
	"encoding/base64"
	"net/http"
	"slices"

	"confab/shared/chat"
	"confab/shared/identity"
)

// account is what is kept of a user who owns a name.
func (s *Server) account(ctx context.Context, user string) (identity.Account, error) {
	b, err := s.gate.rooms.Account(ctx, user)
	if err != nil {
		return identity.Account{}, err
	}
	return identity.ReadAccount(b)
}

// changeAccount changes what is kept of a user. Of those who change it at once
// each sees what the one before left.
func (s *Server) changeAccount(ctx context.Context, user string, change func(*identity.Account) error) (a identity.Account, err error) {
	for range changeTries {
		old, err := s.gate.rooms.Account(ctx, user)
		if err != nil {
			return a, err
		}
		if a, err = identity.ReadAccount(old); err != nil {
			return a, err
		}
		if err := change(&a); err != nil {
			return a, err
		}
		var value []byte
		if a.Name != "" {
			value = a.Encode()
		}
		done, err := s.gate.rooms.SetAccount(ctx, user, old, value)
		if err != nil || done {
			return a, err
		}
	}
	return a, errBusyAccount
}

// signInOwner signs the owner of a name in. After a year the name may be another's:
// then a number tells the two apart.
func (s *Server) signInOwner(w http.ResponseWriter, r *http.Request, id string, account identity.Account, out loginAnswer, token bool) (err error) {
	out.User, err = s.ownFree(r.Context(), id, func(n int) string { return numbered(account.Name, n) })
	if err == nil && out.User.Name != account.Name {
		_, err = s.changeAccount(r.Context(), id, func(a *identity.Account) error { a.Name = out.User.Name; return nil })
	}
	if err != nil {
		return err
	}
	cookie, err := s.signInAgain(w, r, out.User)
	if err != nil {
		return err
	}
	if token {
		out.Token = cookie.Value
	}
	return answer(w, http.StatusOK, out)
}

// recover signs in whoever has a recovery code, which is good once, and answers
// with the next one.
func (s *Server) recover(w http.ResponseWriter, r *http.Request, in loginRequest) error {
	if err := s.allowLogin(r); err != nil {
		return err
	}
	id, secret, ok := identity.ReadRecovery(in.Recovery)
	if !ok {
		return errBadRecovery
	}
	next := ""
	account, err := s.changeAccount(r.Context(), id, func(a *identity.Account) error {
		if !a.Recovers(secret) {
			return errBadRecovery
		}
		next = a.NewRecovery(id)
		return nil
	})
	if err != nil {
		return err
	}
	return s.signInOwner(w, r, id, account, loginAnswer{Recovery: next}, in.Token)
}

// passkeys lists those of the user.
func (s *Server) passkeys(w http.ResponseWriter, r *http.Request) error {
	u, err := s.user(r)
	if err != nil {
		return err
	}
	account, err := s.account(r.Context(), u.ID)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, listed(u, account, ""))
}

// removePasskey forgets a key of the user. With the last one the name is not
// owned any more.
func (s *Server) removePasskey(w http.ResponseWriter, r *http.Request) error {
	u, err := s.user(r)
	if err != nil {
		return err
	}
	id, err := base64.RawURLEncoding.DecodeString(r.PathValue("passkey"))
	if err != nil {
		return errNoSuchKey
	}
	owned := u
	account, err := s.changeAccount(r.Context(), u.ID, func(a *identity.Account) error {
		owned.Name = a.Name
		i := slices.IndexFunc(a.Keys, func(k identity.Key) bool { return string(k.ID) == string(id) })
		switch {
		case i < 0:
			return errNoSuchKey
		case len(a.Keys) == 1 && !s.offers(ByName):
			return errLastKey
		case len(a.Keys) == 1:
			*a = identity.Account{}
			return nil
		}
		a.Keys = slices.Delete(a.Keys, i, i+1)
		return nil
	})
	if err == nil && len(account.Keys) == 0 {
		err = s.gate.rooms.Disown(r.Context(), owned)
	}
	if err != nil {
		return err
	}
	s.log.Info("passkey removed", "user", u.ID, "request", w.Header().Get(requestID))
	return answer(w, http.StatusOK, listed(u, account, ""))
}

func listed(u chat.User, a identity.Account, recovery string) passkeyList {
	out := passkeyList{User: u, Passkeys: []passkeyItem{}, Recovery: recovery}
	for _, k := range a.Keys {
		out.Passkeys = append(out.Passkeys, passkeyItem{base64.RawURLEncoding.EncodeToString(k.ID), k.Label, k.Made, k.Used})
	}
	return out
}
