package app

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/outbox"
	"confab/shared/store"
	"confab/shared/store/bolt"
	"confab/shared/testenv"
)

// Where nothing runs between two requests the notices are written when a post is
// answered. A server writes them soon after.
func TestNoticesAreWrittenAfterAPost(t *testing.T) {
	for name, frozen := range map[string]bool{"function": true, "server": false} {
		t.Run(name, func(t *testing.T) {
			st, err := bolt.Open(t.Context(), store.Options{Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			worker := outbox.New(st, slog.New(slog.NewTextHandler(t.Output(), nil)))
			a := &App{store: st}
			ctx, stop := context.WithCancel(t.Context())
			if !frozen {
				a.work(ctx, worker)
			}
			t.Cleanup(func() {
				stop()
				if a.outbox != nil {
					a.outbox()
				}
				a.working.Wait()
				if err := st.Close(); err != nil {
					t.Error(err)
				}
			})
			rooms := concerning{st, worker, frozen}
			ann, bob := chat.User{ID: "u_ann", Name: "Ann"}, chat.User{ID: "u_bob", Name: "Bob"}
			for _, ev := range []chat.Event{{By: ann, Text: "one"}, {By: bob, Text: "@Ann"}} {
				ev.Room, ev.Kind = chat.Lobby, chat.Message
				if _, _, err := rooms.Append(t.Context(), ev); err != nil {
					t.Fatal(err)
				}
			}
			written := func() bool {
				evs, err := st.Before(t.Context(), chat.Inbox(ann.ID), chat.ID{}, 9)
				return err == nil && len(evs) == 1 && evs[0].Notice == chat.AboutMention
			}
			if frozen && !written() {
				t.Error("the post is answered, and its notice is not written")
			}
			testenv.Await(t, "the notice is written", 5*time.Second, written)
		})
	}
}
