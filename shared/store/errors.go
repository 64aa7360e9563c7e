package store

import (
	"fmt"
	"time"

	"confab/shared/chat"
)

// Why an event is refused. The texts are for the user.
var (
	ErrKeyReused = fmt.Errorf("%w: this Idempotency-Key was used for something else", chat.ErrReused)
	ErrNoTarget  = fmt.Errorf("%w: that message is not in the room any more", chat.ErrNotFound)
	ErrNotAuthor = fmt.Errorf("%w: that message is somebody else's", chat.ErrForbidden)
)

// Unavailable wraps an error of an engine, whatever it was: nothing that keeps
// it from answering is the user's doing.
func Unavailable(what string, err error) error {
	return &chat.RetryError{Err: fmt.Errorf("%w: %s: %w", chat.ErrUnavailable, what, err), After: time.Second}
}

// TooMany is how a limit refuses for so long, or nil where there is nothing to
// wait for.
func TooMany(what string, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	return &chat.RetryError{
		Err:   fmt.Errorf("%w %ss at once: wait a moment, nothing was done", chat.ErrTooMany, what),
		After: wait,
	}
}
