package gate

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// maxHops bounds how much of X-Forwarded-For is read.
const maxHops = 16

// clientOf tells which address a request counts for. X-Forwarded-For is read
// only when the peer is a trusted proxy, from the right, and the first hop that
// is not trusted is the client: what stands further left was written by the
// client itself and proves nothing.
func clientOf(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{} // a Unix socket or a test: everyone shares one bucket
	}
	client := plain(peer.Addr())
	if len(trusted) == 0 || !contains(trusted, client) {
		return client
	}
	lines := r.Header["X-Forwarded-For"]
	hops := 0
	for i := len(lines) - 1; i >= 0; i-- {
		rest := lines[i]
		for rest != "" && hops < maxHops {
			hops++
			hop := rest
			if cut := strings.LastIndexByte(rest, ','); cut >= 0 {
				hop, rest = rest[cut+1:], rest[:cut]
			} else {
				rest = ""
			}
			addr, ok := parseHop(hop)
			if !ok {
				return client // the last hop that could be believed
			}
			client = addr
			if !contains(trusted, addr) {
				return client
			}
		}
	}
	return client
}

// parseHop reads an address with or without a port.
func parseHop(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if addr, err := netip.ParseAddr(s); err == nil {
		return plain(addr), true
	}
	if hop, err := netip.ParseAddrPort(s); err == nil {
		return plain(hop.Addr()), true
	}
	return netip.Addr{}, false
}

// plain makes ::ffff:192.0.2.1 and fe80::1%eth0 compare like their short forms.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func contains(prefixes []netip.Prefix, a netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// neighbours returns the prefix a client is counted by: one line of a provider
// usually has a whole /64 of IPv6, and IPv4 addresses of one /24 tend to
// belong together.
func neighbours(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, _ := a.Prefix(bits)
	return p
}

// ParsePrefixes reads a list of networks or single addresses, separated by
// commas or spaces, as in the settings.
func ParsePrefixes(list string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, word := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		if addr, err := netip.ParseAddr(word); err == nil {
			addr = plain(addr)
			out = append(out, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(word)
		if err != nil {
			return nil, fault.New(fault.Invalid, "A network is written like 192.0.2.0/24 or 2001:db8::/32.")
		}
		out = append(out, p.Masked())
	}
	return out, nil
}
