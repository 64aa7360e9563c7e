package chat_test

import (
	"errors"
	"slices"
	"testing"

	"confab/shared/chat"
)

func TestEachKindHasOneRow(t *testing.T) {
	seen := map[chat.Kind]bool{}
	for _, rule := range chat.Kinds {
		if seen[rule.Kind] {
			t.Errorf("%s has two rows", rule.Kind)
		}
		seen[rule.Kind] = true
		got, ok := rule.Kind.Rule()
		if got != rule || !ok {
			t.Errorf("%s: %+v, %t; want %+v", rule.Kind, got, ok, rule)
		}
		if target, ok := rule.Target.Rule(); rule.Target != "" && (!ok || target.Target != "") {
			t.Errorf("%s is about %s, which is no kind or is about another event itself", rule.Kind, rule.Target)
		}
		if (rule.Own || rule.RemovesText || rule.ReplacesText) && rule.Target == "" {
			t.Errorf("%s acts on a target and has none", rule.Kind)
		}
	}
	for _, signal := range []chat.Kind{chat.Typing, chat.Presence, chat.Ping, chat.Reset, chat.Bye, ""} {
		if _, ok := signal.Rule(); ok {
			t.Errorf("%q is a kind of event", signal)
		}
	}
}

// A new kind is one row: it can be composed, and its limits hold.
func TestNewKindIsOneRow(t *testing.T) {
	const pin chat.Kind = "pin"
	draft := chat.Draft{Room: "ops", Kind: pin, Target: target, Text: "why"}
	if _, err := chat.Compose(draft, ann); !errors.Is(err, chat.ErrInvalid) {
		t.Fatalf("a kind without a row: %v", err)
	}
	old := chat.Kinds
	t.Cleanup(func() { chat.Kinds = old })
	chat.Kinds = append(slices.Clone(old), chat.Rule{Kind: pin, Target: chat.Message, MaxText: 5, OneLine: true})

	want := chat.Event{Room: "ops", Kind: pin, By: ann, Target: target, Text: "why"}
	if got, err := chat.Compose(draft, ann); got != want || err != nil {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for name, d := range map[string]chat.Draft{
		"without a target": {Kind: pin, Text: "why"},
		"too long":         {Kind: pin, Target: target, Text: "longer"},
		"two lines":        {Kind: pin, Target: target, Text: "a\nb"},
	} {
		if _, err := chat.Compose(d, ann); !errors.Is(err, chat.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
