package chat

import (
	"errors"
	"fmt"
	"time"
)

// The kinds of error. A function adds what and where by wrapping one of them;
// web alone turns a kind into a status code. The text that wraps ErrInvalid,
// ErrForbidden, ErrNotFound, ErrConflict or ErrTooMany is for the user.
var (
	ErrInvalid      = errors.New("invalid")
	ErrUnauthorized = errors.New("not signed in")
	ErrForbidden    = errors.New("forbidden")
	ErrNotFound     = errors.New("not found")
	ErrConflict     = errors.New("conflict")
	ErrGone         = errors.New("gone")
	ErrReused       = errors.New("idempotency key reused")
	ErrTooMany      = errors.New("too many")
	ErrUnavailable  = errors.New("unavailable")
	ErrFull         = errors.New("full") // goes with ErrUnavailable: there is no place for more

	// ErrReset says that the log does not hold what follows a cursor any
	// more, or never held the cursor: what a reader has seen may have a hole.
	ErrReset = errors.New("the log does not continue the cursor")
)

// ErrNameTaken refuses a name that another user has, now or for good. Under it
// nothing was written.
var ErrNameTaken = fmt.Errorf("%w: somebody has that name: nothing was changed, try another name", ErrConflict)

// A RetryError is an error with the time after which to try again.
type RetryError struct {
	Err   error
	After time.Duration
}

func (e *RetryError) Error() string { return e.Err.Error() }
func (e *RetryError) Unwrap() error { return e.Err }
