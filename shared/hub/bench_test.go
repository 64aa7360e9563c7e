package hub_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"

	"confab/shared/access"
	"confab/shared/chat"
	"confab/shared/hub"
	"confab/shared/sse"
)

// What the parts cost, without Redis and HTTP. `make bench` measures the whole.
//
//	go test ./shared/hub -run '^$' -bench . -count 10 | benchstat -

// A benchLog is a log of one room without a past.
type benchLog struct {
	to chat.Listener
	ev chat.Event
}

func newBenchLog() *benchLog {
	ada := chat.User{ID: "u_0123456789abcdef", Name: "Ada"}
	at := chat.ID{MS: 1_732_130_000_000}
	return &benchLog{ev: chat.Event{Room: "lobby", Kind: chat.Message, By: ada, ID: at, Text: strings.Repeat("x", 100)}}
}

func (l *benchLog) Follow(_ context.Context, _ chat.RoomID, to chat.Listener) (chat.ID, error) {
	l.to = to
	return l.ev.ID, nil
}

func (*benchLog) Since(context.Context, chat.RoomID, chat.ID, int) ([]chat.Event, error) {
	return nil, nil
}

func (*benchLog) Before(context.Context, chat.RoomID, chat.ID, int) ([]chat.Event, error) {
	return nil, nil
}

func (*benchLog) Facts(context.Context, string, ...chat.RoomID) ([]access.Facts, error) {
	return make([]access.Facts, 1), nil
}

func (l *benchLog) post() {
	l.ev.Prev, l.ev.ID.MS = l.ev.ID, l.ev.ID.MS+1
	l.to.Event(chat.NewLine(l.ev))
}

// benchHub is a hub with one reader, so that there is an audience.
func benchHub(b *testing.B) (*hub.Hub, *benchLog, *hub.Reader) {
	b.Helper()
	log := newBenchLog()
	h := hub.New(log, slog.New(slog.DiscardHandler))
	b.Cleanup(func() { h.Close(0) })
	return h, log, read(b, h, "")
}

func read(b *testing.B, h *hub.Hub, cursor string) *hub.Reader {
	b.Helper()
	r, err := h.Read(b.Context(), "", chat.Rooms([]chat.RoomID{"lobby"}), cursor)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(r.Close)
	return r
}

// next is one event, read.
func next(b *testing.B, r *hub.Reader) (size int) {
	batch, err := r.Next(b.Context())
	if err != nil {
		b.Error(err)
	}
	return len(batch.AppendSSE(nil))
}

func BenchmarkEncode(b *testing.B) {
	ev := newBenchLog().ev
	b.ReportAllocs()
	for b.Loop() {
		chat.JSON(ev)
	}
}

// An event is encoded, framed and appended to a full ring, whose oldest bytes
// go. Nobody is woken.
func BenchmarkAppend(b *testing.B) {
	_, log, _ := benchHub(b)
	for range 8192 { // over 1 MiB
		log.post()
	}
	b.ReportAllocs()
	for b.Loop() {
		log.post()
	}
}

// A reader comes back with a cursor, and its place in the ring is sought.
func BenchmarkSeek(b *testing.B) {
	for _, behind := range []int{0, 100, 1000} {
		b.Run(fmt.Sprintf("behind=%d", behind), func(b *testing.B) {
			h, log, _ := benchHub(b)
			for range 2000 {
				log.post()
			}
			back := log.ev.ID
			back.MS -= uint64(behind)
			rooms, cursor := chat.Rooms([]chat.RoomID{"lobby"}), chat.Cursor{back}.String()
			b.ReportAllocs()
			for b.Loop() {
				r, err := h.Read(b.Context(), "", rooms, cursor)
				if err != nil || !r.Live() {
					b.Fatalf("not live: %v", err)
				}
				r.Close()
			}
		})
	}
}

// An event is read by the goroutine that posted: Next without the wake-up.
func BenchmarkNext(b *testing.B) {
	_, log, r := benchHub(b)
	b.ReportAllocs()
	for b.Loop() {
		log.post()
		next(b, r)
	}
}

// An event is read by n goroutines that wait for it.
func BenchmarkNextByGoroutine(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("readers=%d", n), func(b *testing.B) {
			h, log, _ := benchHub(b)
			var readers, had sync.WaitGroup
			ctx, stop := context.WithCancel(b.Context())
			for range n {
				r := read(b, h, "")
				readers.Go(func() {
					for {
						if _, err := r.Next(ctx); err != nil {
							return
						}
						had.Done()
					}
				})
			}
			for b.Loop() {
				had.Add(n)
				log.post()
				had.Wait()
			}
			perDelivery(b, n)
			stop()
			readers.Wait()
		})
	}
}

// An event is written to n connections that the hub has adopted.
func BenchmarkSweep(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("conns=%d", n), func(b *testing.B) { sweep(b, n) })
	}
}

// A sweep goes down, so it is over when the connections that were added first, one in
// each shard, have the event. The others' sockets are emptied while the clock
// stands.
func sweep(b *testing.B, n int) {
	const rest = 64 // events that fit into a socket
	h, log, r := benchHub(b)
	if !h.CanAdopt() {
		b.Skip("this system's connections are not adopted")
	}
	ends := adopt(b, h, n)
	log.post()
	frame := make([]byte, sse.ChunkSize(next(b, r)))
	drain := func(ends []net.Conn, times int) {
		for _, c := range ends {
			for range times {
				if _, err := io.ReadFull(c, frame); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	drain(ends, 1)
	first, others := ends[:min(n, runtime.GOMAXPROCS(0))], ends[min(n, runtime.GOMAXPROCS(0)):]
	posted := 0
	for b.Loop() {
		log.post()
		drain(first, 1)
		if posted++; posted%rest == 0 {
			b.StopTimer()
			drain(others, rest)
			b.StartTimer()
		}
	}
	perDelivery(b, n)
}

func perDelivery(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/delivery")
}

// adopt gives the hub n connections and returns their other ends.
func adopt(b *testing.B, h *hub.Hub, n int) []net.Conn {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	ends := make([]net.Conn, n)
	for i := range ends {
		if ends[i], err = net.Dial("tcp", ln.Addr().String()); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { ends[i].Close() })
		conn, err := ln.Accept()
		if err != nil {
			b.Fatal(err)
		}
		if !read(b, h, "").Adopt(conn, hub.Adoption{Chunked: true, Holder: func(string) bool { return false }}) {
			b.Fatal("connection was not adopted")
		}
	}
	return ends
}
