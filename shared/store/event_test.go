package store_test

import (
	"testing"

	"confab/shared/chat"
	"confab/shared/store"

	"pgregory.net/rapid"
)

func event(t *rapid.T) chat.Event {
	id := rapid.Custom(func(t *rapid.T) chat.ID {
		return chat.ID{MS: rapid.Uint64Range(0, 1<<50).Draw(t, "ms"), Seq: rapid.Uint64Range(0, 2000).Draw(t, "seq")}
	})
	ev := chat.Event{
		Room: chat.RoomID(rapid.StringMatching(`[a-zé项目0-9][a-zé项目0-9._-]{0,62}`).Draw(t, "room")),
		ID:   id.Draw(t, "id"), Prev: id.Draw(t, "prev"), Target: id.Draw(t, "target"), Reply: id.Draw(t, "reply"),
		At:   rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(1, 1<<50)).Draw(t, "at"),
		Kind: rapid.SampledFrom(chat.Kinds).Draw(t, "kind").Kind,
		By:   chat.User{ID: "u_1", Name: rapid.String().Draw(t, "name")},
		Text: rapid.OneOf(rapid.String(), rapid.Just(`"prev":"0-0",`)).Draw(t, "text"),
		Off:  rapid.Bool().Draw(t, "off"), Emoji: rapid.SampledFrom([]string{"", "👍"}).Draw(t, "emoji"),
		KeyHash: rapid.StringMatching(`[!-~]{0,9}`).Draw(t, "key"),
	}
	if ev.ID.IsZero() { // no event in a log has it
		ev.ID.Seq = 1
	}
	return ev
}

func TestEventIsTheSameInPartsAndWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ev := event(t)
		body, position := store.Encode(ev), store.Position{ID: ev.ID, Prev: ev.Prev, At: ev.At}
		back, err := store.Decode(position, body)
		if err != nil || string(chat.JSON(back)) != string(chat.JSON(ev)) {
			t.Errorf("%+v comes back as %+v, %v", ev, back, err)
		}
		line, err := store.Line(position, body)
		if got, want := string(line.JSON), string(chat.JSON(ev)); got != want || err != nil {
			t.Errorf("joined %s, want %s, %v", got, want, err)
		}
	})
}

func TestDigestIsOfWhatIsPosted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ev, other := event(t), event(t)
		same := ev
		same.By, same.ID, same.Prev = other.By, other.ID, other.Prev
		if store.Digest(same) != store.Digest(ev) {
			t.Errorf("%+v and %+v differ", ev, same)
		}
		same.Text += "x"
		if store.Digest(same) == store.Digest(ev) {
			t.Errorf("%+v and %+v do not differ", ev, same)
		}
	})
	moved := [2]chat.Event{{Emoji: "a", Text: "b"}, {Emoji: "", Text: "ab"}}
	if store.Digest(moved[0]) == store.Digest(moved[1]) {
		t.Error("one field's end is another's beginning")
	}
}

// What another program wrote into the log must not break the lines of a stream.
func TestForeignBodyIsEncodedAnew(t *testing.T) {
	position := store.Position{ID: chat.ID{MS: 7}, Prev: chat.ID{MS: 6}}
	for _, body := range []string{"{\"room\":\"lobby\",\"kind\":\"message\",\n\"text\":\"hi\"}", `{"kind":"message","room":"lobby","text":"hi"}`, `{}`} {
		line, err := store.Line(position, []byte(body))
		if err != nil || string(line.JSON) != string(chat.JSON(line.Event)) || line.ID != position.ID || line.Prev != position.Prev {
			t.Errorf("%s: %s, %v", body, line.JSON, err)
		}
	}
}
