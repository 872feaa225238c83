package app

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/user"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
)

// control lets commands work beside a running shop: they are carried out by
// the shop itself, over a Unix socket in its folder that only its own user (or
// root) may use. Who that was stands in the ledger as actor.
type control struct {
	server *http.Server
	done   chan struct{}
}

const socketName = "control.sock"

// socketPath names the socket. A path too long for a socket address is reached
// through the folder's descriptor.
func socketPath(f *folder) (path string, closing func(), err error) {
	path = f.file(socketName)
	if len(path) < 100 {
		return path, func() {}, nil
	}
	dir, err := os.Open(f.path)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), socketName), func() { dir.Close() }, nil
}

func newControl(s *server) (*control, error) {
	path, closing, err := socketPath(s.folder)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	defer closing()
	// The lock is ours, so a socket that lies here is left over from a crash.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	l.SetUnlinkOnClose(false)
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("control socket: %w", err), l.Close())
	}
	c := &control{done: make(chan struct{})}
	c.server = &http.Server{Handler: http.HandlerFunc(s.command), ReadHeaderTimeout: 5 * time.Second,
		ErrorLog: log.New(io.Discard, "", 0), // it would print what a panic says; command tells of one itself
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, peerKey{}, peer(conn))
		}}
	go func() {
		defer close(c.done)
		c.server.Serve(l)
	}()
	return c, nil
}

func (c *control) close() error {
	err := c.server.Close()
	<-c.done
	return err
}

type peerKey struct{}

// peer asks the kernel who is at the other end of the socket.
func peer(conn net.Conn) int {
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return -1
	}
	uid := -1
	err = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			uid = int(cred.Uid)
		}
	})
	if err != nil {
		return -1
	}
	return uid
}

// frame is one line of a command's output on the socket.
type frame struct {
	Out  string `json:"out,omitempty"`
	Err  string `json:"err,omitempty"`
	Exit *int   `json:"exit,omitempty"`
	Why  string `json:"why,omitempty"`
}

// command carries out one operation for a command beside the running shop.
func (s *server) command(w http.ResponseWriter, r *http.Request) {
	uid, _ := r.Context().Value(peerKey{}).(int)
	if uid != os.Getuid() && uid != 0 {
		http.Error(w, "not yours", http.StatusForbidden)
		return
	}
	var c call
	if err := json.Unmarshal([]byte(r.Header.Get("Cartkeep-Call")), &c); err != nil {
		http.Error(w, "bad call", http.StatusBadRequest)
		return
	}
	rc := http.NewResponseController(w)
	if err := rc.EnableFullDuplex(); err != nil {
		http.Error(w, "bad connection", http.StatusInternalServerError)
		return
	}
	enc := json.NewEncoder(w)
	send := func(f frame) {
		enc.Encode(f)
		rc.Flush()
	}
	env := &operating{vault: s.vault, desk: s.desk, payable: payable(s.services), keeper: s.keeper, paying: s.paying, actor: ledger.OS(userName(uid)), origin: s.origin, in: r.Body,
		out: writerFunc(func(b []byte) { send(frame{Out: string(b)}) }),
		err: writerFunc(func(b []byte) { send(frame{Err: string(b)}) })}
	code, why := 0, ""
	if err := s.attempt(r.Context(), env, c); err != nil {
		var status statusError
		if code = 1; errors.As(err, &status) {
			code = int(status)
		} else {
			why = err.Error()
		}
	}
	send(frame{Exit: &code, Why: why})
}

// attempt carries out c and turns a panic in it into an error that says nothing.
func (s *server) attempt(ctx context.Context, env *operating, c call) (err error) {
	defer func() {
		if r := recover(); r != nil {
			what, where := fault.Caught(r)
			s.log.ErrorContext(ctx, "command panicked", "command", c.Name, "panic", what, "at", where)
			err = errors.New("the command failed")
		}
	}()
	return env.do(ctx, c)
}

type writerFunc func([]byte)

func (f writerFunc) Write(b []byte) (int, error) {
	f(b)
	return len(b), nil
}

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "uid-" + strconv.Itoa(uid)
}

// ask sends a call to the running shop and copies its output. It reports false
// when no shop is running.
func ask(ctx context.Context, f *folder, c call, p *Process, in io.Reader) (bool, error) {
	path, closing, err := socketPath(f)
	if err != nil {
		return false, nil
	}
	defer closing()
	text, err := json.Marshal(c)
	if err != nil {
		return false, err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	// Without a running shop the client closes what it was to send, and it is
	// still needed then.
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://control/", io.NopCloser(in))
	if err != nil {
		return false, err
	}
	req.Header.Set("Cartkeep-Call", string(text))
	res, err := client.Do(req)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ECONNREFUSED) {
			return false, nil
		}
		return true, fmt.Errorf("reach the running shop: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return true, fmt.Errorf("the running shop refuses this command (%d)", res.StatusCode)
	}
	return true, copyFrames(res.Body, p)
}

func copyFrames(body io.Reader, p *Process) error {
	dec := json.NewDecoder(bufio.NewReader(body))
	for {
		var f frame
		if err := dec.Decode(&f); err != nil {
			return fmt.Errorf("the running shop stopped answering: %w", err)
		}
		io.WriteString(p.Out, f.Out)
		io.WriteString(p.Err, f.Err)
		switch {
		case f.Exit == nil:
		case f.Why != "":
			return errors.New(f.Why)
		case *f.Exit != 0:
			return statusError(*f.Exit)
		default:
			return nil
		}
	}
}
