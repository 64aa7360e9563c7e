package hub_test

import (
	"context"
	"fmt"
	"log/slog"

	"confab/shared/access"
	"confab/shared/chat"
	"confab/shared/hub"
)

// notes is a log of one room, which ends before the hub follows it. A real one
// tells the listener of each event that is added.
type notes []chat.Event

func (n notes) Follow(context.Context, chat.RoomID, chat.Listener) (chat.ID, error) {
	return n[len(n)-1].ID, nil
}

func (n notes) Since(_ context.Context, _ chat.RoomID, after chat.ID, _ int) (evs []chat.Event, err error) {
	for _, ev := range n {
		if ev.ID.After(after) {
			evs = append(evs, ev)
		}
	}
	return evs, nil
}

func (n notes) Before(context.Context, chat.RoomID, chat.ID, int) ([]chat.Event, error) {
	return n, nil
}

func (notes) Facts(context.Context, string, ...chat.RoomID) ([]access.Facts, error) {
	return make([]access.Facts, 1), nil
}

// A reader comes with its cursor. It first gets what it missed, from the log,
// then what passes by while it is there, and comes back later with the id of the
// last frame.
func ExampleHub() {
	ann := chat.User{ID: "u_ann", Name: "ann"}
	log := notes{
		{Room: "lobby", ID: chat.ID{MS: 7}, Kind: chat.Message, By: ann, Text: "hello"},
		{Room: "lobby", ID: chat.ID{MS: 8}, Prev: chat.ID{MS: 7}, Kind: chat.Message, By: ann, Text: "anybody here?"},
	}
	h := hub.New(log, slog.New(slog.DiscardHandler))
	defer h.Close(0)

	ctx := context.Background()
	reader, err := h.Read(ctx, "", []chat.RoomID{"lobby"}, "7-0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reader.Close()
	missed, err := reader.Next(ctx)
	fmt.Print(string(missed.AppendSSE(nil)), err, "\n")

	h.Signal(chat.Signal{Room: "lobby", Kind: chat.Typing, By: &ann})
	live, err := reader.Next(ctx)
	fmt.Print(string(live.AppendSSE(nil)), err, "\n")
	// Output:
	// data: {"room":"lobby","id":"8-0","prev":"7-0","kind":"message","by":{"id":"u_ann","name":"ann"},"text":"anybody here?"}
	// id: 8-0
	//
	// <nil>
	// event: typing
	// data: {"room":"lobby","kind":"typing","by":{"id":"u_ann","name":"ann"}}
	//
	// <nil>
}
