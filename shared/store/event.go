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

// Line is an event of which an engine kept what Encode made.
func Line(id, prev chat.ID, body []byte) (chat.Line, error) {
	ev, err := Decode(id, prev, body)
	if err != nil {
		return chat.Line{}, err
	}
	return Join(ev, body), nil
}

// Join is the line of an event with its id and prev, of which Encode made body
// before it had them: what is encoded by now is not encoded again. A body that
// is in another form, as another program may write it, is.
func Join(ev chat.Event, body []byte) chat.Line {
	at := len(beforeRoom) + len(ev.Room) + len(afterRoom)
	if len(body) < at || string(body[:at]) != beforeRoom+string(ev.Room)+afterRoom || bytes.ContainsAny(body, "\r\n") {
		return chat.NewLine(ev)
	}
	b := make([]byte, 0, len(body)+len(`"id":"1732130000000-0","prev":"1732130000000-0",`)+20)
	b = append(b, body[:at]...)
	b = append(b, `"id":"`...)
	b = ev.ID.Append(b)
	b = append(b, `","prev":"`...)
	b = ev.Prev.Append(b)
	b = append(b, `",`...)
	return chat.Line{Event: ev, JSON: append(b, body[at:]...)}
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
