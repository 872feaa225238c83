package certs

import "fmt"

// TrustHint tells how to make the browsers of each system trust the authority
// whose certificate is at path, and how to end it.
func TrustHint(path string) string {
	return fmt.Sprintf(`To see the shop without a warning, let your browser trust this file:
  %[1]s
It is good for localhost, 127.0.0.1 and ::1 only, and its key no longer exists.

  macOS          security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db "%[1]s"
  Windows        certutil -user -addstore Root "%[1]s"
  Debian, Ubuntu sudo cp "%[1]s" /usr/local/share/ca-certificates/cartkeep.crt && sudo update-ca-certificates
  Fedora         sudo trust anchor "%[1]s"
  Chrome, Linux  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n cartkeep -i "%[1]s"
  Firefox        Settings, Privacy & Security, View Certificates, Authorities, Import
  curl           curl --cacert "%[1]s" https://localhost:PORT/

Take it out again in the same places when you no longer need it.
`, path)
}
