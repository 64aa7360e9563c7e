package hub

import (
	"time"

	"confab/shared/chat"
	"confab/shared/sse"
)

// Opening is what a stream begins with: where it begins, how often it pings
// and, in a retry line, when to come back. Its id is the cursor, so that a cut
// before the first event loses nothing. An empty cursor leaves the id that the
// reader has.
func Opening(open chat.Signal, retry time.Duration) []byte {
	f := sse.Frame{Type: string(chat.Open), Data: chat.JSON(open), ID: []byte(open.Cursor)}
	return f.Append(sse.AppendRetry(nil, retry))
}

// Ping is a frame that shows that the connection is alive. It is an event,
// because pages cannot see comments.
func Ping() []byte {
	sig := chat.Signal{Kind: chat.Ping, Now: time.Now().UnixMilli()}
	return sse.Frame{Type: string(chat.Ping), Data: chat.JSON(sig)}.Append(nil)
}

// Goodbye is the last signal of a stream that the server ends: when to come back,
// and what its reader lost, if it ends because of that.
func Goodbye(retry time.Duration, lost Loss) chat.Signal {
	return chat.Signal{Kind: chat.Bye, Room: lost.Room, Why: lost.Why, Retry: int(retry.Milliseconds())}
}

// Bye is the frame of [Goodbye].
func Bye(retry time.Duration, lost Loss) []byte {
	sig := Goodbye(retry, lost)
	return sse.Frame{Type: string(chat.Bye), Data: chat.JSON(sig)}.Append(sse.AppendRetry(nil, retry))
}
