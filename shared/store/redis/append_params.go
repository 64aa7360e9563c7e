package redis

import (
	"confab/shared/chat"
	"confab/shared/store"
)

// appendKeys are the keys that the script of a kind may need: each costs every
// post of the kind a little.
func appendKeys(rule chat.Rule, set settings) []param[request, string] {
	keys := []param[request, string]{
		{"log", func(r request) string { return r.keys.log() }},
		{"meta", func(r request) string { return r.keys.meta() }},
		{"keys_0", func(r request) string { return r.keys.keys("0") }},
		{"keys_1", func(r request) string { return r.keys.keys("1") }},
		{"rooms", func(r request) string { return r.keys.rooms() }},
		{"creators", func(r request) string { return r.keys.creators() }},
		{"members", func(r request) string { return r.keys.members() }},
		{"bans", func(r request) string { return r.keys.bans() }},
		{"outbox", func(r request) string { return r.keys.outbox() }},
	}
	also := func(needed bool, more ...param[request, string]) {
		if needed {
			keys = append(keys, more...)
		}
	}
	also(set.rate.Interval() > 0, param[request, string]{"user_rate", func(r request) string { return r.keys.rate(r.ev.By.ID) }})
	also(set.day.Interval() > 0, param[request, string]{"network_day", func(r request) string { return r.keys.day(r.ev.From) }})
	also(set.named && rule.Claims(), param[request, string]{"name_key", func(r request) string { return r.nameKey }})
	also(rule.Slowed, param[request, string]{"slow_mark", func(r request) string { return r.keys.slow(r.ev.By.ID) }})
	also(rule.Settles, param[request, string]{"invites", func(r request) string { return r.keys.invites() }})
	always, overruling := rule.Audits()
	also(always || overruling, param[request, string]{"audit", func(r request) string { return r.keys.audit() }})
	also(rule.Settles || rule.Target != "", []param[request, string]{
		{"edits", func(r request) string { return r.keys.edits() }},
		{"emojis", func(r request) string { return r.keys.emojis() }},
		{"copy", func(r request) string { return r.keys.copy() }},
		{"erasing", func(r request) string { return r.keys.erasing() }},
	}...)
	return keys
}

// appendArgs are the arguments likewise. Those that no event of the kind has are
// constants, which are not sent.
func appendArgs(rule chat.Rule, set settings) (args []param[request, any], unsent string) {
	all := []struct {
		needed bool
		param[request, any]
	}{
		{true, param[request, any]{"event", func(r request) any { return r.body }}},
		{true, param[request, any]{"room", func(r request) any { return string(r.ev.Room) }}},
		{true, param[request, any]{"user", func(r request) any { return r.ev.By.ID }}},
		{true, param[request, any]{"everywhere", func(r request) any { return r.everywhere() }}},
		{true, param[request, any]{"concerns", func(r request) any { return r.concerns() }}},
		{true, param[request, any]{"key_hash", func(r request) any { return r.key }}},
		{true, param[request, any]{"digest", func(r request) any { return store.Digest(r.ev) }}},
		{set.publish, param[request, any]{"channel", func(r request) any { return r.keys.channel() }}},
		{set.day.Interval() > 0, param[request, any]{"network", func(r request) any { return r.ev.From }}},
		{set.countRooms, param[request, any]{"begins", func(r request) any { return r.mayBegin() }}},
		{rule.Emoji, param[request, any]{"emoji", func(r request) any { return r.addedEmoji() }}},
		{rule.Sets != "", param[request, any]{"text", func(r request) any { return r.settingText() }}},
		{rule.Sets != "", param[request, any]{"titled", func(r request) any { return r.titled() }}},
		{rule.Settles, param[request, any]{"by", func(r request) any { return r.author() }}},
		{rule.Settles, param[request, any]{"change", func(r request) any { return r.change() }}},
		{rule.Target != "", param[request, any]{"target", func(r request) any { return r.target() }}},
	}
	for _, one := range all {
		if one.needed {
			args = append(args, one.param)
		} else {
			unsent += constant(one.name, "")
		}
	}
	return args, unsent
}

// settleOf is what the scripts of kinds that settle have beside the others.
func settleOf(rule chat.Rule) string {
	if rule.Settles {
		return settleSource
	}
	return ""
}

// mayBegin is '1' where it does not matter whether the room is there, or was
// counted.
func (r request) mayBegin() string {
	if r.begins || r.ev.From == "" || r.rule.Target != "" {
		return "1"
	}
	return ""
}

// addedEmoji is the emoji that a reaction adds.
func (r request) addedEmoji() string {
	if !r.rule.Emoji || r.ev.Off {
		return ""
	}
	return r.ev.Emoji
}

// settingText is the text that becomes a property of the room.
func (r request) settingText() string {
	if r.rule.Sets == "" {
		return ""
	}
	return r.ev.Text
}

func (r request) titled() string {
	if r.rule.Sets == "" || !r.ev.SetsTitle() {
		return ""
	}
	return "1"
}

// concerns is '1' for what has to be told outside of the room.
func (r request) concerns() string {
	if !r.ev.Concerns() {
		return ""
	}
	return "1"
}

func (r request) target() string {
	if r.ev.Target.IsZero() {
		return ""
	}
	return r.ev.Target.String()
}
