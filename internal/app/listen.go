package app

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
)

// listen opens the doors of the shop. On a loopback name it opens both, so
// that localhost works whichever address a program tries first.
func listen(address string) ([]net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen: %q is not HOST:PORT", address)
	}
	if onLoopback(address) != nil {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
		return []net.Listener{l}, nil
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	first, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	other := map[string]string{"127.0.0.1": "::1", "::1": "127.0.0.1"}[host]
	doors := []net.Listener{first}
	if other != "" {
		// A machine without IPv6 has one door only.
		if second, err := net.Listen("tcp", net.JoinHostPort(other, strconv.Itoa(portOf(first)))); err == nil {
			doors = append(doors, second)
		}
	}
	return doors, nil
}

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// ports remembers the ports of the demo's last start: with --listen HOST:0 the
// next start takes the same ones when they are free, so that a page somebody
// has open, and an order that is being paid, go on working.
type ports struct{ Shop, Bank, Private int }

func (f *folder) lastPorts() (p ports) {
	b, err := os.ReadFile(f.file("ports.json"))
	if err == nil && json.Unmarshal(b, &p) != nil {
		p = ports{}
	}
	return p
}

func (f *folder) keepPorts(p ports) error {
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return os.WriteFile(f.file("ports.json"), b, 0o600)
}

// demoPorts opens the demo's listeners: shop, bank and private.
func (s *server) demoPorts() error {
	set := s.settings
	host, p, err := net.SplitHostPort(set.Listen)
	if err != nil {
		return misused("listen: %q is not HOST:PORT", set.Listen)
	}
	last, free := s.folder.lastPorts(), p == "0"
	if free && last.Shop != 0 {
		s.doors, err = listen(net.JoinHostPort(host, strconv.Itoa(last.Shop)))
	}
	if len(s.doors) == 0 {
		if s.doors, err = listen(set.Listen); err != nil {
			return err
		}
	}
	base := portOf(s.doors[0])
	if s.bank, err = beside(set.SandboxListen, base+1, last.Bank, free); err != nil {
		return err
	}
	if s.inner, err = beside(set.PrivateListen, base+2, last.Private, free); err != nil {
		return err
	}
	return s.folder.keepPorts(ports{base, portOf(s.bank), portOf(s.inner)})
}

// openConsole opens the staff console's own doors, if it is to have some.
func (s *server) openConsole() (err error) {
	if s.settings.AdminListen != "" {
		s.consoles, err = listen(s.settings.AdminListen)
	}
	return err
}

// beside opens a second listener on 127.0.0.1: where it was told to, else on
// the port it had before or on the usual one, else on any.
func beside(address string, usual, last int, free bool) (net.Listener, error) {
	if address != "" {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
		return l, nil
	}
	try := []int{usual, 0}
	if free {
		try = []int{last, 0}
	}
	var err error
	for _, p := range try {
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p))); err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("listen: %w", err)
}
