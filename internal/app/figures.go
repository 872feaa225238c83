package app

import (
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// figures counts requests and work. Labels are kinds and status classes;
// nothing of a request's content can reach one.
type figures struct {
	db      *store.DB
	set     *metrics.Set
	classes [6]*metrics.Counter // requests answered, by the hundreds of their status; 0 for any other
	seconds *metrics.PrometheusHistogram
}

func newFigures(db *store.DB) *figures {
	metrics.ExposeMetadata(true) // a figure says whether it is a counter
	f := &figures{db: db, set: metrics.NewSet()}
	for i, class := range [6]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"} {
		f.classes[i] = f.set.NewCounter(fmt.Sprintf(`cartkeep_requests_total{status=%q}`, class))
	}
	f.seconds = f.set.NewPrometheusHistogramExt("cartkeep_request_seconds", []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5})
	return f
}

// message counts one that was handed to a sender: sent, or the kind of failure.
// A final one is not tried again.
func (f *figures) message(channel message.Channel, sender, result string, final bool) {
	f.set.GetOrCreateCounter(fmt.Sprintf(`cartkeep_messages_total{channel=%q,final="%t",result=%q,sender=%q}`, channel, final, result, sender)).Inc()
}

// write tells every figure in the form that monitoring expects (Prometheus's
// text format).
func (f *figures) write(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	f.set.WritePrometheus(w)
	metrics.WriteCounterUint64(w, "cartkeep_statements_total", uint64(f.db.Statements()))
	metrics.WriteProcessMetrics(w)
}

// count counts every request once it is answered.
func (f *figures) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		c := &statusCounter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(c, r)
		f.seconds.Update(time.Since(began).Seconds())
		class := c.status / 100
		if class < 1 || class > 5 {
			class = 0
		}
		f.classes[class].Inc()
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
func (f *figures) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", f.write)
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
