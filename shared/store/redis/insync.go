package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// With majority, every replica that may take over has to have a line, not any
// majority: who takes over is not elected by those who have it. Sentinel
// promotes one replica, and for seconds the old primary goes on with the other:
// the two are a majority, and what they acknowledge the promotion takes back.
//
// So a replica may lack a line only if it cannot take over. It is asked itself,
// after the line was written: one that refuses connections is dead, and one that
// says that it is a primary now ends what the old one may acknowledge. One that
// does not answer, or is not connected to the primary, is waited for until
// Sentinel knows that the others are ahead of it.
const (
	allTimeout    = 300 * time.Millisecond // for all replicas that are connected
	restTimeout   = 600 * time.Millisecond // for those that may take over, after it
	againTimeout  = 200 * time.Millisecond // of it, until they are asked again
	askTimeout    = 300 * time.Millisecond // for one to say what it is
	absentAfter   = 12 * time.Second       // Sentinel asks for the offsets of replicas every 10 s
	watchInterval = time.Second
)

var errReplaced = errors.New("another primary took over")

// A candidate is a replica that may take over.
type candidate struct {
	dial   func() *redis.Client
	rdb    *redis.Client // nil until it has answered
	absent time.Time     // since when it does not keep up; zero: it does
	asked  time.Time     // when it was asked last
	online bool          // the primary says so
}

// gone reports whether the others are ahead of it, as Sentinel knows by now.
func (c *candidate) gone() bool { return !c.absent.IsZero() && time.Since(c.absent) >= absentAfter }

// wait is what a write waits for.
func (r *replication) wait(set *replicaSet) wait {
	need := r.need(set)
	if !r.quorum.majority {
		return wait{need, replicaTimeout}
	}
	set.mu.Lock()
	defer set.mu.Unlock()
	return wait{max(need, set.connected), allTimeout}
}

// need is how many replicas are to acknowledge an event.
func (r *replication) need(set *replicaSet) int {
	set.mu.Lock()
	defer set.mu.Unlock()
	return r.quorum.of(set.most)
}

// confirm fails unless what was written on the connection is on enough
// replicas. So many have acknowledged it already.
func (r *replication) confirm(ctx context.Context, conn *redis.Conn, set *replicaSet, got int) error {
	need := r.need(set)
	if !r.quorum.majority {
		if got < need {
			return r.tooFew(need)
		}
		return nil
	}
	set.mu.Lock()
	set.missing = got < max(1, set.most)
	missing := set.missing
	set.mu.Unlock()
	if !missing {
		r.enough()
		return nil
	}
	for began := time.Now(); ; {
		able, err := r.mayTakeOver(ctx, conn, set, false)
		if err != nil {
			r.tooFewNow()
			if errors.Is(err, errReplaced) { // Sentinel says where the new one is to those who connect
				r.store.conns.closeAll()
			}
			return err
		}
		all := max(need, able)
		got, err := conn.Do(ctx, "WAIT", all, againTimeout.Milliseconds()).Int()
		switch {
		case err != nil:
			return err
		case got >= all:
			r.enough()
			return nil
		case time.Since(began) >= restTimeout:
			return r.tooFew(all)
		}
	}
}

// mayTakeOver asks the primary, and every replica that it had, and returns how
// many of them have to have a line. Those that are long absent are asked only
// where nobody waits for it.
func (r *replication) mayTakeOver(ctx context.Context, primary redis.Cmdable, set *replicaSet, absent bool) (able int, err error) {
	info, err := askReplication(ctx, primary)
	if err != nil {
		return 0, err
	}
	if info.role != "master" {
		return 0, errReplaced
	}
	set.learn(info.addresses, nil, r.store.node)
	var asking sync.WaitGroup
	var mu sync.Mutex // guards able and err
	for address, c := range set.asked(absent) {
		asking.Go(func() {
			has, problem := set.ask(ctx, c, info.history)
			mu.Lock()
			defer mu.Unlock()
			if has {
				able++
			}
			if problem != nil {
				err = fmt.Errorf("%w: %s", problem, address)
			}
		})
	}
	asking.Wait()
	return able, err
}

