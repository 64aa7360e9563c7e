package identity

import (
	"crypto/sha256"
	"sync"
	"time"

	"confab/shared/chat"
)

const maxKnown = 4096 // sessions in a generation; two of them are about 1.5 MB

// known are the sessions that were read lately, so that a signature and what
// it signs are not gone through again for every line of a conversation. They
// go by their token's digest: no token is kept. Only good ones get in, so that
// what strangers make up pushes nobody out; and since a token says itself when
// it ends, nothing here outlives it.
type known struct {
	mu       sync.Mutex
	now, old map[[sha256.Size]byte]session // what is asked for moves from old to now
}

// A session is what a good token says.
type session struct {
	user chat.User
	ends time.Time // from then on it is expired
}

func (k *known) get(token string) (session, bool) {
	sum := sha256.Sum256([]byte(token))
	k.mu.Lock()
	defer k.mu.Unlock()
	s, ok := k.now[sum]
	if !ok {
		if s, ok = k.old[sum]; ok {
			k.add(sum, s)
		}
	}
	return s, ok
}

func (k *known) put(token string, s session) {
	sum := sha256.Sum256([]byte(token))
	k.mu.Lock()
	defer k.mu.Unlock()
	k.add(sum, s)
}

// add is called with k.mu held.
func (k *known) add(sum [sha256.Size]byte, s session) {
	if k.now == nil || len(k.now) == maxKnown {
		k.now, k.old = map[[sha256.Size]byte]session{}, k.now
	}
	k.now[sum] = s
}
