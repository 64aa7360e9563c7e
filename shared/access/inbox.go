package access

import "confab/shared/chat"

// OfInbox are the facts about a user and somebody's inbox. Nothing has to be read
// for them: it is there for its own user, always, and for nobody else, whoever
// they are.
func OfInbox(user string, inbox chat.RoomID) Facts {
	f := Facts{Complete: true, Room: Room{Hidden: true, Inbox: true}}
	if user != "" && user == inbox.Reader() {
		f.Role, f.Room.Exists = chat.Member, true
	}
	return f
}
