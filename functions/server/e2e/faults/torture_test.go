package faults_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"
)

// Without flags every scenario has one short round: make test. With them it
// is make torture.
var (
	tortureRounds  = flag.Int("torture.rounds", 1, "rounds of each torture scenario")
	tortureSeed    = flag.Uint64("torture.seed", 1, "seed of the first round; the next has the next")
	tortureMinutes = flag.Float64("torture.minutes", 0, "minutes for all torture scenarios together, about")
)

const (
	scenarios    = 24                      // about: what torture.minutes is divided by
	shortRound   = 1500 * time.Millisecond // of load, before and after what goes wrong
	patience     = 40 * time.Second        // for what was said to be everywhere in the end
	postPatience = 8 * time.Second         // an author's, for one answer
	deadAfter    = 25 * time.Second        // without a byte, pings included, a reader comes back by itself
)

// torture runs a scenario as often as was asked for, each round with a seed of
// its own.
func torture(t *testing.T, name string, scenario func(*round)) {
	t.Parallel()
	rounds(t, name, scenario)
}

// tortureAlone has the machine for itself in make torture: it compares times.
func tortureAlone(t *testing.T, name string, scenario func(*round)) {
	if *tortureMinutes == 0 {
		t.Parallel()
	}
	rounds(t, name, scenario)
}

func rounds(t *testing.T, name string, scenario func(*round)) {
	for i := range *tortureRounds {
		seed := *tortureSeed + uint64(i)
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			scenario(&round{T: t, name: name, rnd: rand.New(rand.NewPCG(seed, 0))})
		})
	}
}

// A round is one run of a scenario.
type round struct {
	*testing.T
	name string
	rnd  *rand.Rand
}

// calm lets the load run for a while: under a second in the short round.
func (r *round) calm() {
	d := shortRound
	if long := time.Duration(*tortureMinutes * float64(time.Minute) / float64(scenarios**tortureRounds*2)); long > d {
		d = long
	}
	pause(d/2 + time.Duration(r.rnd.Int64N(int64(d))))
}

// pause lets a while pass: of load, of what goes wrong, or between two tries.
// Nothing is taken to have happened when it returns.
func pause(d time.Duration) { time.Sleep(d) }

// some is a number for the short round, and another for the long one; fewer
// under the race detector, which makes all of it several times slower.
func some(short, long int) int {
	switch {
	case *tortureMinutes > 0:
		return long
	case process.Race:
		return max(1, short/2)
	}
	return short
}

// openTo has no limits in the way, and a key that several servers share.
func openTo(redis string, env ...string) []string {
	return append([]string{
		"REDIS_URL=" + redis, "SESSION_KEYS=0123456789abcdef0123456789abcdef", "HISTORY=0",
		"POSTS_PER_SECOND=0", "STREAMS_PER_USER=0", "STREAMS_PER_ADDRESS=0",
	}, env...)
}

func tortured() bool { return *tortureMinutes > 0 || *tortureRounds > 1 || testing.Verbose() }
