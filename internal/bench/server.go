package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/cartkeep/cartkeep/internal/bench/load"
)

// warmUp runs before each measurement and is not counted.
const warmUp = time.Second

// settle is how long a server that is ready is left alone before it counts as
// idle: it reads its catalogue ahead meanwhile.
const settle = 3 * time.Second

// server is a server in a process of its own.
type server struct {
	cmd      *exec.Cmd
	base     string
	roots    *x509.CertPool // its own certificate, seen at the first connection
	started  time.Duration  // until it was ready
	idle     int64          // bytes in RAM before anybody asked for anything
	plan     load.Plan
	database int // the process above PostgreSQL's; 0 on SQLite
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// stop ends the process and waits for it.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // when it ended already, Wait returns at once
	killed := time.AfterFunc(10*time.Second, func() { _ = s.cmd.Process.Kill() })
	_ = s.cmd.Wait() // how it ended is of no interest any more
	killed.Stop()
}

// start runs a program until it says that it is ready.
func start(ctx context.Context, ready string, env []string, program string, args ...string) (*server, error) {
	s := &server{cmd: exec.CommandContext(ctx, program, args...)}
	s.cmd.Env = append(os.Environ(), env...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var chatter bytes.Buffer // shown when it does not start
	s.cmd.Stderr = &chatter
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	late := time.AfterFunc(time.Minute, func() { _ = s.cmd.Process.Kill() }) // its output ends, and that is told below
	defer late.Stop()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if base, is := strings.CutPrefix(lines.Text(), ready); is {
			s.base, s.started = strings.TrimSpace(base), time.Since(began)
			break
		}
	}
	if s.base == "" {
		s.stop()
		return nil, fmt.Errorf("%s was not ready within a minute, or ended: %s", filepath.Base(program), chatter.Bytes())
	}
	go func() { // whatever it says later must not fill the pipe
		for lines.Scan() {
		}
	}()
	if s.roots, err = pin(s.base); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// pin takes the certificate that a server of our own shows first.
func pin(base string) (*x509.CertPool, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	conn, err := tls.Dial("tcp", u.Host, &tls.Config{InsecureSkipVerify: true}) // it is looked at, not talked to
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	pool := x509.NewCertPool()
	pool.AddCert(conn.ConnectionState().PeerCertificates[0])
	return pool, nil
}

// startShop starts the shop with the demo catalogue and adds products until it
// has as many as the yardstick.
func startShop(ctx context.Context, binary, dir, database string) (*server, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	args := []string{"demo", "--data", dir, "--listen", "127.0.0.1:0"}
	more := []string{"import", "products", "--data", dir}
	if database != "" {
		args = append(args, "--database", database)
		more = append(more, "--database", database)
	}
	env := []string{"CARTKEEP_LIMITS_EXEMPT=127.0.0.0/8,::1/128"}
	s, err := start(ctx, "cartkeep: ready ", env, binary, args...)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(filepath.Dir(dir), "products.csv")
	if err := os.WriteFile(file, catalogue(), 0o600); err != nil {
		s.stop()
		return nil, err
	}
	fill := exec.CommandContext(ctx, binary, append(more, file)...)
	if out, err := fill.CombinedOutput(); err != nil {
		s.stop()
		return nil, fmt.Errorf("import products: %w: %s", err, out)
	}
	s.stop() // and once more, to see how long it takes with all its products
	if s, err = start(ctx, "cartkeep: ready ", env, binary, args...); err != nil {
		return nil, err
	}
	time.Sleep(settle)
	if s.idle, err = load.Resident(s.pid()); err != nil {
		s.stop()
		return nil, err
	}
	goods, err := load.Variants(ctx, s.base, s.roots, 1000)
	if err != nil {
		s.stop()
		return nil, err
	}
	s.plan = load.Plan{Base: s.base, Roots: s.roots, Dialect: load.API(), Goods: goods}
	return s, nil
}

// catalogue writes a product file of a thousand plain things.
func catalogue() []byte {
	var b strings.Builder
	b.WriteString("Handle,Title,Body (HTML),Variant SKU,Variant Price\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "bench-%d,Thing %d,<p>A plain thing for measuring.</p>,BENCH-%d,%d.50\n", i, i, i, 1+i)
	}
	return []byte(b.String())
}

// measurement is a result and what it cost the server.
type measurement struct {
	load.Result
	spent time.Duration
}

// processor returns the milliseconds of processor time of one session.
func (m measurement) processor() float64 {
	return m.spent.Seconds() * 1000 / float64(m.Sessions)
}

// measure runs sessions with n clients.
func (s *server) measure(ctx context.Context, n int, d time.Duration) (measurement, error) {
	plan := s.plan
	plan.Clients, plan.Duration = n, warmUp
	if _, err := load.Run(ctx, plan); err != nil {
		return measurement{}, err
	}
	before, err := s.spent()
	if err != nil {
		return measurement{}, err
	}
	plan.Duration = d
	result, err := load.Run(ctx, plan)
	if err != nil {
		return measurement{}, err
	}
	after, err := s.spent()
	if err != nil {
		return measurement{}, err
	}
	switch {
	case result.First != nil:
		return measurement{}, fmt.Errorf("%d of %d sessions went wrong: %w", result.Errors, result.Errors+result.Sessions, result.First)
	case result.Sessions == 0:
		return measurement{}, errors.New("no session came to its end")
	}
	return measurement{result, after - before}, nil
}

// spent is the processor time of the server and its database so far.
func (s *server) spent() (time.Duration, error) {
	own, err := load.ProcessTime(s.pid())
	if err != nil || s.database == 0 {
		return own, err
	}
	database, err := load.TreeTime(s.database)
	return own + database, err
}
