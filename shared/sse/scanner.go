package sse

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// MaxEvent is the size up to which a Scanner reads an event.
const MaxEvent = 1 << 20

// ErrTooLong says that an event is larger than MaxEvent.
var ErrTooLong = errors.New("sse: event is too long")

// An Event is one event that was read.
type Event struct {
	Type string // "message" where the frame names none
	Data string // its lines, joined by "\n"
	ID   string // the last id of the stream, be it of an earlier event
}

// A Scanner reads the events of a stream, as the HTML standard has a browser
// read them: comments are skipped, and so is an event without data, though its
// id counts. What a cut leaves unfinished is no event.
type Scanner struct {
	r     *bufio.Reader
	event Event
	retry time.Duration
	err   error
	begun bool

	line []byte // the last line, without its end
	cr   bool   // it ended with a CR, so an LF belongs to it
}

// NewScanner returns a scanner of a stream's body.
func NewScanner(r io.Reader) *Scanner {
	return &Scanner{r: bufio.NewReader(r), event: Event{Type: Message}}
}

// Event is the last event that Scan read.
func (s *Scanner) Event() Event { return s.event }

// LastID is the id to come back with.
func (s *Scanner) LastID() string { return s.event.ID }

// Retry is after what time the server wants the client to come back.
func (s *Scanner) Retry() time.Duration { return s.retry }

// Err is why Scan reported false. It is nil at a stream's end.
func (s *Scanner) Err() error { return s.err }

// Scan reads the next event and reports whether there is one.
func (s *Scanner) Scan() bool {
	kind, id, data := "", s.event.ID, []string(nil)
	for size := 0; s.readLine(); {
		if size += len(s.line); size > MaxEvent {
			s.err = ErrTooLong
			return false
		}
		if len(s.line) == 0 {
			s.event.ID = id
			if data == nil {
				kind, size = "", 0
				continue
			}
			if kind == "" {
				kind = Message
			}
			s.event.Type, s.event.Data = kind, strings.Join(data, "\n")
			return true
		}
		name, value, _ := strings.Cut(string(s.line), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "event":
			kind = value
		case "data":
			data = append(data, value)
		case "id":
			if !strings.Contains(value, "\x00") {
				id = value
			}
		case "retry":
			if ms, err := strconv.ParseUint(value, 10, 31); err == nil {
				s.retry = time.Duration(ms) * time.Millisecond
			}
		}
	}
	return false
}

// readLine reads a line, which ends with LF, CR or both. It does not wait for
// an LF after a CR.
func (s *Scanner) readLine() bool {
	s.line = s.line[:0]
	for s.err == nil {
		c, err := s.r.ReadByte()
		if err != nil {
			if err != io.EOF {
				s.err = err
			}
			return false
		}
		after := s.cr
		s.cr = c == '\r'
		switch {
		case c == '\n' && after:
		case c == '\n', c == '\r':
			if !s.begun {
				s.begun = true
				s.line = bytes.TrimPrefix(s.line, []byte("\xef\xbb\xbf"))
			}
			return true
		case len(s.line) > MaxEvent:
			s.err = ErrTooLong
		default:
			s.line = append(s.line, c)
		}
	}
	return false
}
