package faults_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/network"
	"confab/functions/server/e2e/internal/process"
	"confab/functions/server/e2e/internal/redistest"
)

// damaged runs a load while the log is damaged, and wants one reset on each
// screen and room at most, and at least one where all readers must be told.
func damaged(t *testing.T, name string, do func(*round, *load, *redistest.Server, *process.Server, *network.Proxy)) {
	torture(t, name, func(r *round) {
		redis := redistest.New(r)
		s := process.Start(r, openTo(redis.URL())...)
		p := network.StartProxy(r, s.URL)
		l := r.load(plan{doors: []string{"http://" + p.Addr}}, s.URL)
		r.calm()
		do(r, l, redis, s, p)
		l.mu.Lock()
		l.mended = time.Now()
		l.mu.Unlock()
		l.heal()
		r.calm()
		l.finish()
		for i, w := range l.readers {
			resets := 0
			for _, st := range w.Steps {
				if st.Reset {
					resets++
				}
			}
			if resets < 1 || resets > len(w.Rooms) {
				r.Errorf("reader %d of %v had %d resets", i, w.Rooms, resets)
			}
		}
		if l.figures.back > flowsAgain {
			r.Errorf("flowing %v after", l.figures.back)
		}
	})
}

func TestTortureLogIsTrimmed(t *testing.T) {
	damaged(t, "log trimmed under readers that are away", func(r *round, l *load, redis *redistest.Server, s *process.Server, p *network.Proxy) {
		p.Part(true)
		r.calm()
		s.Kill() // and with it what it remembers
		for _, room := range l.rooms {
			keys := redis.Must("keys", "confab:0:{*}:"+string(room)+":log").([]any)
			redis.Must("xtrim", keys[0], "maxlen", 5)
		}
		s.Restart()
		p.Part(false)
	})
}

func TestTortureLogIsFlushed(t *testing.T) {
	damaged(t, "log flushed", func(r *round, l *load, redis *redistest.Server, s *process.Server, p *network.Proxy) {
		redis.Must("flushall")
	})
}

func TestTortureLogIsRestored(t *testing.T) {
	damaged(t, "log restored from an older copy", func(r *round, l *load, redis *redistest.Server, s *process.Server, p *network.Proxy) {
		redis.Must("save")
		dump := filepath.Join(redis.Dir, "dump.rdb")
		old, err := os.ReadFile(dump)
		if err != nil {
			r.Fatal(err)
		}
		r.calm()
		redis.Kill()
		if err := os.WriteFile(dump, old, 0o600); err != nil {
			r.Fatal(err)
		}
		redis.Start()
	})
}
