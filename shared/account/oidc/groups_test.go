package oidc

import (
	"encoding/json"
	"testing"
)

func TestGroupOfOperatorsIsNamedAloneOrInAList(t *testing.T) {
	for _, tt := range []struct {
		claims, group string
		want          bool
	}{
		{`{"groups":["staff","ops"]}`, "ops", true},
		{`{"groups":"ops"}`, "ops", true},
		{`{"groups":["staff","ops2"]}`, "ops", false},
		{`{"groups":"staff,ops"}`, "ops", false},
		{`{"groups":[7,null,{"ops":true}]}`, "ops", false},
		{`{"groups":{"ops":true}}`, "ops", false},
		{`{"roles":["ops"]}`, "ops", false},
		{`{"groups":[""]}`, "", false},
		{`{}`, "", false},
	} {
		var claims map[string]any
		if err := json.Unmarshal([]byte(tt.claims), &claims); err != nil {
			t.Fatal(err)
		}
		p := New(Config{GroupsClaim: "groups", Operators: tt.group})
		if got := p.operates(claims); got != tt.want {
			t.Errorf("%s, group %q: %t", tt.claims, tt.group, got)
		}
	}
}
