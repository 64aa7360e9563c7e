package outbox

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"confab/shared/chat"
)

const (
	spokeLately = 100              // events in which those count who wrote them
	longestName = 8 * chat.MaxName // bytes of a text after an @ that are looked at, as a name's letters are counted in graphemes
)

// A namesake is somebody whom a room knows by a name.
type namesake struct {
	key  string // of the name, see [chat.NameKey]
	user chat.User
}

// named are the users whom a line calls: an @ with the name of somebody whom the
// room knows.
//
// Decision: a name is looked up among those whom the room knows when the line is
// told: who is in it now, its members, and who wrote its last hundred events, in
// this order, so that a name is that of who has it now. Turned down: one list of
// all names of a server. A name is nobody's for good, so it would call whoever had
// it once; strangers could call people from rooms that these never saw; and that
// a private room's people are called would say who they are.
func (w *Worker) named(ctx context.Context, ev chat.Event) ([]chat.User, error) {
	if !strings.Contains(ev.Text, "@") {
		return nil, nil
	}
	us, err := w.people(ctx, ev.Room)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var known []namesake
	for _, u := range us {
		if key := chat.NameKey(u.Name); key != "" && !seen[key] {
			seen[key] = true
			known = append(known, namesake{key, u})
		}
	}
	return called(ev.Text, known), nil
}

// people are those whom a room knows. Of several of a name the first has it.
func (w *Worker) people(ctx context.Context, room chat.RoomID) ([]chat.User, error) {
	us, err := w.store.People(ctx, room)
	if err != nil {
		return nil, err
	}
	members, err := w.store.Members(ctx, room)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		us = append(us, m.User)
	}
	evs, err := w.store.Before(ctx, room, chat.ID{}, spokeLately)
	for _, ev := range slices.Backward(evs) {
		us = append(us, ev.By)
	}
	return us, err
}

// called are those of the people whom a text calls, in the order of the text. The
// longest name that fits is meant: "@Ann Lee" is not Ann.
func called(text string, known []namesake) (us []chat.User) {
	known = slices.Clone(known)
	slices.SortFunc(known, func(a, b namesake) int { return cmp.Compare(len(b.key), len(a.key)) })
	before := ' '
	for i, c := range text {
		if c == '@' && !inWord(before) && len(us) < chat.MaxMentions {
			if u, ok := begins(text[i+1:], known); ok && !slices.Contains(us, u) {
				us = append(us, u)
			}
		}
		before = c
	}
	return us
}

// begins is whose name a text begins with.
func begins(text string, known []namesake) (chat.User, bool) {
	if len(text) > longestName {
		text = strings.ToValidUTF8(text[:longestName], "")
	}
	key := chat.NameKey(text)
	for _, n := range known {
		if rest, ok := strings.CutPrefix(key, n.key); ok {
			if next, _ := utf8.DecodeRuneInString(rest); rest == "" || !inWord(next) {
				return n.user, true
			}
		}
	}
	return chat.User{}, false
}

// inWord reports whether a character goes on with a word.
func inWord(c rune) bool { return unicode.In(c, unicode.L, unicode.M, unicode.N) || c == '_' }
