package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"confab/shared/store"

	"github.com/redis/go-redis/v9"
)

// A Level says how bad a finding is.
type Level string

const (
	Fine  Level = "ok"
	Note  Level = "note"  // it works, but could be better
	Fault Level = "FAULT" // posts are refused, or lines may be lost
)

// A Finding is what one check of [Examine] came to: one sentence, which says
// what to do where something is wrong.
type Finding struct {
	Check string
	Level Level
	Said  string
}

// An examination looks at how Redis is set up for a chat.
type examination struct {
	*Store
	mu       sync.Mutex // guards findings: the nodes of a Cluster are looked at side by side
	findings []Finding
}

// Examine looks at the Redis of the options as an operator would, and leaves
// nothing there. Its error is of options that name none.
func Examine(ctx context.Context, opts store.Options) (address string, findings []Finding, err error) {
	s, err := newStore(ctx, opts)
	if err != nil {
		return "", nil, errors.Join(err, s.Close())
	}
	defer s.Close() // what it found is told already
	e := &examination{Store: s}
	if err := s.await(ctx); err != nil {
		e.say("address", Fault, "%s", oneLine(err))
		return s.Address(), e.findings, nil
	}
	e.posts(ctx)
	e.chats(ctx)
	if cluster, ok := s.rdb.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			e.lookAt(ctx, node, node.Options().Addr+": ")
			return nil
		})
		if err != nil {
			e.say("cluster", Fault, "its nodes could not be listed: %s", oneLine(err))
		}
	} else {
		e.lookAt(ctx, s.rdb, "")
	}
	slices.SortStableFunc(e.findings, func(a, b Finding) int { return slices.Index(checks, a.Check) - slices.Index(checks, b.Check) })
	return s.Address(), e.findings, nil
}

// checks are in the order in which they are told.
var checks = []string{"address", "cluster", "version", "posts", "keys", "role", "replicas", "durability", "memory", "disk", "shared", "connections", "clock"}

func (e *examination) say(check string, level Level, said string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.findings = append(e.findings, Finding{check, level, fmt.Sprintf(said, args...)})
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// posts does once what a server does all the time.
func (e *examination) posts(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	switch err := e.explain(e.trial(ctx)); {
	case errors.Is(err, errRefusesWrites):
		e.say("posts", Fault, "every post is refused now: %s", oneLine(err))
		return
	case err != nil:
		e.say("posts", Fault, "a server would not start: %s", oneLine(err))
		return
	}
	e.say("posts", Fine, "a line was written, published, received, read and taken away again")
	if e.replication == nil {
		return
	}
	probe := run{script: probeScript, keys: []string{e.keys.probe(rand.Text())}, args: []any{"examined"}}
	if err := e.replication.probe(ctx, &probe); err != nil {
		e.say("durability", Fault, "DURABILITY is %s, and posts are refused: %s; bring the replicas back, or set DURABILITY=primary", e.opts.Durability, oneLine(e.explain(err)))
		return
	}
	e.say("durability", Fine, "DURABILITY is %s, and enough replicas have acknowledged a write", e.opts.Durability)
}

// chats looks for what is kept under our prefix, and for other chats.
func (e *examination) chats(ctx context.Context) {
	found, err := e.rdb.Get(ctx, e.keys.version()).Result()
	switch {
	case errors.Is(err, redis.Nil):
		e.say("keys", Fine, "no chat is kept under %s yet", string(e.keys))
	case err != nil:
		e.say("keys", Fault, "the version of the keys could not be read: %s", oneLine(e.explain(err)))
	case found != keysVersion:
		e.say("keys", Fault, "the chat under %s is of version %q, and this server reads version %s: run the server that wrote it, or set another KEY_PREFIX", string(e.keys), found, keysVersion)
	default:
		e.say("keys", Fine, "the chat under %s is of this server's version", string(e.keys))
	}
}

// lookAt looks at one primary.
func (e *examination) lookAt(ctx context.Context, rdb redis.UniversalClient, where string) {
	text, err := rdb.Info(ctx).Result()
	if err != nil {
		e.say("version", Note, "%sINFO is not answered, so little can be said: allow the user +info (%s)", where, oneLine(err))
		return
	}
	n := nodeReport{examination: e, rdb: rdb, where: where, info: infoFields(text)}
	n.version()
	n.replicas(ctx)
	n.memory()
	n.disk(ctx)
	n.connections(ctx)
	n.shared(ctx)
	n.clock(ctx)
}

func infoFields(text string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields
}

// A nodeReport is of one node.
type nodeReport struct {
	*examination
	rdb   redis.UniversalClient
	where string // its address in front of a sentence, where there are several
	info  map[string]string
}

func (n nodeReport) say(check string, level Level, said string, args ...any) {
	n.examination.say(check, level, "%s", n.where+fmt.Sprintf(said, args...))
}

func (n nodeReport) number(field string) int64 {
	v, _ := strconv.ParseInt(n.info[field], 10, 64)
	return v
}

// setting reads one setting, where the user may.
func (n nodeReport) setting(ctx context.Context, name string) (value string, ok bool) {
	all, err := n.rdb.ConfigGet(ctx, name).Result()
	value, ok = all[name]
	return value, ok && err == nil
}

const oldest = "6.2" // the first version that has all we need

func (n nodeReport) version() {
	name, version := "Redis", n.info["redis_version"]
	if v := n.info["valkey_version"]; v != "" {
		name, version = "Valkey", v
	}
	if older(n.info["redis_version"], oldest) {
		n.say("version", Fault, "it is %s %s: take %s or later", name, version, oldest)
		return
	}
	n.say("version", Fine, "it is %s %s", name, version)
}

// older compares the first two numbers of versions.
func older(a, b string) bool {
	number := func(s string) int {
		major, rest, _ := strings.Cut(s, ".")
		minor, _, _ := strings.Cut(rest, ".")
		x, _ := strconv.Atoi(major)
		y, _ := strconv.Atoi(minor)
		return x*1000 + y
	}
	return number(a) < number(b)
}

// clock compares the clock with this machine's, as of the middle of the round trip.
func (n nodeReport) clock(ctx context.Context) {
	began := time.Now()
	theirs, err := n.rdb.Time(ctx).Result()
	took := time.Since(began)
	if err != nil {
		n.say("clock", Note, "its clock could not be read: %s", oneLine(n.explain(err)))
		return
	}
	off := theirs.Sub(began.Add(took / 2)).Round(time.Millisecond)
	level, direction := Fine, "ahead of"
	if off < 0 {
		direction = "behind"
	}
	switch {
	case off.Abs() > time.Minute:
		level = Fault
	case off.Abs() > time.Second+took:
		level = Note
	}
	if level == Fine {
		n.say("clock", Fine, "its clock and this machine's agree (%v apart), and an answer takes %v", off.Abs(), took.Round(10*time.Microsecond))
		return
	}
	n.say("clock", level, "its clock is %v %s this machine's: lines are dated by it, so have both follow NTP", off.Abs(), direction)
}
