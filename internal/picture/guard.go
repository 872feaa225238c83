package picture

import (
	"net/netip"
	"net/url"
	"syscall"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// A merchant's file names the addresses that pictures come from, and whoever
// wrote it may want to see what the shop's machine can: a router, a database, the
// cloud's own page of secrets. So pictures and files come from the public internet alone.
// The address is checked when it is dialled, after every question to DNS: a name
// can answer differently each time.

// notPublic are blocks within IPv4 and within 2000::/3 that reach this machine,
// its neighbours, nobody, or another address that is written inside.
func notPublic() []netip.Prefix {
	var out []netip.Prefix
	for _, block := range [...]string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
	} {
		out = append(out, netip.MustParsePrefix(block))
	}
	return out
}

// isPublic says whether a picture may come from an address. Of IPv6 only what
// is given out to the public counts: that leaves out what is mapped (::ffff:),
// translated (64:ff9b::), local and multicast.
func isPublic(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" || a.Is6() && !netip.MustParsePrefix("2000::/3").Contains(a) {
		return false
	}
	for _, block := range notPublic() {
		if block.Contains(a) {
			return false
		}
	}
	return true
}

// isOpen says whether a picture may be fetched from a host's address and port.
func isOpen(a netip.AddrPort) bool {
	return (a.Port() == 80 || a.Port() == 443) && isPublic(a.Addr())
}

// guard is asked by the dialer before each connection, with the address that
// is about to be dialled.
func (f *Fetcher) guard(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !f.open(at) {
		return errClosed()
	}
	return nil
}

// checkURL refuses what could never be a picture's public address.
func (f *Fetcher) checkURL(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Opaque != "" {
		return fault.New(fault.Invalid, "The address is none that is fetched from.")
	}
	if port := u.Port(); port != "" && port != "80" && port != "443" && !f.anyPort {
		return errClosed()
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !f.anyPort && !isPublic(a) {
		return errClosed()
	}
	return nil
}

func errClosed() error {
	return fault.New(fault.Invalid, "The address is not that of a public web server.")
}
