package store

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"confab/shared/chat"
)

// encode is an event as the log and the channel hold it: JSON without id and
// prev, which stand beside it.
func encode(ev chat.Event) []byte {
	ev.ID, ev.Prev = chat.ID{}, chat.ID{}
	return chat.JSON(ev)
}

// decode is the other way.
func decode(id, prev, body string) (chat.Event, error) {
	var ev chat.Event
	if err := json.Unmarshal([]byte(body), &ev); err != nil {
		return ev, fmt.Errorf("event %s: %w", id, err)
	}
	var err error
	if ev.ID, err = chat.ParseID(id); err != nil {
		return ev, err
	}
	ev.Prev, err = chat.ParseID(prev)
	return ev, err
}

// digest tells two bodies under one idempotency key apart. The author's name
// is not in it: a repeat after a change of name is a repeat.
func digest(ev chat.Event) string {
	ev.By = chat.User{}
	ev.ID, ev.Prev = chat.ID{}, chat.ID{}
	sum := sha256.Sum256(chat.JSON(ev))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
