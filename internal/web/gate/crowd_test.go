package gate

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// TestOneNetworkTakesNotEveryPlace fills the places of one neighbourhood: the
// next one is turned away, a place that gets free is given again, and a proxy
// that speaks for many is not counted.
func TestOneNetworkTakesNotEveryPlace(t *testing.T) {
	for name, c := range map[string]struct {
		trusted []netip.Prefix
		want    int
	}{
		"a neighbourhood": {nil, 3},
		"a trusted proxy": {[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			inner, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			doors := New(Config{TrustedProxies: c.trusted}).Doors(inner).(*crowd)
			doors.max, doors.maxPeer = 5, 3
			inside := make(chan net.Conn, 16)
			go func() {
				defer close(inside)
				for {
					conn, err := doors.Accept()
					if err != nil {
						return
					}
					inside <- conn
				}
			}()
			defer inner.Close()
			var first net.Conn
			for i := range c.want {
				dial(t, inner.Addr())
				conn := <-inside
				if i == 0 {
					first = conn
				}
				defer conn.Close()
			}
			if !turnedAway(dial(t, inner.Addr())) {
				t.Errorf("connection %d was let in", c.want+1)
			}
			first.Close()
			first.Close() // counted once
			dial(t, inner.Addr())
			select {
			case conn := <-inside:
				defer conn.Close()
			case <-time.After(5 * time.Second):
				t.Fatal("a place that got free was not given again")
			}
			if !turnedAway(dial(t, inner.Addr())) {
				t.Error("a place was given twice")
			}
		})
	}
}

func dial(t *testing.T, to net.Addr) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// turnedAway reports whether the other side closed the connection soon.
func turnedAway(conn net.Conn) bool {
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	_, err := conn.Read(make([]byte, 1))
	n, ok := err.(net.Error)
	return err != nil && !(ok && n.Timeout())
}
