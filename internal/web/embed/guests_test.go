package embed

import (
	"net/http/httptest"
	"testing"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

func TestPlainHTTPIsHeededByADemoAlone(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	for demo, want := range map[string]gate.Welcome{"true": gate.Reader, "false": gate.Stranger} {
		err := s.DB.InTx(t.Context(), ledger.System("test"), func(tx *store.Tx) error {
			if err := tx.Set("embed.origins", "https://blog.example http://localhost:8090"); err != nil {
				return err
			}
			return tx.Set("shop.demo", demo)
		})
		if err != nil {
			t.Fatal(err)
		}
		s.DB.ForgetSettings()
		r := httptest.NewRequest("GET", "/api/v1/products", nil)
		if got, open := Guests(s.DB)(r, "GET", "http://localhost:8090"); got != want || !open {
			t.Errorf("demo %s: got %v, want %v", demo, got, want)
		}
		if got, _ := Guests(s.DB)(r, "GET", "https://blog.example"); got != gate.Reader {
			t.Errorf("demo %s: got %v for an https origin", demo, got)
		}
	}
}
