package hub

import (
	"strconv"
	"time"

	"confab/shared/chat"
)

// A frame is one SSE block (HTML standard, "Server-sent events"):
//
//	id: 1732130000000-0        the cursor after it; a signal has none
//	event: edit                absent for a message
//	data: {"room":…}           one line of JSON
//	<blank line>
//
// Ids and kinds are from an alphabet and JSON holds no line break, so nothing
// that a user wrote can end a line.

// frameSize is the length of what appendFrame adds.
func frameSize(cursor []byte, kind chat.Kind, json []byte) int {
	n := len("data: ") + len(json) + len("\n\n")
	if len(cursor) > 0 {
		n += len("id: ") + len(cursor) + len("\n")
	}
	if kind != chat.Message {
		n += len("event: ") + len(kind) + len("\n")
	}
	return n
}

func appendFrame(b, cursor []byte, kind chat.Kind, json []byte) []byte {
	if len(cursor) > 0 {
		b = append(b, "id: "...)
		b = append(b, cursor...)
		b = append(b, '\n')
	}
	if kind != chat.Message {
		b = append(b, "event: "...)
		b = append(b, kind...)
		b = append(b, '\n')
	}
	b = append(b, "data: "...)
	b = append(b, json...)
	return append(b, "\n\n"...)
}

// Opening is the block that a stream begins with: when to come back, and an
// id of its own, so that a cut before the first event loses nothing. An empty
// cursor leaves the id that the reader has.
func Opening(cursor string, retry time.Duration) []byte {
	b := appendRetry(nil, retry)
	if cursor != "" {
		b = append(b, "id: "...)
		b = append(b, cursor...)
		b = append(b, '\n')
	}
	return append(b, '\n')
}

func appendRetry(b []byte, d time.Duration) []byte {
	b = append(b, "retry: "...)
	b = strconv.AppendInt(b, d.Milliseconds(), 10)
	return append(b, '\n')
}

// Ping is a frame that shows that the line is alive. It is an event, for pages
// cannot see comments.
func Ping() []byte {
	return appendFrame(nil, nil, chat.Ping, chat.JSON(chat.Signal{Kind: chat.Ping, Now: time.Now().UnixMilli()}))
}

// Bye is the last frame of a stream that the server ends.
func Bye(retry time.Duration) []byte {
	json := chat.JSON(chat.Signal{Kind: chat.Bye, Retry: int(retry.Milliseconds())})
	return appendFrame(appendRetry(nil, retry), nil, chat.Bye, json)
}
