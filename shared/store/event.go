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

// An event's JSON begins with its room, then comes its position. The engine
// makes the position, so it keeps it beside the rest and inserts it again.
const (
	beforeRoom = `{"room":"`
	afterRoom  = `",`
	zeroPrev   = `"prev":"0-0",`
)

// A Position is what the log gives to an event: its id, the id before it, and the
// time where the id does not tell it.
type Position struct {
	ID, Prev chat.ID
	At       int64 // Unix milliseconds; 0: as the id says
}

// Give returns the event with its position.
func (p Position) Give(ev chat.Event) chat.Event {
	ev.ID, ev.Prev, ev.At = p.ID, p.Prev, p.At
	return ev
}

// Encode is an event as an engine keeps it: JSON without its position.
func Encode(ev chat.Event) []byte {
	return bytes.Replace(chat.JSON(Position{}.Give(ev)), []byte(zeroPrev), nil, 1)
}

// Decode is the other way.
func Decode(p Position, body []byte) (chat.Event, error) {
	var ev chat.Event
	if err := json.Unmarshal(body, &ev); err != nil {
		return ev, fmt.Errorf("event %s: %w", p.ID, err)
	}
	return p.Give(ev), nil
}

// Line is an event of which an engine kept what Encode made.
func Line(p Position, body []byte) (chat.Line, error) {
	ev, err := Decode(p, body)
	if err != nil {
		return chat.Line{}, err
	}
	return Join(ev, body), nil
}

// Join is the line of an event with its position, of which Encode made body
// before it had that: what is encoded already is not encoded again, unless the
// body is in another form, as another program may write it.
func Join(ev chat.Event, body []byte) chat.Line {
	at := len(beforeRoom) + len(ev.Room) + len(afterRoom)
	if len(body) < at || string(body[:at]) != beforeRoom+string(ev.Room)+afterRoom || bytes.ContainsAny(body, "\r\n") {
		return chat.NewLine(ev)
	}
	b := make([]byte, 0, len(body)+len(`"id":"1732130000000-0","prev":"1732130000000-0","at":1732130000000,`)+20)
	b = append(b, body[:at]...)
	b = append(b, `"id":"`...)
	b = ev.ID.Append(b)
	b = append(b, `","prev":"`...)
	b = ev.Prev.Append(b)
	b = append(b, `",`...)
	if ev.At != 0 {
		b = append(b, `"at":`...)
		b = strconv.AppendInt(b, ev.At, 10)
		b = append(b, ',')
	}
	return chat.Line{Event: ev.Shown(), JSON: append(b, body[at:]...)}
}

// Digest tells two bodies under one idempotency key apart. The author's name
// is not in it: a repeat after a change of name is a repeat.
func Digest(ev chat.Event) string {
	b := make([]byte, 0, 256)
	for _, field := range []string{string(ev.Kind), ev.Target.String(), ev.Reply.String(), ev.Emoji, strconv.FormatBool(ev.Off), ev.Text} {
		b = strconv.AppendInt(b, int64(len(field)), 10)
		b = append(append(b, ' '), field...)
	}
	if ev.Notice != "" {
		b = append(append(b, ev.Notice...), chat.JSON(ev.Of)...)
	}
	if ev.Set != (chat.Change{}) || ev.Member != (chat.Standing{}) {
		b = append(append(b, chat.JSON(ev.Set)...), chat.JSON(ev.Member)...)
	}
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// ClaimsName reports whether writing an event claims its author's name. What
// only removes a text does not, nor what an operator settles: neither may wait
// for somebody who took the name.
func ClaimsName(ev chat.Event, rule chat.Rule) bool {
	return rule.Claims() && !(rule.Settles && ev.AsOperator)
}
