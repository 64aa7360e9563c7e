package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"confab/shared/chat"
	"confab/shared/identity"
	"confab/shared/store"
)

// SessionLife is how long a session is good that somebody gets at a login.
const SessionLife = sessionLife

// A Token is a session as text.
type Token struct {
	User chat.User
	Text string
}

// Token makes a session of a new user that lasts life and that the servers of
// this environment take.
func (c Config) Token(ctx context.Context, open store.Opener, name string, operator bool, life time.Duration) (t Token, err error) {
	signer, err := c.signer(ctx, open, life)
	if err != nil {
		return t, err
	}
	t.User = identity.NewUser(name)
	if operator {
		t.Text, err = signer.OperatorToken(t.User)
	} else {
		t.Text, err = signer.Token(t.User)
	}
	return t, err
}

// signer opens the store only where the servers have their key from there, and
// makes no key: nobody would take what it signs.
func (c Config) signer(ctx context.Context, open store.Opener, life time.Duration) (*identity.Signer, error) {
	if c.RedisURL == "" && len(c.SessionKeys) == 0 {
		path := filepath.Join(c.DataDir, keyFile)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("DATA_DIR: there is no %s: start the server once, or set DATA_DIR or SESSION_KEYS to what it has", path)
		}
	}
	keys, err := c.keys()
	if err == nil && c.RedisURL != "" && len(c.SessionKeys) == 0 {
		opts := c.Rooms(slog.New(slog.DiscardHandler))
		opts.Quick = true
		st, openErr := open(ctx, opts)
		if openErr != nil {
			return nil, openErr
		}
		keys, err = c.share(ctx, st, keys)
		err = errors.Join(err, st.Close())
	}
	if err != nil {
		return nil, err
	}
	return identity.New(life, keys...)
}
