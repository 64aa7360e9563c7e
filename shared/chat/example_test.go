package chat_test

import (
	"errors"
	"fmt"

	"confab/shared/chat"
)

// A draft is checked against the row of its kind and becomes an event, which
// the log then gives an id.
func ExampleCompose() {
	ann := chat.User{ID: "u_ann", Name: "ann"}
	ev, err := chat.Compose(chat.Draft{Room: chat.Lobby, Kind: chat.Message, Text: "\nhi  \r\n"}, ann)
	fmt.Printf("%s %q %v\n", ev.Kind, ev.Text, err)

	_, err = chat.Compose(chat.Draft{Room: chat.Lobby, Kind: chat.Edit, Text: "hi"}, ann)
	fmt.Println(errors.Is(err, chat.ErrInvalid), err)
	// Output:
	// message "hi" <nil>
	// true invalid: the kind edit has to name the message that it is about
}

// A cursor has an id for each room, in the order of the sorted names. A reader
// that sends it back goes on behind it.
func ExampleCursor() {
	rooms := chat.Rooms([]chat.RoomID{"ops", "lobby", "ops"})
	cursor, err := chat.ParseCursor("1767225600000-0,1767225600001-7", len(rooms))
	fmt.Println(rooms, cursor, err)

	cursor[0] = chat.ID{MS: 1767225600005}
	fmt.Println(cursor)
	// Output:
	// [lobby ops] 1767225600000-0,1767225600001-7 <nil>
	// 1767225600005-0,1767225600001-7
}
