package identity

import (
	"crypto/sha256"
	"sync"
	"time"

	"confab/shared/chat"
)

// cacheSize is how many sessions a generation holds; two of them are about
// 2 MB.
const cacheSize = 4096

// A sessionCache holds the sessions that were read lately, so that a signature
// and what it signs are not checked again for every message of a conversation.
// Sessions are found by their token's digest: no token is kept. Only good
// sessions get in, so that tokens which strangers make up evict nobody; and
// since a token says itself when it ends, nothing here outlives it.
type sessionCache struct {
	mu       sync.Mutex
	now, old map[[sha256.Size]byte]session // two generations: a session that is asked for moves from old to now
}

// A session is what a good token says.
type session struct {
	user chat.User
	of   chat.Session
	ends time.Time // from then on it is expired
}

func (c *sessionCache) get(token string) (session, bool) {
	sum := sha256.Sum256([]byte(token))
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.now[sum]
	if !ok {
		if s, ok = c.old[sum]; ok {
			c.add(sum, s)
		}
	}
	return s, ok
}

func (c *sessionCache) put(token string, s session) {
	sum := sha256.Sum256([]byte(token))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(sum, s)
}

// add is called with c.mu held.
func (c *sessionCache) add(sum [sha256.Size]byte, s session) {
	if c.now == nil || len(c.now) == cacheSize {
		c.now, c.old = map[[sha256.Size]byte]session{}, c.now
	}
	c.now[sum] = s
}
