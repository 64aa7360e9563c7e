package web_test

import (
	"bytes"
	"context"

	"confab/shared/chat"
)

// owners are the names that belong to users, and what is kept of those.
type owners struct {
	names    map[string]string // user by [chat.NameKey]
	accounts map[string][]byte
}

func (t *tape) Own(ctx context.Context, u chat.User) error {
	if taken, _ := t.Around(ctx, u); taken {
		return chat.ErrNameTaken
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.owners.names == nil {
		t.owners = owners{map[string]string{}, map[string][]byte{}}
	}
	key := chat.NameKey(u.Name)
	if owner := t.owners.names[key]; owner != "" && owner != u.ID {
		return chat.ErrNameTaken
	}
	t.owners.names[key] = u.ID
	return t.fails(ctx)
}

func (t *tape) Disown(ctx context.Context, u chat.User) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if key := chat.NameKey(u.Name); t.owners.names[key] == u.ID {
		delete(t.owners.names, key)
	}
	return t.fails(ctx)
}

func (t *tape) Account(ctx context.Context, user string) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.owners.accounts[user], t.fails(ctx)
}

func (t *tape) SetAccount(ctx context.Context, user string, old, value []byte) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !bytes.Equal(t.owners.accounts[user], old) {
		return false, t.fails(ctx)
	}
	if t.owners.accounts == nil {
		t.owners = owners{map[string]string{}, map[string][]byte{}}
	}
	t.owners.accounts[user] = value
	return true, t.fails(ctx)
}

func (t *tape) Free(ctx context.Context, us ...chat.User) error {
	t.freed = append(t.freed, us...)
	return t.fails(ctx)
}

func (t *tape) Around(ctx context.Context, u chat.User) (bool, error) {
	for _, other := range t.here {
		if other.ID != u.ID && chat.NameKey(other.Name) == chat.NameKey(u.Name) {
			return true, t.fails(ctx)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	owner := t.owners.names[chat.NameKey(u.Name)]
	return owner != "" && owner != u.ID, t.fails(ctx)
}
