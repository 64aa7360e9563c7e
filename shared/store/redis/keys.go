package redis

import (
	"confab/shared/chat"
)

// The keys of a room, all in one slot.
func key(room chat.RoomID, what string) string { return "confab:{" + string(room) + "}:" + what }
func channel(room chat.RoomID) string          { return "confab:{" + string(room) + "}" }

// selfChannel is the channel on which a process probes its subscription.
func selfChannel(name string) string { return "confab:probe:" + name }
