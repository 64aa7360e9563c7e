package chat_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"confab/shared/chat"
)

func TestParseID(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want chat.ID
		ok   bool
	}{
		{"", chat.ID{}, true},
		{"0-0", chat.ID{}, true},
		{"7-0", chat.ID{MS: 7}, true},
		{"1732130000000-12", chat.ID{MS: 1732130000000, Seq: 12}, true},
		{"18446744073709551615-18446744073709551615", chat.ID{MS: math.MaxUint64, Seq: math.MaxUint64}, true},
		{"18446744073709551616-0", chat.ID{}, false},
		{"7", chat.ID{}, false},
		{"-", chat.ID{}, false},
		{"7-", chat.ID{}, false},
		{"-7", chat.ID{}, false},
		{"07-0", chat.ID{}, false},
		{"7-00", chat.ID{}, false},
		{"+7-0", chat.ID{}, false},
		{"7-+0", chat.ID{}, false},
		{"7_0-0", chat.ID{}, false},
		{"0x7-0", chat.ID{}, false},
		{"7-0-0", chat.ID{}, false},
		{"7--1", chat.ID{}, false},
		{" 7-0", chat.ID{}, false},
		{"7-0\n", chat.ID{}, false},
		{"٧-0", chat.ID{}, false},
		{"$", chat.ID{}, false},
		{"*", chat.ID{}, false},
	} {
		got, err := chat.ParseID(tt.in)
		if got != tt.want || (err == nil) != tt.ok || err != nil && !errors.Is(err, chat.ErrInvalid) {
			t.Errorf("ParseID(%q) = %v, %v; want %v, ok %t", tt.in, got, err, tt.want, tt.ok)
		}
	}
}

func TestIDsAreOrdered(t *testing.T) {
	ordered := []chat.ID{{}, {Seq: 1}, {MS: 1}, {MS: 1, Seq: 9}, {MS: 1, Seq: 10}, {MS: 2}, {MS: math.MaxUint64}}
	for i, a := range ordered {
		for j, b := range ordered {
			if a.After(b) != (i > j) {
				t.Errorf("%v after %v: %t", a, b, a.After(b))
			}
		}
	}
	if !ordered[0].IsZero() || ordered[1].IsZero() {
		t.Error("only 0-0 is zero")
	}
}