// ask asks a replica what it is. It reports whether it has to have a line, and
// fails if it is a primary of another history.
func (set *replicaSet) ask(ctx context.Context, c *candidate, history string) (able bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	info, err := set.answer(ctx, c)
	set.mu.Lock()
	defer set.mu.Unlock()
	c.asked = time.Now()
	switch {
	case err == nil && info.role == "master" && info.history != history:
		return true, errReplaced
	case err == nil && info.role == "master": // the primary itself, once a replica
		return false, nil
	case c.online && !silent(err):
		c.absent = time.Time{}
		return true, nil
	case closed(err) || redis.HasErrorPrefix(err, "LOADING"):
		return false, nil
	}
	if c.absent.IsZero() {
		c.absent = time.Now()
	}
	return !c.gone(), nil
}

// answer asks on the connection that answered before, or else on one of its own:
// after some failures the driver repeats the last one for a second, instead of
// connecting.
func (set *replicaSet) answer(ctx context.Context, c *candidate) (info replicationInfo, err error) {
	set.mu.Lock()
	before := c.rdb
	set.mu.Unlock()
	if before != nil {
		if info, err = askReplication(ctx, before); answered(err) {
			return info, err
		}
	}
	fresh := c.dial()
	if info, err = askReplication(ctx, fresh); !answered(err) {
		_ = fresh.Close() // it has no connection
		fresh = nil
	}
	set.mu.Lock()
	was := c.rdb
	c.rdb = fresh
	set.mu.Unlock()
	if was != nil {
		_ = was.Close() // its connections did not answer, or another one does
	}
	return info, err
}

// answered reports whether a Redis said something, if only no.
func answered(err error) bool {
	_, refused := errors.AsType[redis.Error](err)
	return err == nil || refused
}

// closed reports whether nobody serves an address: it is refused, or what
// stands before it has nobody to pass a command to.
func closed(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF)
}

// silent reports whether no answer came.
func silent(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// learn keeps which replicas keep up with the primary, and which there were.
func (set *replicaSet) learn(online, before []string, node func(address string) *redis.Client) {
	set.mu.Lock()
	defer set.mu.Unlock()
	set.connected = len(online)
	for _, address := range slices.Concat(online, before) {
		if set.candidates[address] == nil {
			set.candidates[address] = &candidate{dial: func() *redis.Client { return node(address) }}
		}
	}
	for address, c := range set.candidates {
		c.online = slices.Contains(online, address)
	}
}

// asked returns the candidates to ask: all of them, or those that are not long
// absent, as [replication.watch] found a moment ago.
func (set *replicaSet) asked(absent bool) map[string]*candidate {
	set.mu.Lock()
	defer set.mu.Unlock()
	all := make(map[string]*candidate, len(set.candidates))
	for address, c := range set.candidates {
		if absent || !c.gone() || time.Since(c.asked) >= 3*watchInterval {
			all[address] = c
		}
	}
	return all
}

// watch asks the replicas of which one is missing, for as long as ctx lasts, so
// that its absence is known before somebody posts.
func (r *replication) watch(ctx context.Context) {
	for ctx.Err() == nil {
		pause(ctx, watchInterval)
		r.mu.Lock()
		var missing []bucket
		for b, set := range r.sets {
			set.mu.Lock()
			if set.missing {
				missing = append(missing, b)
			}
			set.mu.Unlock()
		}
		r.mu.Unlock()
		for _, b := range missing {
			r.look(ctx, b)
		}
	}
}

// look asks the replicas of a bucket; what they say is kept in its set.
func (r *replication) look(ctx context.Context, b bucket) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	conn, err := r.primary(ctx, b.replicas())
	if err != nil {
		return
	}
	defer conn.Close()
	r.mu.Lock()
	set := r.sets[b]
	r.mu.Unlock()
	_, _ = r.mayTakeOver(ctx, conn, set, true) // a post will see the same
}

// close closes the connections to candidates.
func (r *replication) close() (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, set := range r.sets {
		set.mu.Lock()
		for _, c := range set.candidates {
			if c.rdb != nil {
				err = errors.Join(err, c.rdb.Close())
			}
		}
		set.mu.Unlock()
	}
	return err
}
