package redis

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"confab/shared/access"
	"confab/shared/chat"
	"confab/shared/store"

	"github.com/redis/go-redis/v9"
)

//go:embed append.lua
var appendSource string

//go:embed rights.lua
var rightsSource string

//go:embed settle.lua
var settleSource string

// A request is one call of the append script.
type request struct {
	keys roomKeys
	ev   chat.Event // without its position
	body []byte     // of it
	rule chat.Rule  // of its kind
	key  string     // stands for the user and the idempotency key
	// nameKey is where the owner of its author's name is. On a Cluster it is a
	// key of the room that the script leaves alone.
	nameKey string

	begins bool // it may begin its room: that was counted
}

// Settings are what the append script does for every event.
type settings struct {
	maxEvents int           // kept of a room, about
	maxAge    time.Duration // 0: for ever
	maxBytes  int           // of its events; 0: any number
	rate      store.Rate    // of one user's posts in a room
	day       store.Rate    // of one network's in a room that another user began
	// countRooms says that rooms are counted that a network begins.
	countRooms bool
	// publish says that the script publishes the event. Otherwise that is
	// done once replicas have it.
	publish bool
	// named says that the script claims the author's name. On a Cluster names
	// are in other slots than rooms.
	named bool
}

// appendScript is the script for one kind of event. The rules of the kind are
// constants of it, so that its source knows no kind by name.
func appendScript(rule chat.Rule, set settings) script[request] {
	if rule.ByServer { // it is counted where it comes from
		set.maxEvents, set.countRooms, set.rate, set.day = min(set.maxEvents, chat.MaxInbox), false, store.Rate{}, store.Rate{}
	}
	args, unsent := appendArgs(rule, set)
	return newScript(appendKeys(rule, set), args,
		unsent+constant("kind", string(rule.Kind))+constant("target_kind", string(rule.Target))+constant("own", rule.Own)+
			constant("removes_text", rule.RemovesText)+constant("replaces_text", rule.ReplacesText)+constant("sets", rule.Sets)+
			constant("max_events", strconv.Itoa(set.maxEvents))+constant("max_age", set.maxAge.Milliseconds())+constant("max_bytes", set.maxBytes)+constant("max_created", maxCreated)+
			constant("named", set.named && rule.Claims())+constant("name_life", strconv.FormatInt(store.PresenceLife.Milliseconds(), 10))+
			constant("max_emojis", chat.MaxReactions)+constant("count_rooms", set.countRooms)+constant("idle", store.EmptyRoomLife.Milliseconds())+
			constant("interval", set.rate.Interval().Microseconds())+constant("burst", set.rate.Burst)+
			constant("day_interval", set.day.Interval().Microseconds())+constant("day_burst", set.day.Burst)+
			constant("publish", set.publish)+constant("by_server", rule.ByServer)+rightsConstants(rule),
		rateSource, claimSource, rightsSource, settleOf(rule), auditOf(rule), appendSource)
}

// An appender has the append script of each kind, made when it is first needed.
type appender struct {
	settings settings
	scripts  sync.Map // of script[request] by chat.Kind
}

func (a *appender) run(req request) run {
	made, ok := a.scripts.Load(req.rule.Kind)
	if !ok {
		made, _ = a.scripts.LoadOrStore(req.rule.Kind, appendScript(req.rule, a.settings))
	}
	return made.(script[request]).call(req)
}

// A verdict is what the append script says of an event.
type verdict string

const (
	written     verdict = "ok"
	unpublished verdict = "unpublished" // written, but Redis would not publish it
	repeated    verdict = "again"       // under its key, some time ago
	keyReused   verdict = "reused"      // its key is another event's
	tooFast     verdict = "wait"        // see appended.wait
	spent       verdict = "spent"       // by its network, for today; see appended.wait
	begins      verdict = "begins"      // its room, which has to be counted first
	manyEmojis  verdict = "emojis"      // its target has as many as it may
	noTarget    verdict = "gone"        // its target is not in the log
	notAuthor   verdict = "foreign"     // its target is another user's
	nameTaken   verdict = "named"       // another user has its author's name now
	tooSoon     verdict = "slow"        // in a slow room, see appended.wait
	refused     verdict = "no"          // by package access, see appended.why
)

// plainRefusals are the verdicts that come without more.
var plainRefusals = map[verdict]error{
	keyReused: store.ErrKeyReused, manyEmojis: store.ErrEmoji, noTarget: store.ErrNoTarget,
	notAuthor: store.ErrNotAuthor, nameTaken: chat.ErrNameTaken,
}

