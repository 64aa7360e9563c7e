package faults_test

import (
	"errors"
	"net"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/network"
	"confab/functions/server/e2e/internal/process"
	"confab/functions/server/e2e/internal/redistest"
)

// badLink runs a load while something is done to the readers' link to Redis.
func badLink(t *testing.T, name string, do func(*round, *load, *redistest.Server, *network.Proxy)) {
	torture(t, name, func(r *round) {
		redis := redistest.New(r)
		p := network.StartProxy(r, redis.Addr)
		l := r.loadOnTwo(plan{}, "redis://"+p.Addr, redis.URL())
		r.calm()
		do(r, l, redis, p)
		l.heal()
		r.calm()
		l.check()
	})
}

func TestTortureLinkIsHalfOpen(t *testing.T) {
	badLink(t, "link to Redis half-open", func(r *round, _ *load, _ *redistest.Server, p *network.Proxy) {
		for range some(1, 4) {
			p.Strand()
			r.calm()
			r.calm()
		}
	})
}

func TestTortureLinkLosesOneWay(t *testing.T) {
	badLink(t, "link to Redis one way, 3 s each", func(r *round, _ *load, _ *redistest.Server, p *network.Proxy) {
		for _, way := range [][2]bool{{true, false}, {false, true}} {
			p.Hold(way[0], way[1])
			pause(3 * time.Second)
			p.Hold(false, false)
			r.calm()
		}
	})
}

func TestTortureLinkIsSlow(t *testing.T) {
	badLink(t, "link to Redis 300 ms", func(r *round, _ *load, _ *redistest.Server, p *network.Proxy) {
		p.Slow(150 * time.Millisecond) // each way
		r.calm()
		r.calm()
		p.Slow(0)
	})
}

func TestTortureLinkIsReset(t *testing.T) {
	badLink(t, "reset storm between server and Redis", func(r *round, _ *load, _ *redistest.Server, p *network.Proxy) {
		for range some(10, 50) {
			p.ResetAll()
			pause(time.Duration(r.rnd.Int64N(int64(300 * time.Millisecond))))
		}
	})
}

func TestTortureLinksOfReadersAreBad(t *testing.T) {
	torture(t, "links of readers reset, cut, slow", func(r *round) {
		s := process.Start(r, openTo(redistest.Start(r))...)
		p := network.StartProxy(r, s.URL)
		l := r.load(plan{doors: []string{"http://" + p.Addr}}, s.URL)
		for range some(4, 20) {
			r.calm()
			p.Slow(time.Duration(r.rnd.Int64N(int64(50 * time.Millisecond))))
			if r.rnd.IntN(2) == 0 {
				p.ResetAll()
			} else {
				p.EndAll()
			}
		}
		l.check()
	})
}

// notSent reports whether nobody listened at all.
func notSent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}