func TestIDTellsTheTime(t *testing.T) {
	want := time.Date(2024, 11, 20, 19, 13, 20, 5e6, time.UTC)
	if got := (chat.ID{MS: 1732130000005, Seq: 3}).Time(); !got.Equal(want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func FuzzID(f *testing.F) {
	for _, s := range []string{"", "0-0", "1732130000000-0", "07-0", "1-+1", "18446744073709551616-0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := chat.ParseID(s)
		if err != nil {
			if !id.IsZero() || !errors.Is(err, chat.ErrInvalid) {
				t.Fatalf("ParseID(%q) = %v, %v", s, id, err)
			}
			return
		}
		if s != "" && id.String() != s {
			t.Errorf("%q has a second spelling, %q", id, s)
		}
		var back chat.ID
		if b, err := json.Marshal(id); err != nil {
			t.Error(err)
		} else if err := json.Unmarshal(b, &back); err != nil || back != id {
			t.Errorf("%v went through JSON as %v, %v", id, back, err)
		}
	})
}

func TestParseCursor(t *testing.T) {
	for _, tt := range []struct {
		in string
		n  int
		ok bool
	}{
		{"0-0", 1, true},
		{"1-0,2-0", 2, true},
		{"1-0", 2, false},
		{"1-0,2-0", 1, false},
		{"", 1, false},
		{"", 0, false},
		{",", 2, false},
		{"1-0,", 2, false},
		{"1-0, 2-0", 2, false},
		{"1-0;2-0", 2, false},
		{"x", 1, false},
	} {
		c, err := chat.ParseCursor(tt.in, tt.n)
		if (err == nil) != tt.ok || tt.ok && c.String() != tt.in {
			t.Errorf("ParseCursor(%q, %d) = %v, %v; want ok %t", tt.in, tt.n, c, err, tt.ok)
		}
	}
}

func TestCursorCovers(t *testing.T) {
	c := chat.Cursor{{MS: 5}, {MS: 7}}
	for _, tt := range []struct {
		other chat.Cursor
		want  bool
	}{
		{chat.Cursor{{MS: 5}, {MS: 7}}, true},
		{chat.Cursor{{MS: 4}, {MS: 7}}, true},
		{chat.Cursor{{MS: 6}, {MS: 1}}, false},
		{chat.Cursor{{MS: 1}, {MS: 7, Seq: 1}}, false},
	} {
		if got := c.Covers(tt.other); got != tt.want {
			t.Errorf("%v covers %v: %t", c, tt.other, got)
		}
	}
}

func FuzzCursor(f *testing.F) {
	f.Add("1-0,2-0", 2)
	f.Add("0-0", 1)
	f.Add(",,,", 4)
	f.Fuzz(func(t *testing.T, s string, n int) {
		c, err := chat.ParseCursor(s, n)
		if err == nil && (len(c) != n || c.String() != s) {
			t.Errorf("ParseCursor(%q, %d) = %q of %d", s, n, c, len(c))
		}
		if err != nil && !errors.Is(err, chat.ErrInvalid) {
			t.Errorf("ParseCursor(%q, %d): %v", s, n, err)
		}
	})
}

func TestParseRoom(t *testing.T) {
	for _, good := range []string{"lobby", "a", "0", "a.b_c-d", "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqr"[:63],
		"项目", "ひらがなとカタカナ", "田中ken", "проект-7", "קהילה", "समूह", "كلام_7", "café", strings.Repeat("项", 63), "ἀγορά", "straße", "ไทย"} {
		if got, err := chat.ParseRoom(good); string(got) != good || err != nil {
			t.Errorf("ParseRoom(%q) = %q, %v", good, got, err)
		}
	}
	for _, bad := range []string{"", ".", "..", "-a", "_a", "A", "a b", "a/b", "a{b}", "a\n", "a\r\n", "a\x00", "a:b", "a*", "É", "Проект", "lоbby", // with a Cyrillic о
		"ｌｏｂｂｙ", "①", "ﬁle", "a\u200db", "a\ufe0f", "\u115f", "\u3164", "\u0301a", "a\u20dd", "a" + strings.Repeat("\u0323", 10), "\xff", "项\xff", "🎉", "a🎉", "项 目", "a\u202eb", "@a", strings.Repeat("项", 64),
		"0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrs"} {
		if got, err := chat.ParseRoom(bad); got != "" || !errors.Is(err, chat.ErrInvalid) {
			t.Errorf("ParseRoom(%q) = %q, %v", bad, got, err)
		}
	}
}

// One name is one room, however its letters were composed.
func TestRoomIsComposed(t *testing.T) {
	for _, s := range []string{"cafe\u0301", "caf\u00e9"} {
		if got, err := chat.ParseRoom(s); got != "caf\u00e9" || err != nil {
			t.Errorf("ParseRoom(%q) = %q, %v", s, got, err)
		}
	}
}

// What is a room's name once is one for ever, in the same form.
func FuzzParseRoom(f *testing.F) {
	for _, s := range []string{"lobby", "项目", "cafe\u0301", "ﬁle", "\u3164", "İ", "lоbby"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		room, err := chat.ParseRoom(s)
		if err != nil {
			return
		}
		if again, err := chat.ParseRoom(string(room)); again != room || err != nil {
			t.Errorf("%q is %q, and that %q, %v", s, room, again, err)
		}
		if n := utf8.RuneCountInString(string(room)); n > chat.MaxRoomID || strings.ContainsAny(string(room), " {}:/*?\r\n\x00") || !chat.Visible(string(room)) {
			t.Errorf("%q is a room", room)
		}
	})
}

func TestRoomsAreSortedByBytesAndOnce(t *testing.T) {
	in := []chat.RoomID{"b", "a-", "a", "b", "a.", "0"}
	if got := chat.Rooms(in); !slices.Equal(got, []chat.RoomID{"0", "a", "a-", "a.", "b"}) {
		t.Errorf("%v", got)
	}
	if in[0] != "b" {
		t.Error("Rooms changed what it was given")
	}
}