// appended is the reply of the append script.
type appended struct {
	verdict  verdict
	position store.Position // of what is in the log
	why      string         // with unpublished and refused
	wait     time.Duration  // with tooFast, spent and tooSoon
}

// readAppended reads a reply. It fails on one that the script cannot give.
func readAppended(cmd *redis.Cmd) (appended, error) {
	reply, err := cmd.StringSlice()
	if err != nil {
		return appended{}, err
	}
	if len(reply) == 0 {
		return appended{}, errReply
	}
	a := appended{verdict: verdict(reply[0])}
	switch a.verdict {
	case written, repeated, unpublished:
		if len(reply) < 4 {
			return a, errReply
		}
		a.why = strings.Join(reply[4:], " ")
		a.position, err = position(reply[1], reply[2], reply[3])
	case tooFast, spent, tooSoon, refused:
		if len(reply) != 2 {
			return a, errReply
		}
		err = a.readRefusal(reply[1])
	case begins:
	default:
		if plainRefusals[a.verdict] == nil {
			err = errReply
		}
	}
	return a, err
}

// readRefusal reads how long to wait, or why.
func (a *appended) readRefusal(text string) error {
	if a.verdict == refused {
		a.why = text
		if access.Refusals[text] == nil {
			return errReply
		}
		return nil
	}
	us, err := strconv.ParseInt(text, 10, 64)
	a.wait = time.Duration(us) * time.Microsecond
	return err
}

// inLog reports whether the event is in the primary's log.
func (a appended) inLog() bool {
	return a.verdict == written || a.verdict == repeated || a.verdict == unpublished
}

// Append is that of [store.Log], in one round trip; on a Cluster in two, the
// first of which claims the author's name for longer than an append may take.
func (s *Store) Append(ctx context.Context, ev chat.Event) (_ chat.Line, replayed bool, err error) {
	req, err := s.request(ev)
	if err != nil {
		return chat.Line{}, false, err
	}
	if s.clustered() && store.ClaimsName(ev, req.rule) {
		// A node with names that is down stops no room of another's.
		if err := s.claim(ctx, ev.By); errors.Is(err, chat.ErrNameTaken) {
			return chat.Line{}, false, err
		}
	}
	line, reply, err := s.batcher.do(ctx, req)
	if err == nil && reply.verdict == begins { // another round trip, the first time
		if err := s.countRoom(ctx, ev.From); err != nil {
			return chat.Line{}, false, err
		}
		req.begins = true
		line, reply, err = s.batcher.do(ctx, req)
	}
	if err != nil && redis.HasErrorPrefix(err, "OOM") {
		return chat.Line{}, false, store.Full("append to "+string(ev.Room), err)
	}
	if err != nil {
		return chat.Line{}, false, store.Unavailable("append to "+string(ev.Room), err)
	}
	if err := plainRefusals[reply.verdict]; err != nil {
		return chat.Line{}, false, err
	}
	switch reply.verdict {
	case tooFast:
		return chat.Line{}, false, store.TooMany("post", reply.wait)
	case spent:
		return chat.Line{}, false, store.Spent(reply.wait)
	case tooSoon:
		return chat.Line{}, false, store.Slow(reply.wait)
	case refused:
		return chat.Line{}, false, access.Refusals[reply.why]
	}
	if reply.verdict == unpublished {
		s.log.Warn("publishing failed, readers are late", "room", ev.Room, "err", reply.why)
	}
	return line, reply.verdict == repeated && ev.Key != "", nil
}

func (s *Store) request(ev chat.Event) (request, error) {
	rule, ok := ev.Kind.Rule()
	if !ok {
		return request{}, fmt.Errorf("%w: %q is no kind of event", chat.ErrInvalid, ev.Kind)
	}
	req := request{keys: s.keys.room(ev.Room), ev: ev, body: store.Encode(ev), rule: rule, key: hashKey(ev.By.ID, ev.Key)}
	req.nameKey = s.keys.name(ev.By.Name)
	if s.clustered() {
		req.nameKey = req.keys.meta()
	}
	if ev.Key == "" { // the driver of a Cluster may send a command twice
		req.key = rand.Text()
	}
	return req, nil
}

// hashKey stands for a user and their idempotency key, so that Redis does not
// hold what may be told by a key.
func hashKey(user, key string) string {
	sum := sha256.Sum256([]byte(user + " " + key))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
