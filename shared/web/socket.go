package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"confab/shared/chat"
	"confab/shared/hub"
)

// What a socket may send, and how soon it answers a ping.
const (
	maxFrame  = max(64<<10, maxBody)
	pongLimit = 10 * time.Second
)

// A Socket is an open WebSocket (RFC 6455). Its methods but Read are safe for
// concurrent use; a context that ends breaks the connection.
type Socket interface {
	// Read returns the next frame of data, be it of text or binary.
	Read(ctx context.Context) (frame []byte, err error)
	// Write sends a frame of text.
	Write(ctx context.Context, frame []byte) error
	// Ping returns when the other side has answered.
	Ping(ctx context.Context) error
	// Close sends a status and a reason, and waits for the other side's.
	Close(status int, reason string) error
	// CloseNow drops the connection.
	CloseNow() error
}

// The statuses with which we close (RFC 6455 §7.4.1).
const (
	statusGoingAway = 1001
	statusPolicy    = 1008
	statusNoText    = 1003
)

// An Upgrade answers a request with a WebSocket whose frames have at most
// maxFrame bytes. If it fails, it has answered. It does not look at the origin.
type Upgrade func(w http.ResponseWriter, r *http.Request, maxFrame int64) (Socket, error)

// A socket is one WebSocket: what happens in its rooms goes out, what its user
// says comes in.
type socket struct {
	Socket
	server  *Server
	r       *http.Request
	id      string // of the request
	rooms   []chat.RoomID
	onFrame func(frame []byte) []byte // returns what to answer
}

// socket answers with a WebSocket of JSON frames.
func (s *Server) socket(w http.ResponseWriter, r *http.Request, rooms []chat.RoomID) error {
	k := &socket{server: s, r: r, rooms: rooms}
	k.onFrame = k.onJSON
	return k.serve(w, lines)
}

// serve keeps the socket until one side goes.
func (k *socket) serve(w http.ResponseWriter, wr wire) error {
	if k.server.cfg.Upgrade == nil || k.r.Context().Value(http.ServerContextKey) == nil {
		return errNoSocket
	}
	k.server.sockets.Add(1)
	defer k.server.sockets.Done()
	sub, err := k.server.open(k.r, k.rooms, cursor(k.r))
	if err != nil {
		return err
	}
	defer sub.Close()
	if k.Socket, err = k.server.cfg.Upgrade(w, k.r, maxFrame); err != nil {
		return nil // it has answered
	}
	k.id = w.Header().Get(requestID)

	ctx, cancel := k.server.lifetime(k.r.Context())
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	defer stop()
	wg.Go(func() {
		defer stop()
		k.listen(context.WithoutCancel(ctx)) // a read that is cancelled would cut the line before its close
	})
	ping := wr.ping
	wr.ping = func() []byte {
		wg.Go(func() { k.probe(ctx, stop) })
		return ping()
	}
	err = pump(ctx, sub, wr, k.write)
	if ctx.Err() != nil && context.Cause(ctx) != errEnds { // the other side has gone
		_ = k.CloseNow()
		return nil
	}
	if lost, ok := errors.AsType[hub.Loss](err); ok && lost.Why != "" {
		_ = k.Close(statusPolicy, "you may not read this any more")
		return nil
	}
	_ = k.Close(statusGoingAway, "come back with your cursor")
	return nil
}

// write sends each line as a frame.
func (k *socket) write(b []byte) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), hub.StallLimit, os.ErrDeadlineExceeded)
	defer cancel()
	for line := range bytes.SplitSeq(bytes.TrimSuffix(b, []byte("\n")), []byte("\n")) {
		if err := k.Write(ctx, line); err != nil {
			return cmp.Or(context.Cause(ctx), err)
		}
	}
	return nil
}

// probe ends a socket whose other side does not answer any more.
func (k *socket) probe(ctx context.Context, stop func()) {
	ctx, cancel := context.WithTimeout(ctx, pongLimit)
	defer cancel()
	if k.Ping(ctx) != nil {
		stop()
	}
}

// listen answers what comes in until the other side goes.
func (k *socket) listen(ctx context.Context) {
	for {
		frame, err := k.Read(ctx)
		switch {
		case err != nil:
			return
		case !utf8.Valid(frame): // some clients send text in binary frames
			_ = k.Close(statusNoText, "frames are text in UTF-8")
			return
		}
		if out := k.onFrame(frame); len(out) > 0 && k.write(out) != nil {
			return
		}
	}
}

// A reply tells only the sender that a line was written down, or why not.
type reply struct {
	Kind     string     `json:"kind"` // ack or problem
	Key      string     `json:"key,omitempty"`
	Event    *chat.Line `json:"event,omitempty"`
	*problem            // of a problem
}

func (k *socket) onJSON(frame []byte) []byte {
	var in struct {
		postRequest
		Kind chat.Kind
	}
	if err := json.Unmarshal(frame, &in); err != nil {
		return k.refuse("", fmt.Errorf("%w: the frame is not a JSON object of text, room, key and reply", errMalformed))
	}
	if in.Kind == chat.Typing {
		if err := k.typing(in.postRequest); err != nil {
			return k.refuse(in.Key, err)
		}
		return nil
	}
	ev, err := k.say(in.postRequest)
	if err != nil {
		return k.refuse(in.Key, err)
	}
	return jsonLine(reply{Kind: "ack", Key: in.Key, Event: &ev})
}

// refuse tells the sender an error.
func (k *socket) refuse(key string, err error) []byte {
	p := problemOf(err)
	k.server.logFailure(k.r, p.Status, k.id, err)
	return jsonLine(reply{Kind: "problem", Key: key, problem: &p})
}

// say writes a line down. Who says it is asked anew: the session may be over.
func (k *socket) say(in postRequest) (chat.Line, error) {
	v, room, err := k.by(in)
	if err != nil {
		return chat.Line{}, err
	}
	ev, _, err := k.server.write(k.r, v, in.draft(room))
	return ev, err
}

func (k *socket) typing(in postRequest) error {
	v, room, err := k.by(in)
	if err != nil {
		return err
	}
	return k.server.types(k.r, v, room)
}

// by returns who sent a line, and the room that it is for. A line that names
// none is for the room of a socket of one room, or else for the lobby.
func (k *socket) by(in postRequest) (visitor, chat.RoomID, error) {
	own := chat.Lobby
	if len(k.rooms) == 1 {
		own = k.rooms[0]
	}
	room, err := chat.ParseRoom(cmp.Or(in.Room, string(own)))
	if err != nil {
		return visitor{}, "", err
	}
	v, err := k.server.visitor(k.r)
	return v, room, err
}
