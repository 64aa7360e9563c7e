package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"confab/shared/app"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are what Prometheus reads at METRICS_ADDR: what the parts count
// themselves, asked for at each scrape, and what is seen of requests here.
//
// Neither user, room, address nor path is a label: what strangers choose would
// fill the memory, and a count of a room tells who talks.
type metrics struct {
	reg      *prometheus.Registry
	stats    func() app.Stats
	requests *prometheus.CounterVec   // by route and status
	took     *prometheus.HistogramVec // by route: those that write
}

const scrapeTimeout = 10 * time.Second

// What the parts count.
var (
	listeners = prometheus.NewDesc("confab_listeners", "Readers of streams now, by kind: taken (no goroutine) or goroutine.", []string{"kind"}, nil)
	rooms     = prometheus.NewDesc("confab_rooms", "Rooms that are heard here.", nil, nil)
	audiences = prometheus.NewDesc("confab_audiences", "Choices of rooms that are read here.", nil, nil)
	events    = prometheus.NewDesc("confab_events_total", "Events handed to readers here, each counted once.", nil, nil)
	sweeps    = prometheus.NewDesc("confab_sweeps_total", "Sweeps over the connections of an audience.", nil, nil)
	cuts      = prometheus.NewDesc("confab_cuts_total", "Readers that ended, by reason: left, stalled, lagged (fell off the ring), ended or shutdown.", []string{"reason"}, nil)
	lag       = prometheus.NewDesc("confab_event_lag_seconds", "Time from an event's id to its hand-over here.", nil, nil)
	commands  = prometheus.NewDesc("confab_redis_commands_total", "Commands sent to Redis.", nil, nil)
	failures  = prometheus.NewDesc("confab_redis_errors_total", "Commands that Redis failed, and connections that were not made.", nil, nil)
	gaps      = prometheus.NewDesc("confab_bell_gaps_total", "Gaps in what the bell told, mended from the log.", nil, nil)
	silences  = prometheus.NewDesc("confab_bell_silences_total", "Times that the bell's connection was made anew.", nil, nil)
	resets    = prometheus.NewDesc("confab_log_resets_total", "Logs of rooms that broke off.", nil, nil)
	heard     = prometheus.NewDesc("confab_bell_age_seconds", "Time since the bell was heard last.", nil, nil)
	behind    = prometheus.NewDesc("confab_bell_behind_log_seconds", "How far the bell was behind the log when they were compared last.", nil, nil)
)

func newMetrics(stats func() app.Stats) *metrics {
	m := &metrics{
		reg: prometheus.NewRegistry(), stats: stats,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "confab_requests_total", Help: "Requests, by route and status. A stream counts when it is handed over, or ends.",
		}, []string{"route", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "confab_post_seconds", Help: "Time that requests which write took, by route.",
			Buckets: []float64{.001, .002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"route"}),
	}
	m.reg.MustRegister(m, m.requests, m.took, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	st := m.stats()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge(listeners, float64(st.Hub.Taken), "taken")
	gauge(listeners, float64(st.Hub.Waiting), "goroutine")
	gauge(rooms, float64(st.Hub.Rooms))
	gauge(audiences, float64(st.Hub.Audiences))
	count(events, st.Hub.Events)
	count(sweeps, st.Hub.Sweeps)
	for why, n := range st.Hub.Cuts {
		count(cuts, n, why.String())
	}
	count(commands, st.Store.Commands)
	count(failures, st.Store.Errors)
	count(gaps, st.Store.Gaps)
	count(silences, st.Store.Silences)
	count(resets, st.Store.Resets)
	gauge(heard, st.Store.Heard.Seconds())
	gauge(behind, st.Store.Behind.Seconds())
	below, buckets := uint64(0), map[float64]uint64{}
	for i, bound := range st.LagBounds {
		below += st.Hub.Lag.Buckets[i]
		buckets[bound.Seconds()] = below
	}
	ch <- prometheus.MustNewConstHistogram(lag, st.Hub.Events, st.Hub.Lag.Sum.Seconds(), buckets)
}

// count serves next and counts what it answers. The route is the pattern that
// the mux found, which it notes in the request.
func (m *metrics) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		seen := &watched{ResponseWriter: w}
		next.ServeHTTP(seen, r)
		route := r.Pattern
		if route == "" {
			route = "none"
		}
		m.requests.WithLabelValues(route, strconv.Itoa(seen.code())).Inc()
		if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Pattern != "" {
			m.took.WithLabelValues(route).Observe(time.Since(began).Seconds())
		}
	})
}

// A watched answer remembers its status.
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

// Unwrap lets who asks have what the answer below can do more, as Flush.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *watched) code() int {
	if w.status == 0 { // written to, or taken away, without a word about it
		return http.StatusOK
	}
	return w.status
}

// serve answers at addr until stop is called: /metrics, and the profiles of
// the running process. Who can reach it can read its memory, so it belongs on
// an address of its own that the world cannot reach.
func (m *metrics) serve(addr string, log *slog.Logger) (at net.Addr, stop func(), err error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, nil, fmt.Errorf("METRICS_ADDR: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.reg, promhttp.HandlerOpts{Timeout: scrapeTimeout}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	srv := &http.Server{
		Handler: mux, ReadHeaderTimeout: scrapeTimeout, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics not served any more", "err", err)
		}
	}()
	return ln.Addr(), func() { srv.Close(); <-ended }, nil
}
