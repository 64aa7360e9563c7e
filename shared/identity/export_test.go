package identity

import "time"

const MaxKnown = maxKnown

// SetClock has the signer believe another clock.
func (s *Signer) SetClock(now func() time.Time) { s.now = now }

// Knows reports whether a token was read lately.
func (s *Signer) Knows(token string) bool {
	_, ok := s.known.get(token)
	return ok
}

// Known is how many were.
func (s *Signer) Known() int { return len(s.known.now) + len(s.known.old) }

// Forget has every token read anew.
func (s *Signer) Forget() { s.known.now, s.known.old = nil, nil }
