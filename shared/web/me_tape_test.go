package web_test

import (
	"context"
	"maps"
	"slices"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
)

// people is what a tape knows of who is signed in.
type people struct {
	generations map[string]int
	ended       map[string]bool                    // "user session"
	sessions    map[string]map[string]chat.Session // by user and id
	outs        []chat.SignOut
	asked       int // how often it was asked for something
}

func (t *tape) signed() *people {
	if t.people == nil {
		t.people = &people{generations: map[string]int{}, ended: map[string]bool{}, sessions: map[string]map[string]chat.Session{}}
	}
	t.people.asked++
	return t.people
}

func (t *tape) UseSession(ctx context.Context, user string, of chat.Session) (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p, now := t.signed(), time.Now().UnixMilli()
	if err := t.fails(ctx); err != nil {
		return 0, err
	}
	if p.generations[user] > of.Generation || p.ended[user+" "+of.ID] {
		return 0, store.ErrSignedOut
	}
	if p.sessions[user] == nil {
		p.sessions[user] = map[string]chat.Session{}
	}
	of.Made, of.Used = now, now
	p.sessions[user][of.ID] = of
	return now, nil
}

func (t *tape) Sessions(ctx context.Context, user string) ([]chat.Session, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.SortedFunc(maps.Values(t.signed().sessions[user]), func(a, b chat.Session) int { return int(b.Used - a.Used) }), t.fails(ctx)
}

func (t *tape) EndSession(ctx context.Context, user, id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.signed()
	p.ended[user+" "+id] = true
	delete(p.sessions[user], id)
	p.outs = append(p.outs, chat.SignOut{User: user, At: time.Now().UnixMilli()})
	return t.fails(ctx)
}

func (t *tape) EndSessions(ctx context.Context, user string) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.signed()
	p.generations[user]++
	delete(p.sessions, user)
	p.outs = append(p.outs, chat.SignOut{User: user, At: time.Now().UnixMilli()})
	return p.generations[user], t.fails(ctx)
}

func (t *tape) Generation(ctx context.Context, user string) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.signed().generations[user], t.fails(ctx)
}

func (t *tape) SignedOut(ctx context.Context, after int64) (outs []chat.SignOut, now int64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, out := range t.signed().outs {
		if out.At >= after {
			outs = append(outs, out)
		}
	}
	return outs, time.Now().UnixMilli(), t.fails(ctx)
}
