// Package metrics counts what a server does and shows it to Prometheus at
// METRICS_ADDR, with the profiles of the running process.
//
// It is the only package that knows Prometheus's text format.
package metrics

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"confab/shared/app"

	process "github.com/VictoriaMetrics/metrics"
)

// Metrics are what Prometheus reads at METRICS_ADDR: the parts' own counters,
// read at each scrape, and the requests that are counted here.
//
// No label holds a user, a room, an address or a path: strangers choose those,
// so they would fill the memory, and a count for a room tells who talks.
type Metrics struct {
	stats func() app.Stats

	mu       sync.Mutex // guards the maps
	requests map[answer]uint64
	took     map[string]*times // by route: those that write
}

// An answer is one of few: the routes are the patterns of our mux.
type answer struct {
	route  string
	status int
}

func (a answer) compare(b answer) int {
	return cmp.Or(strings.Compare(a.route, b.route), a.status-b.status)
}

const scrapeHead = 10 * time.Second // to send the head of a request for metrics

func New(stats func() app.Stats) *Metrics {
	return &Metrics{stats: stats, requests: map[answer]uint64{}, took: map[string]*times{}}
}

// expose returns all of them.
func (m *Metrics) expose() *exposition {
	e := new(exposition)
	st := m.stats()
	e.family("confab_listeners", "gauge", "Readers of streams now, by kind: poller (no goroutine) or goroutine.")
	e.sample("confab_listeners", float64(st.Hub.Adopted), "kind", "poller")
	e.sample("confab_listeners", float64(st.Hub.Waiting), "kind", "goroutine")
	e.gauge("confab_rooms", "Rooms that have readers here.", float64(st.Hub.Rooms))
	e.gauge("confab_audiences", "Sets of rooms that have readers here.", float64(st.Hub.Audiences))
	e.counter("confab_events_total", "Events delivered to readers here, each counted once.", st.Hub.Events)
	e.counter("confab_sweeps_total", "Sweeps over the connections of an audience.", st.Hub.Sweeps)
	e.family("confab_stream_ends_total", "counter", "Streams that ended, by reason: left, stalled, lagged (fell off the ring), ended, shutdown or revoked (its user lost the right to read).")
	for why, n := range st.Hub.Ends {
		e.sample("confab_stream_ends_total", float64(n), "reason", why.String())
	}
	e.family("confab_event_lag_seconds", "histogram", "Time from an event's id to its delivery here.")
	e.histogram("confab_event_lag_seconds", st.LagBounds, st.Hub.Lag.Buckets[:], st.Hub.Lag.Sum)
	e.counter("confab_redis_commands_total", "Commands sent to Redis.", st.Store.Commands)
	e.counter("confab_redis_errors_total", "Commands that failed at Redis, and connections that could not be made.", st.Store.Errors)
	e.counter("confab_pubsub_gaps_total", "Gaps in what pub/sub delivered, closed from the log.", st.Store.Gaps)
	e.counter("confab_pubsub_losses_total", "Times that the pub/sub connection was made anew.", st.Store.SubscriptionLosses)
	e.counter("confab_log_resets_total", "Logs of rooms that lost their end: flushed, restored or trimmed.", st.Store.Resets)
	e.gauge("confab_pubsub_age_seconds", "Time since pub/sub delivered anything.", st.Store.SubscriptionAge.Seconds())
	e.gauge("confab_pubsub_lag_seconds", "How far pub/sub was behind the log when they were compared last.", st.Store.SubscriptionLag.Seconds())
	e.counter("confab_file_commits_total", "Commits of the built-in store, each synced.", st.Store.Commits)
	e.counter("confab_file_commit_errors_total", "Commits of the built-in store that failed: its posts were answered 503.", st.Store.FailedCommits)
	m.exposeRequests(e)
	return e
}

func (m *Metrics) exposeRequests(e *exposition) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e.family("confab_requests_total", "counter", "Requests, by route and status. A stream counts when the poller adopts it, or when it ends.")
	for _, a := range slices.SortedFunc(maps.Keys(m.requests), answer.compare) {
		e.sample("confab_requests_total", float64(m.requests[a]), "route", a.route, "status", strconv.Itoa(a.status))
	}
	e.family("confab_post_seconds", "histogram", "Time that writing requests took, by route.")
	for _, route := range slices.Sorted(maps.Keys(m.took)) {
		t := m.took[route]
		e.histogram("confab_post_seconds", tookBounds[:], t.counts[:], t.sum, "route", route)
	}
}

// Count serves next and counts what it answers. The route is the pattern that
// the mux found, which it notes in the request.
func (m *Metrics) Count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		seen := &watched{ResponseWriter: w}
		next.ServeHTTP(seen, r)
		route := r.Pattern
		if route == "" {
			route = "none"
		}
		writes := r.Method != http.MethodGet && r.Method != http.MethodHead && r.Pattern != ""
		m.note(answer{route, seen.code()}, writes, time.Since(began))
	})
}

func (m *Metrics) note(a answer, writes bool, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests[a]++
	if !writes {
		return
	}
	t := m.took[a.route]
	if t == nil {
		t = new(times)
		m.took[a.route] = t
	}
	t.observe(took)
}

// watched is a response writer that remembers the status.
type watched struct {
	http.ResponseWriter
	status int
}

func (w *watched) WriteHeader(code int) {
	if w.status == 0 || w.status < 200 {
		w.status = code
	}
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap gives http.ResponseController the methods of the wrapped writer, such as Flush.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *watched) code() int {
	if w.status == 0 { // written to, or hijacked, without WriteHeader
		return http.StatusOK
	}
	return w.status
}

// Serve answers at addr until stop is called: /metrics, and the profiles of
// the running process. A client that reaches it can read the process's memory,
// so it belongs on an address of its own that the internet cannot reach.
func (m *Metrics) Serve(addr string, log *slog.Logger) (at net.Addr, stop func(), err error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, nil, fmt.Errorf("METRICS_ADDR: %w", err)
	}
	mux := http.NewServeMux()
	process.ExposeMetadata(true)
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", expositionType)
		e := m.expose()
		process.WriteProcessMetrics(e)
		process.WriteFDMetrics(e)
		_, _ = e.WriteTo(w)
	})
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	srv := &http.Server{
		Handler: mux, ReadHeaderTimeout: scrapeHead, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Error("serving metrics failed", "err", err)
		}
	}()
	return ln.Addr(), func() { srv.Close(); <-ended }, nil
}
