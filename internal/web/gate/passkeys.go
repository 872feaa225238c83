package gate

import (
	"net/http"
	"strings"
)

// Passkeys lets the page of this one answer run ceremonies of WebAuthn, which
// every other page may not. Frames of other sites stay shut out.
func Passkeys(w http.ResponseWriter) {
	const policy = "Permissions-Policy"
	open := strings.NewReplacer(
		"publickey-credentials-create=()", "publickey-credentials-create=(self)",
		"publickey-credentials-get=()", "publickey-credentials-get=(self)")
	w.Header().Set(policy, open.Replace(w.Header().Get(policy)))
}
