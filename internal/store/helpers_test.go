package store_test

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// noCtx is the context of what a test does beside its story.
var noCtx = context.Background()

// files reports whether any of the bytes stand in the shop's files.
func files(t *testing.T, s *shoptest.Shop, wanted ...string) bool {
	t.Helper()
	for _, path := range s.Files(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range wanted {
			if bytes.Contains(data, []byte(w)) {
				return true
			}
		}
	}
	return false
}

// inTx runs fn as the test and fails the test with its error.
func inTx(t testing.TB, s *shoptest.Shop, fn func(*store.Tx) error) {
	t.Helper()
	if err := s.DB.InTx(noCtx, ledger.System("test"), fn); err != nil {
		t.Fatal(err)
	}
}

// view runs fn with a look and fails the test with its error.
func view(t testing.TB, s *shoptest.Shop, fn func(*store.View) error) {
	t.Helper()
	if err := s.DB.View(noCtx, fn); err != nil {
		t.Fatal(err)
	}
}
