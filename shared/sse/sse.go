// Package sse writes and reads server-sent events (HTML standard, "Server-sent
// events").
//
// A frame is one event on the wire. In every frame the id comes last:
//
//	event: edit                absent for a message
//	data: {"room":…}           a line of data, or several
//	id: 1732130000000-0        what a client that was cut comes back with; a signal has none
//	<blank line>
//
// Decision: the id comes after the data. Several clients store the id as soon
// as they read its line, and not at the blank line as the standard says. If
// such a client were cut off between the two, it would come back with the id of
// an event that it never saw.
package sse

import (
	"bytes"
	"strconv"
	"time"
)

// Message is the type of a frame that names none.
const Message = "message"

// A Frame is one event to be written. Type and ID must not hold a line break.
type Frame struct {
	Type string
	Data []byte // its line breaks become those between lines of data
	ID   []byte // empty: the client keeps the one that it has
}

// Append adds the frame to b.
func (f Frame) Append(b []byte) []byte {
	if f.Type != Message {
		b = append(b, "event: "...)
		b = append(b, f.Type...)
		b = append(b, '\n')
	}
	data := f.Data
	for {
		line, rest, more := bytes.Cut(data, []byte("\n"))
		b = append(b, "data: "...)
		b = append(b, line...)
		b = append(b, '\n')
		if !more {
			break
		}
		data = rest
	}
	if len(f.ID) > 0 {
		b = append(b, "id: "...)
		b = append(b, f.ID...)
		b = append(b, '\n')
	}
	return append(b, '\n')
}

// Size is the number of bytes that Append adds for data of one line.
func (f Frame) Size() int {
	n := f.DataAt() + len(f.Data) + len("\n\n")
	if len(f.ID) > 0 {
		n += len("id: ") + len(f.ID) + len("\n")
	}
	return n
}

// DataAt is where in the frame the data begins.
func (f Frame) DataAt() int {
	n := len("data: ")
	if f.Type != Message {
		n += len("event: ") + len(f.Type) + len("\n")
	}
	return n
}

// AppendRetry adds the line that tells a client after what time to come back
// when its connection ends. It belongs in front of a frame.
func AppendRetry(b []byte, d time.Duration) []byte {
	b = append(b, "retry: "...)
	b = strconv.AppendInt(b, d.Milliseconds(), 10)
	return append(b, '\n')
}
