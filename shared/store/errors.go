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
	ErrEmoji     = fmt.Errorf("%w: that message has %d different reactions, choose one of them", chat.ErrConflict, chat.MaxReactions)
	ErrSignedOut = fmt.Errorf("%w: this session was ended from another device, or by signing out: say your name again", chat.ErrUnauthorized)
	ErrNotAuthor = fmt.Errorf("%w: that message is somebody else's", chat.ErrForbidden)
)

// Unavailable wraps an error of an engine, whatever it was: nothing that keeps
// it from answering is the user's doing.
func Unavailable(what string, err error) error {
	return &chat.RetryError{Err: fmt.Errorf("%w: %s: %w", chat.ErrUnavailable, what, err), After: time.Second}
}

// Full is Unavailable where there is no place left for what is written.
func Full(what string, err error) error {
	return &chat.RetryError{Err: fmt.Errorf("%w: %w: %s: %w", chat.ErrUnavailable, chat.ErrFull, what, err), After: 10 * time.Second}
}

// TooManyRooms is how a network is refused that has begun as many rooms as it
// may for today, or nil where there is nothing to wait for.
func TooManyRooms(wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	return &chat.RetryError{
		Err:   fmt.Errorf("%w new rooms of your network today: nothing was done, take a room that is there, or try again in a while", chat.ErrTooMany),
		After: wait,
	}
}

// Spent is how a room refuses a network that has said in it for today what it
// may, or nil where there is nothing to wait for.
func Spent(wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	return &chat.RetryError{
		Err: fmt.Errorf("%w posts of your network in this room today, which would push out what others said: nothing was done, "+
			"try again in a while, or ask whoever runs this server for more a day", chat.ErrTooMany),
		After: wait,
	}
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

// Slow is how a slow room refuses a line of a user who said one so recently, or
// nil where there is nothing to wait for.
func Slow(wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	return &chat.RetryError{
		Err:   fmt.Errorf("%w: this room is slow: say one line at a time, nothing was done", chat.ErrTooMany),
		After: wait,
	}
}
