package identity

import "time"

// SetClock has the signer believe another clock.
func (s *Signer) SetClock(now func() time.Time) { s.now = now }
