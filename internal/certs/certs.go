// Package certs gets the shop its TLS certificates.
//
// For trying the shop out there is a local authority (Local). It is made in
// memory, signs one certificate for this computer's own names, and its key is
// dropped: it can never sign another. The authority's certificate says itself,
// in a critical constraint, that it is good for localhost and loopback only, so
// trusting it in a browser gives nobody power over any other site.
//
//	DIR/ca.pem     the authority, to be trusted by browsers
//	DIR/leaf.pem   the certificate the shop shows
//	DIR/leaf.key   its key, mode 0600
//	               the authority's key is nowhere
//
// For real domains there is ACME (Public), through certmagic.
//
// It does not know who listens where: it hands out a tls.Config.
package certs

import "crypto/tls"

// serving is what every listener of the shop has in common. Curves are left to
// the standard library, whose first choice is the post-quantum X25519MLKEM768.
func serving() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
	}
}
