package gate

import (
	"net"
	"net/netip"
	"sync"
)

// How many connections are open at once. A connection costs some 50 KB, and one
// that says nothing lives for seconds, so they are counted before the first byte.
const (
	maxConns     = 4096
	maxPeerConns = 256 // of one neighbourhood; a browser needs one or two
)

// Doors bounds how many connections l has open, in all and from one
// neighbourhood. What comes on top is closed at once, so that one network that
// opens many and says nothing leaves room for everybody else. Trusted proxies
// speak for many, and exempt clients test the load; only the whole counts for
// them.
func (g *Gate) Doors(l net.Listener) net.Listener {
	return &crowd{Listener: l, max: maxConns, maxPeer: maxPeerConns, peers: map[netip.Prefix]int{},
		many: func(a netip.Addr) bool { return contains(g.cfg.TrustedProxies, a) || contains(g.cfg.Exempt, a) }}
}

// crowd counts who stands inside a door.
type crowd struct {
	net.Listener
	max, maxPeer int
	many         func(netip.Addr) bool

	mu    sync.Mutex // guards what follows
	all   int
	peers map[netip.Prefix]int
}

// Accept implements net.Listener.
func (c *crowd) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		peer, many := netip.Prefix{}, true
		if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
			addr := a.AddrPort().Addr().Unmap()
			peer, many = neighbours(addr), c.many(addr)
		}
		if c.enter(peer, many) {
			return &guest{Conn: conn, leave: sync.OnceFunc(func() { c.leave(peer) })}, nil
		}
		conn.Close() // nothing was said yet
	}
}

func (c *crowd) enter(peer netip.Prefix, many bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all >= c.max || !many && c.peers[peer] >= c.maxPeer {
		return false
	}
	c.all++
	c.peers[peer]++
	return true
}

func (c *crowd) leave(peer netip.Prefix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.peers[peer]--; c.peers[peer] == 0 {
		delete(c.peers, peer)
	}
}

// guest is a connection that is counted until it is closed.
type guest struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (g *guest) Close() error {
	g.leave()
	return g.Conn.Close()
}
