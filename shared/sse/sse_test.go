package sse_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"confab/shared/sse"
)

// scan reads all events of a stream.
func scan(body string) (events []sse.Event, s *sse.Scanner) {
	s = sse.NewScanner(iotest.OneByteReader(strings.NewReader(body)))
	for s.Scan() {
		events = append(events, s.Event())
	}
	return events, s
}

func TestFrameIsReadAsItWasWritten(t *testing.T) {
	for _, f := range []sse.Frame{
		{Type: "message", Data: []byte(`{"text":"hi"}`), ID: []byte("7-0")},
		{Type: "edit", Data: []byte("{}"), ID: []byte("7-0,8-1")},
		{Type: "ping", Data: []byte("{}")},
		{Type: "message", Data: []byte("")},
		{Type: "message", Data: []byte(" two\n\nlines: ")},
	} {
		b := f.Append(nil)
		got, _ := scan(string(b))
		if want := (sse.Event{Type: f.Type, Data: string(f.Data), ID: string(f.ID)}); !slices.Equal(got, []sse.Event{want}) {
			t.Errorf("%q is read as %q", b, got)
		}
		if !bytes.Contains(f.Data, []byte("\n")) && (f.Size() != len(b) || !bytes.HasPrefix(b[f.DataAt():], f.Data)) {
			t.Errorf("%q: size %d, data at %d", b, f.Size(), f.DataAt())
		}
	}
}

// A client that takes the id at its line must not have the id of an event that
// a cut took away.
func TestIDIsTheLastLineOfAFrame(t *testing.T) {
	b := sse.Frame{Type: "edit", Data: []byte("{}"), ID: []byte("7-0")}.Append(sse.AppendRetry(nil, time.Second))
	if want := "retry: 1000\nevent: edit\ndata: {}\nid: 7-0\n\n"; string(b) != want {
		t.Errorf("got %q, want %q", b, want)
	}
}

func TestScannerReadsAsTheStandardSays(t *testing.T) {
	type events = []sse.Event
	for _, tt := range []struct {
		body string
		want events
		id   string
	}{
		{"data: a\n\n", events{{"message", "a", ""}}, ""},
		{"data:a\r\rdata: b\r\n\r\n", events{{"message", "a", ""}, {"message", "b", ""}}, ""},
		{"\xef\xbb\xbfdata:  a\ndata\n\n", events{{"message", " a\n", ""}}, ""},
		{": comment\nevent: x\n\ndata: a\n\n", events{{"message", "a", ""}}, ""},
		{"id: 1\n\n", nil, "1"},
		{"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", events{{"message", "a", "1"}, {"message", "b", "1"}, {"message", "c", ""}}, ""},
		{"id: 1\x002\ndata: a\n\n", events{{"message", "a", ""}}, ""},
		{"id: 1\ndata: a\n\nid: 2\ndata: cut", events{{"message", "a", "1"}}, "1"},
		{"id: 1\ndata: a\n\nid: 2\ndata: cut\n", events{{"message", "a", "1"}}, "1"},
		{"DATA: a\nnonsense\ndata : a\n\n", nil, ""},
	} {
		got, s := scan(tt.body)
		if !slices.Equal(got, tt.want) || s.LastID() != tt.id || s.Err() != nil {
			t.Errorf("%q: %q, id %q, error %v; want %q, id %q", tt.body, got, s.LastID(), s.Err(), tt.want, tt.id)
		}
	}
}

func TestScannerTakesRetryOfDigitsOnly(t *testing.T) {
	for body, want := range map[string]time.Duration{"retry: 2000\n\n": 2 * time.Second, "retry: 2s\n\n": 0, "retry: -1\n\n": 0} {
		if _, s := scan(body); s.Retry() != want {
			t.Errorf("%q: %v, want %v", body, s.Retry(), want)
		}
	}
}

func TestScannerTellsACutFromAnEnd(t *testing.T) {
	cut := errors.New("cut")
	if s := sse.NewScanner(iotest.ErrReader(cut)); s.Scan() || !errors.Is(s.Err(), cut) {
		t.Errorf("error %v", s.Err())
	}
	if s := sse.NewScanner(strings.NewReader("data: " + strings.Repeat("x", sse.MaxEvent) + "\n\n")); s.Scan() || !errors.Is(s.Err(), sse.ErrTooLong) {
		t.Errorf("a long line: %v", s.Err())
	}
	if s := sse.NewScanner(strings.NewReader(strings.Repeat("data: x\n", sse.MaxEvent/7+1))); s.Scan() || !errors.Is(s.Err(), sse.ErrTooLong) {
		t.Errorf("many lines: %v", s.Err())
	}
}

func TestChunksAreCutWhereTheyWereJoined(t *testing.T) {
	for _, n := range []int{1, 15, 16, 255, 256, 4095, 4096, 70000} {
		b := bytes.Repeat([]byte("x"), n)
		chunk := sse.Chunk(b)
		if len(chunk) != sse.ChunkSize(n) {
			t.Errorf("a chunk of %d has %d bytes, not %d", n, len(chunk), sse.ChunkSize(n))
		}
		inside, rest := sse.CutChunk(append(chunk, sse.LastChunk...))
		if !bytes.Equal(inside, b) || string(rest) != sse.LastChunk {
			t.Errorf("a chunk of %d: inside %d, rest %q", n, len(inside), rest)
		}
	}
}

func FuzzScannerReadsWhatFrameWrote(f *testing.F) {
	f.Add("edit", "a\nb", "1-0")
	f.Fuzz(func(t *testing.T, kind, data, id string) {
		if strings.ContainsAny(kind+id, "\r\n\x00") || kind == "" || strings.HasPrefix(kind, " ") || strings.Contains(data, "\r") {
			t.Skip("not a frame")
		}
		got, s := scan(string(sse.Frame{Type: kind, Data: []byte(data), ID: []byte(id)}.Append(nil)))
		if want := (sse.Event{Type: kind, Data: data, ID: id}); len(got) != 1 || got[0] != want || s.Err() != nil {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
