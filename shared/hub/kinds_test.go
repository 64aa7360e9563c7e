package hub_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
)

// A listener reads raw bytes, at its own pace, leaves and comes back.
type listener struct {
	url, path string
	rnd       *rand.Rand
	cursor    string
	frames    []string // whole frames with an id, as they came
}

// run reads until the last id is seen.
func (l *listener) run(ctx context.Context, last string) error {
	for ctx.Err() == nil {
		if err := l.once(ctx, last, 1+l.rnd.IntN(200)); err != nil {
			return err
		}
		if strings.HasSuffix(l.cursor, last) {
			return nil
		}
	}
	return fmt.Errorf("at %s after %d frames: %w", l.cursor, len(l.frames), ctx.Err())
}

func (l *listener) once(ctx context.Context, last string, frames int) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", strings.TrimPrefix(l.url, "http://"))
	if err != nil {
		return err
	}
	defer conn.Close()
	if l.rnd.IntN(3) == 0 {
		conn.(*net.TCPConn).SetReadBuffer(16 << 10) // a narrow line: short writes on the other side
	}
	fmt.Fprintf(conn, "GET %s&cursor=%s HTTP/1.1\r\nHost: x\r\n\r\n", l.path, l.cursor)
	r := bufio.NewReaderSize(conn, 16+l.rnd.IntN(512))
	for line := "-"; line != "\r\n"; {
		if line, err = r.ReadString('\n'); err != nil {
			return err
		}
	}
	frame := ""
	for frames > 0 && ctx.Err() == nil {
		line, err := r.ReadString('\n')
		if err != nil { // cut by the other side: it fell off the ring
			return nil
		}
		if strings.HasSuffix(line, "\r\n") { // a chunk's size or end, where the body has chunks
			continue
		}
		frame += line
		if line != "\n" {
			continue
		}
		l.record(frame)
		if strings.HasSuffix(l.cursor, last) {
			return nil
		}
		frame = ""
		frames--
		if l.rnd.IntN(40) == 0 {
			time.Sleep(time.Duration(l.rnd.IntN(3)) * time.Millisecond) // the pace of the reader, nothing depends on it
		}
	}
	return nil
}

func (l *listener) record(frame string) {
	for line := range strings.Lines(frame) {
		if id, ok := strings.CutPrefix(line, "id: "); ok {
			l.cursor = strings.TrimSpace(id)
			if !strings.HasPrefix(frame, "retry: ") {
				l.frames = append(l.frames, frame)
			}
		}
	}
}

// FuzzBothKindsSendTheSameBytes gives the same events to adopted connections and
// to goroutines, under stalls and cuts that the seed decides.
func FuzzBothKindsSendTheSameBytes(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		log := newFakeLog()
		h := newHub(t, log)
		urls := []string{serve(t, h, adopted), serve(t, h, plain), serve(t, h, goroutine)}
		rooms := []chat.RoomID{"a", "b", "c"}[:1+rnd.IntN(3)]
		path, start := "/?", make([]string, len(rooms))
		for i, room := range rooms {
			path += "&room=" + string(room)
			log.post(room, "first")
			start[i] = "0-0"
		}
		n := 100 + rnd.IntN(300)
		last := chat.ID{MS: uint64(n+2) * 1000}.String() // of the last room
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		done := make(chan error)
		ls := make([]*listener, 6)
		for i := range ls {
			ls[i] = &listener{url: urls[i%3], path: path, rnd: rand.New(rand.NewPCG(seed, uint64(i+2))), cursor: strings.Join(start, ",")}
			go func() { done <- ls[i].run(ctx, last) }()
		}
		for range n {
			for _, room := range rooms {
				log.post(room, strings.Repeat("x", rnd.IntN(900)))
			}
		}
		for _, room := range rooms {
			log.post(room, "last")
		}
		for range ls {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		for i, l := range ls[1:] {
			for _, room := range rooms {
				if !slices.Equal(lines(ls[0].frames, room), lines(l.frames, room)) {
					t.Errorf("seed %d: listener %d saw %d frames of %s, listener 0 %d", seed, i+1, len(lines(l.frames, room)), room, len(lines(ls[0].frames, room)))
				}
			}
		}
	})
}

// lines are the data lines of one room. The id lines above them may tell of
// another order between rooms.
func lines(frames []string, room chat.RoomID) []string {
	var out []string
	for _, frame := range frames {
		_, data, _ := strings.Cut(frame, "data: ")
		if strings.HasPrefix(data, `{"room":"`+string(room)+`"`) {
			out = append(out, data)
		}
	}
	return out
}
