package outbox

import (
	"context"

	"confab/shared/access"
	"confab/shared/chat"
)

// notices are what people have to hear of an event.
func (w *Worker) notices(ctx context.Context, t chat.Task, ev chat.Event) ([]chat.Event, error) {
	switch ev.Kind {
	case chat.Message:
		return w.ofMessage(ctx, ev)
	case chat.Standings:
		return w.ofStanding(ctx, t.Was, ev)
	case chat.Title:
		var notices []chat.Event
		for _, u := range ev.Set.With.Users() {
			if u.ID != ev.By.ID {
				notices = append(notices, chat.NewNotice(u.ID, chat.AboutDirect, ev, ev.Text))
			}
		}
		return notices, nil
	}
	return nil, nil
}

// ofMessage tells whose line it answers, and whom it names, of those who may
// read it. Who has both hears of the answer alone.
func (w *Worker) ofMessage(ctx context.Context, ev chat.Event) (notices []chat.Event, err error) {
	heard := map[string]bool{ev.By.ID: true}
	add := func(user string, about chat.About) error {
		if heard[user] {
			return nil
		}
		heard[user] = true
		may, err := w.mayRead(ctx, user, ev.Room)
		if may {
			notices = append(notices, chat.NewNotice(user, about, ev, ""))
		}
		return err
	}
	if !ev.Reply.IsZero() {
		answered, found, err := w.read(ctx, ev.Room, ev.Reply)
		if err != nil {
			return nil, err
		}
		if found {
			if err := add(answered.By.ID, chat.AboutReply); err != nil {
				return nil, err
			}
		}
	}
	named, err := w.named(ctx, ev)
	if err != nil {
		return nil, err
	}
	for _, u := range named {
		if err := add(u.ID, chat.AboutMention); err != nil {
			return nil, err
		}
	}
	return notices, nil
}

func (w *Worker) mayRead(ctx context.Context, user string, room chat.RoomID) (bool, error) {
	facts, err := w.store.Facts(ctx, user, room)
	if err != nil {
		return false, err
	}
	return access.May(chat.User{ID: user}, access.Read, facts[0]) == nil, nil
}

// ofStanding tells somebody what they are in a room from now on.
func (w *Worker) ofStanding(ctx context.Context, was chat.Role, ev chat.Event) ([]chat.Event, error) {
	m := ev.Member
	about, text := chat.AboutRole, ev.Text
	switch {
	case m.Ban == chat.Mute:
		about = chat.AboutMute
	case m.Ban != "":
		about = chat.AboutBan
	case was == chat.Guest && ev.Room.Hidden():
		rooms, err := w.store.Rooms(ctx, ev.Room)
		if err != nil {
			return nil, err
		}
		about, text = chat.AboutInvite, rooms[0].Title
	}
	return []chat.Event{chat.NewNotice(m.User.ID, about, ev, text)}, nil
}
