package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
)

// textSocket is the WebSocket of the tutorials: a frame that comes in is said, by
// the user of the session whatever it holds, and everybody gets it as a line. A
// client that sends JSON gets JSON from then on.
type textSocket struct {
	socket
	json atomic.Bool // the client's last frame was JSON
}

func (s *Server) textSocket(w http.ResponseWriter, r *http.Request) error {
	rooms, err := roomsOrLobby(r)
	if err != nil {
		return err
	}
	if !upgrades(r) {
		w.Header().Set("Upgrade", "websocket")
		return fmt.Errorf("%w: open this address as a WebSocket", errUpgrade)
	}
	k := &textSocket{socket: socket{server: s, r: r, rooms: rooms}}
	k.onFrame = k.onText
	return k.serve(w, k.wire())
}

// onText says what a frame holds. Only a refusal is answered: what was said comes
// back with everything else.
func (k *textSocket) onText(frame []byte) []byte {
	in := postRequest{Text: string(frame)}
	var fields postRequest
	isJSON := bytes.HasPrefix(bytes.TrimSpace(frame), []byte("{")) && json.Unmarshal(frame, &fields) == nil
	if isJSON {
		in = fields
	}
	k.json.Store(isJSON)
	_, err := k.say(in)
	if err == nil {
		return nil
	}
	p := problemOf(err)
	k.server.logFailure(k.r, p.Status, k.id, err)
	if isJSON {
		return jsonLine(tutorialReply{User: "*", Text: p.Detail, reply: reply{Kind: "problem", Key: in.Key, problem: &p}})
	}
	return []byte("* " + p.Detail)
}

// A tutorialReply is a problem that a tutorial's page shows like a message.
type tutorialReply struct {
	User string `json:"user"`
	Text string `json:"text"`
	reply
}

func (k *textSocket) wire() wire {
	nothing := func() []byte { return nil }
	return wire{
		opening: func(chat.Signal, time.Duration) []byte { return nil },
		batch: func(out []byte, b hub.Batch) []byte {
			for _, it := range b.Items {
				out = k.append(out, it)
			}
			return out
		},
		ping: nothing,
		bye:  func(time.Duration, hub.Loss) []byte { return nil },
	}
}

// append adds a message to out, and nothing for what is no message.
func (k *textSocket) append(out []byte, it hub.Item) []byte {
	if k.json.Load() {
		return append(out, tutorialJSON(it)...)
	}
	for _, line := range textOf(it) {
		out = append(append(out, line...), '\n')
	}
	return out
}

// tutorialJSON is a message as a line of JSON that names its author as tutorials
// do, or nothing for what is no message.
func tutorialJSON(it hub.Item) []byte {
	var ev chat.Event
	if it.Kind != chat.Message || json.Unmarshal(it.JSON, &ev) != nil {
		return nil
	}
	return slices.Concat([]byte(`{"user":`), chat.JSON(ev.By.Name), []byte(","), it.JSON[1:], []byte("\n"))
}
