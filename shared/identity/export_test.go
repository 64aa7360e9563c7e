package identity

import "time"

const MaxKnown = cacheSize

// SetClock has the signer believe another clock.
func (s *Signer) SetClock(now func() time.Time) { s.now = now }

// Knows reports whether a token was read lately.
func (s *Signer) Knows(token string) bool {
	_, ok := s.cache.get(token)
	return ok
}

// Known is how many were.
func (s *Signer) Known() int { return len(s.cache.now) + len(s.cache.old) }

// Forget has every token read anew.
func (s *Signer) Forget() { s.cache.now, s.cache.old = nil, nil }
