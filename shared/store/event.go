package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"

	"confab/shared/chat"
)

// An event's JSON begins with its room, then come its id and prev. An engine
// keeps the two beside the rest, for it makes them, and sets them in again.
const (
	beforeRoom = `{"room":"`
	afterRoom  = `",`
	zeroPrev   = `"prev":"0-0",`
)

// Encode is an event as an engine keeps it: JSON without id and prev.
func Encode(ev chat.Event) []byte {
	ev.ID, ev.Prev = chat.ID{}, chat.ID{}
	return bytes.Replace(chat.JSON(ev), []byte(zeroPrev), nil, 1)
}

// Decode is the other way.
func Decode(id, prev chat.ID, body []byte) (chat.Event, error) {
	var ev chat.Event
	if err := json.Unmarshal(body, &ev); err != nil {
		return ev, fmt.Errorf("event %s: %w", id, err)
	}
	ev.ID, ev.Prev = id, prev
	return ev, nil
}

// Join sets id and prev into what Encode made of an event of a room. It is what
// chat.JSON makes of the event, without encoding it again.
func Join(room chat.RoomID, id, prev chat.ID, body []byte) []byte {
	at := len(beforeRoom) + len(room) + len(afterRoom)
	b := make([]byte, 0, len(body)+100)
	b = append(b, body[:at]...)
	b = append(b, `"id":"`...)
	b = id.Append(b)
	b = append(b, `","prev":"`...)
	b = prev.Append(b)
	b = append(b, `",`...)
	return append(b, body[at:]...)
}

// Digest tells two bodies under one idempotency key apart. The author's name
// is not in it: a repeat after a change of name is a repeat.
func Digest(ev chat.Event) string {
	b := make([]byte, 0, 256)
	for _, field := range []string{string(ev.Kind), ev.Target.String(), ev.Reply.String(), ev.Emoji, strconv.FormatBool(ev.Off), ev.Text} {
		b = strconv.AppendInt(b, int64(len(field)), 10)
		b = append(append(b, ' '), field...)
	}
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
