package app

import (
	"net/http/httptest"
	"testing"

	"github.com/cartkeep/cartkeep/internal/passkey"
	"github.com/cartkeep/cartkeep/internal/store"
)

func TestPasswordManagersAreShownTheWay(t *testing.T) {
	party, err := passkey.New(passkey.Config{RPID: "shop.test", RPName: "Test Shop", Origins: []string{"https://shop.test"}})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{origin: "https://shop.test", passkeys: party}
	got := map[string]*httptest.ResponseRecorder{}
	for _, route := range s.machines(store.Settings{}) {
		if route.Path == "/.well-known/change-password" || route.Path == "/.well-known/passkey-endpoints" {
			w := httptest.NewRecorder()
			route.Handle(w, httptest.NewRequest("GET", route.Path, nil))
			got[route.Path] = w
		}
	}
	if len(got) != 2 {
		t.Fatalf("got %d of the two places", len(got))
	}
	if w := got["/.well-known/change-password"]; w.Code != 302 || w.Header().Get("Location") != "/account/security#password" {
		t.Errorf("got %d to %q", w.Code, w.Header().Get("Location"))
	}
	const want = `{"enroll":"https://shop.test/account/security","manage":"https://shop.test/account/security"}`
	if w := got["/.well-known/passkey-endpoints"]; w.Code != 200 || w.Body.String() != want {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}
