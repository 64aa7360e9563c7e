package faults_test

import (
	"testing"
	"time"

	"confab/functions/server/e2e/internal/network"
	"confab/functions/server/e2e/internal/process"
	"confab/functions/server/e2e/internal/redistest"
)

func TestTortureRightsWithReadersCut(t *testing.T) {
	torture(t, "rights change, readers cut", func(r *round) {
		redis := redistest.Start(r)
		a, b := process.Start(r, openTo(redis)...), process.Start(r, openTo(redis)...)
		m := r.moderate(plan{cut: 400 * time.Millisecond}, a.URL, b.URL)
		r.calm()
		r.calm()
		m.settled()
	})
}

func TestTortureRightsWithServersKilled(t *testing.T) {
	torture(t, "rights change, server kill -9, two servers", func(r *round) {
		redis := redistest.Start(r)
		servers := []*process.Server{process.Start(r, openTo(redis)...), process.Start(r, openTo(redis)...)}
		m := r.moderate(plan{}, servers[0].URL, servers[1].URL)
		for i := range some(3, 12) {
			r.calm()
			servers[i%2].Kill()
			servers[i%2].Restart()
			m.heal()
		}
		r.calm()
		m.settled()
	})
}

func TestTortureRightsOnTheBuiltInEngine(t *testing.T) {
	torture(t, "rights change, built-in engine, kill -9", func(r *round) {
		s := process.Start(r, openTo("")...)
		m := r.moderate(plan{}, s.URL)
		for range some(3, 12) {
			r.calm()
			s.Kill()
			s.Restart()
			m.heal()
		}
		r.calm()
		m.settled()
	})
}

func TestTortureRightsWithBadLinks(t *testing.T) {
	torture(t, "rights change, link to Redis reset and held", func(r *round) {
		redis := redistest.New(r)
		p := network.StartProxy(r, redis.Addr)
		a, b := process.Start(r, openTo("redis://"+p.Addr)...), process.Start(r, openTo(redis.URL())...)
		m := r.moderate(plan{}, a.URL, b.URL)
		for range some(3, 12) {
			r.calm()
			p.ResetAll()
			r.calm()
			p.Hold(r.rnd.IntN(2) == 0, true)
			pause(2 * time.Second)
			p.Hold(false, false)
			m.heal()
		}
		r.calm()
		m.settled()
	})
}

func TestTortureRightsWithSentinel(t *testing.T) {
	torture(t, "rights change, Sentinel, primary kill -9", func(r *round) {
		set := redistest.StartSentinels(r)
		env := openTo(set.URL(), "DURABILITY=replicas")
		m := r.moderate(plan{}, process.Start(r, env...).URL, process.Start(r, env...).URL)
		for range some(1, 4) {
			r.calm()
			old := set.Primary()
			catchUp := lag(set.Replicas(old)...)
			old.Kill()
			catchUp()
			set.AwaitOther(old)
			old.Start()
			set.AwaitReplicas(2)
			m.heal()
		}
		r.calm()
		m.settled()
	})
}
