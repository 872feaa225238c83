package gate

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestPasskeysAreOpenOnThePagesThatSaySo(t *testing.T) {
	with, without := httptest.NewRecorder(), httptest.NewRecorder()
	Harden(with, "default-src 'none'")
	Passkeys(with)
	Harden(without, "default-src 'none'") // after: the headers are shared, and one page opens itself alone
	got, closed := with.Header().Get("Permissions-Policy"), without.Header().Get("Permissions-Policy")
	for _, feature := range []string{"publickey-credentials-create", "publickey-credentials-get"} {
		if !strings.Contains(got, feature+"=(self)") || !strings.Contains(closed, feature+"=()") {
			t.Errorf("%s: got %q on the page, %q elsewhere", feature, got, closed)
		}
	}
	if strings.Count(got, "self") != 2 || strings.Count(got, "=") != strings.Count(closed, "=") {
		t.Errorf("more than passkeys is open: %q", got)
	}
}
