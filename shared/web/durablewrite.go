package web

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"confab/shared/chat"
)

// The write side of the Durable Streams protocol, as far as its clients need it
// to append: an array of messages, a producer's headers as an idempotency key,
// and a room that is created by saying so. The state of a producer is not kept,
// so an old epoch is not fenced off, and a producer that has several requests
// under way has no order among them.

// maxBatch is how many messages one post may hold.
const maxBatch = 100

// create answers to the creation of a stream: a room is there as soon as somebody
// posts into it.
func (s *Server) create(w http.ResponseWriter, r *http.Request) error {
	room, err := pathRoom(r)
	if err != nil {
		return err
	}
	v, err := s.writer(r, chat.Message)
	if err != nil {
		return err
	}
	if r.Header.Get("Content-Type") != "" {
		if _, err := mediaType(r, typeJSON); err != nil {
			return err
		}
	}
	body, err := readText(r)
	if err != nil {
		return err
	}
	if strings.Trim(body, " \t\r\n[]") != "" {
		return fmt.Errorf("%w: a room is created empty, post the messages then", chat.ErrInvalid)
	}
	known, err := v.room(r.Context(), room)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", typeJSON)
	h.Set(nextOffset, offsetOf(known.Last))
	if known.Last.IsZero() {
		h.Set("Location", roomPath(room))
		w.WriteHeader(http.StatusCreated)
	}
	return nil
}

// A producer is who repeats a post until it is acknowledged, by the protocol's
// headers.
type producer struct {
	key        string // empty: the request is of none
	epoch, seq string
}

// readProducer reads the headers of a producer, which come together. Its key is
// the same for the same post, whatever characters its id has.
func readProducer(h http.Header) (p producer, err error) {
	id := h.Values("Producer-Id")
	p.epoch, p.seq = h.Get("Producer-Epoch"), h.Get("Producer-Seq")
	if id == nil && p.epoch == "" && p.seq == "" {
		return p, nil
	}
	if len(id) != 1 || id[0] == "" || !isCount(p.epoch) || !isCount(p.seq) {
		return p, fmt.Errorf("%w: Producer-Id, Producer-Epoch and Producer-Seq come together, the last two as whole numbers", errMalformed)
	}
	sum := sha256.Sum256([]byte(id[0]))
	p.key = "producer:" + base64.RawURLEncoding.EncodeToString(sum[:16]) + ":" + p.epoch + ":" + p.seq
	return p, nil
}

// isCount reports whether s is a whole number that JavaScript can hold, in its
// shortest form.
func isCount(s string) bool {
	n, err := strconv.ParseUint(s, 10, 53)
	return err == nil && strconv.FormatUint(n, 10) == s
}

// acknowledge tells a producer that its post is written down.
func (p producer) acknowledge(h http.Header) {
	h.Set("Producer-Epoch", p.epoch)
	h.Set("Producer-Seq", p.seq)
}

// holdsArray reports whether a request's body begins as an array of JSON. The
// body can be read as before.
func holdsArray(r *http.Request) bool {
	body := bufio.NewReader(r.Body)
	r.Body = struct {
		io.Reader
		io.Closer
	}{body, r.Body}
	for {
		c, err := body.ReadByte()
		if err != nil {
			return false
		}
		if !strings.ContainsRune(" \t\r\n", rune(c)) {
			_ = body.UnreadByte() // it has just been read
			return c == '['
		}
	}
}

// postAll writes an array of messages into a room, in order. If one is against
// the rules, none is written down.
func (s *Server) postAll(w http.ResponseWriter, r *http.Request, v visitor, room chat.RoomID, p producer) error {
	drafts, err := readDrafts(r, room, p.key)
	if err != nil {
		return err
	}
	for i, d := range drafts {
		if _, err := chat.Compose(d, v.user); err != nil {
			return fmt.Errorf("%w (message %d of %d; none was written down)", err, i+1, len(drafts))
		}
	}
	repeated := true
	for i, d := range drafts {
		ev, replayed, err := s.write(r, v, d)
		switch {
		case p.key != "" && errors.Is(err, chat.ErrReused): // the producer said something else before, which stands
		case err != nil:
			return fmt.Errorf("%w (message %d of %d; those before it are written down)", err, i+1, len(drafts))
		default:
			repeated = repeated && replayed
			w.Header().Set(nextOffset, offsetOf(ev.ID))
		}
	}
	if p.key != "" {
		p.acknowledge(w.Header())
	}
	if p.key != "" && !repeated {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// readDrafts reads an array of messages, each an object or its text alone.
func readDrafts(r *http.Request, room chat.RoomID, key string) ([]chat.Draft, error) {
	var all []json.RawMessage
	if err := readJSON(r, &all); err != nil {
		return nil, err
	}
	if len(all) == 0 || len(all) > maxBatch {
		return nil, fmt.Errorf("%w: an array holds 1 to %d messages", errMalformed, maxBatch)
	}
	if key == "" {
		key = r.Header.Get("Idempotency-Key")
	}
	drafts := make([]chat.Draft, len(all))
	for i, one := range all {
		var in postRequest
		if err := json.Unmarshal(one, &in.Text); err != nil {
			in = postRequest{}
			if err := json.Unmarshal(one, &in); err != nil {
				return nil, fmt.Errorf("%w: message %d of %d is neither an object with a text nor a text", chat.ErrInvalid, i+1, len(all))
			}
		}
		drafts[i] = in.draft(room)
		if key != "" {
			drafts[i].Key = key + "." + strconv.Itoa(i)
		}
	}
	return drafts, nil
}

// postOne writes a producer's only message into a room, and answers as a producer
// expects.
func (s *Server) postOne(w http.ResponseWriter, r *http.Request, v visitor, d chat.Draft, p producer) error {
	d.Key = p.key
	ev, replayed, err := s.write(r, v, d)
	if err != nil && !errors.Is(err, chat.ErrReused) {
		return err
	}
	p.acknowledge(w.Header())
	if err != nil || replayed {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	w.Header().Set(nextOffset, offsetOf(ev.ID))
	return answer(w, http.StatusOK, ev)
}
