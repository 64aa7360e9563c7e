package hub

import (
	"syscall"

	"confab/shared/chat"
)

const maxLate = 4 << 10 // bytes for a user that wait for a full socket

// A userFrame is what is for one user.
type userFrame struct {
	user  string
	frame []byte
}

// signalUsers gives the connections of some users what is for them.
func (p *poller) signalUsers(signals map[string][]chat.Signal) {
	frames := map[uint32][]userFrame{}
	for user, all := range signals {
		f := userFrame{user: user}
		for _, sig := range all {
			f.frame = append(f.frame, frameOf(sig.Kind, chat.JSON(sig))...)
		}
		hash := p.hub.hashUser(user)
		frames[hash] = append(frames[hash], f)
	}
	for _, sh := range p.shards {
		sh.signalUsers(frames)
	}
}

func (sh *shard) signalUsers(frames map[uint32][]userFrame) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for _, g := range sh.groups {
		for i := len(g.conns) - 1; i >= 0; i-- { // one that ends gives its place to one that was looked at
			c := g.conns[i]
			for _, f := range frames[c.user] {
				if c.group != nil && c.holder(f.user) {
					sh.deliver(c, g.seal(f.frame))
				}
			}
		}
	}
}

// deliver writes frames to one connection alone, between two of the ring's. If
// its socket is full they wait. sh.mu is held.
func (sh *shard) deliver(c *conn, frames []byte) {
	if c.blockedSince != 0 {
		if sh.late[c] = append(sh.late[c], frames...); len(sh.late[c]) > maxLate {
			sh.drop(c, Stalled)
		}
		return
	}
	n, err := write(c.fd, frames)
	if err != 0 && err != syscall.EAGAIN {
		sh.drop(c, Left)
		return
	}
	if n < len(frames) {
		sh.block(c, frames[n:])
	}
}

// deliverLate writes what waited for a full socket. sh.mu is held.
func (sh *shard) deliverLate(c *conn) {
	if frames := sh.late[c]; frames != nil {
		delete(sh.late, c)
		sh.deliver(c, frames)
	}
}
