package app

import (
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// metrics counts requests and work. Labels are methods and status classes;
// nothing of a request's content can reach one.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  prometheus.Histogram
	messages *prometheus.CounterVec
}

func newMetrics(db *store.DB) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cartkeep_requests_total", Help: "Requests answered, by class of status."}, []string{"status"})
	m.seconds = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "cartkeep_request_seconds", Help: "Time to answer.", Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5}})
	m.messages = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cartkeep_messages_total", Help: "Letters and texts handed to a sender, by what came of it: sent, or the kind of failure; final says that it is not tried again."}, []string{"channel", "sender", "result", "final"})
	m.registry.MustRegister(m.requests, m.seconds, m.messages, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "cartkeep_statements_total", Help: "SQL statements run."}, func() float64 { return float64(db.Statements()) }))
	return m
}

// count counts every request once it is answered.
func (m *metrics) count(next http.Handler) http.Handler {
	classes := [6]prometheus.Counter{}
	for i, name := range [6]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"} {
		classes[i] = m.requests.WithLabelValues(name)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		c := &statusCounter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(c, r)
		m.seconds.Observe(time.Since(began).Seconds())
		class := c.status / 100
		if class < 1 || class > 5 {
			class = 0
		}
		classes[class].Inc()
	})
}

type statusCounter struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the status.
func (c *statusCounter) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (c *statusCounter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// routes of the private listener, which is on a loopback address only.
func (m *metrics) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return loopbackOnly(mux)
}

// loopbackOnly refuses a request that asked for another name. A page somewhere
// on the web may give its own name our address (DNS rebinding), and the browser
// of whoever reads it would let it read along.
func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gate.Harden(w, "default-src 'none'; frame-ancestors 'none'")
		if !loopbackName(r.Host) {
			http.Error(w, "This door answers to localhost only.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loopbackName reports whether a Host names this machine itself, with or
// without a port.
func loopbackName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
