package seal

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// begin begins an epoch and uses it.
func begin(t *testing.T, r *Ring, now time.Time) {
	t.Helper()
	id, err := r.NewEpoch(t.Context(), now)
	if err == nil {
		err = r.Use(id)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestANewEpochWaitsUntilItIsUsed: others can learn of it first, and tell by its
// check whether theirs is the same.
func TestANewEpochWaitsUntilItIsUsed(t *testing.T) {
	ctx := context.Background()
	r, m := testRing(t)
	id, err := r.NewEpoch(ctx, may)
	if err != nil || r.Sealing() != 1 {
		t.Fatalf("got %d in use, %v", r.Sealing(), err)
	}
	if err := r.Reload(ctx); err != nil || r.Sealing() != 1 {
		t.Errorf("read again: got %d in use, %v", r.Sealing(), err)
	}
	node, err := Open(ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	mine, err := r.Check(id)
	theirs, err2 := node.Check(id)
	first, err3 := r.Check(1)
	if errors.Join(err, err2, err3) != nil || len(mine) != CheckSize || !bytes.Equal(mine, theirs) || bytes.Equal(mine, first) {
		t.Errorf("checks: %x %x %x, %v %v %v", mine, theirs, first, err, err2, err3)
	}
	if err := r.Use(id); err != nil || r.Sealing() != id {
		t.Errorf("got %d in use, %v", r.Sealing(), err)
	}
	if err := r.Use(1); err != nil || r.Sealing() != id {
		t.Errorf("back: got %d in use, %v; want %d to stay so", r.Sealing(), err, id)
	}
	if err := r.Use(9); !errors.Is(err, ErrEpochUnknown) || r.Sealing() != id {
		t.Errorf("an epoch that is not there: %v", err)
	}
	if _, err := r.Check(9); !errors.Is(err, ErrEpochUnknown) {
		t.Errorf("its check: %v", err)
	}
}

func TestRewrapKeepsTheKeyAndMovesTheEpoch(t *testing.T) {
	ctx := context.Background()
	r, m := testRing(t)
	d, wrap := testDossier(t, r, ada)
	sealed, err := d.Seal(where, []byte("12 Analytical Way"))
	if err != nil {
		t.Fatal(err)
	}
	begin(t, r, may.AddDate(0, 1, 0))
	moved, err := r.Rewrapper().Rewrap(ada, wrap)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := WrapEpoch(moved); err != nil || id != 2 {
		t.Errorf("got epoch %d, %v, want 2", id, err)
	}
	if err := r.DestroyEpoch(ctx, 1); err != nil {
		t.Fatal(err)
	}
	again, err := r.Unwrap(ada, moved)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(where, sealed); err != nil || string(got) != "12 Analytical Way" {
		t.Errorf("got %q, %v", got, err)
	}
	// The old wrap is dead, on every node that reloads too.
	if _, err := r.Unwrap(ada, wrap); !errors.Is(err, ErrEpochUnknown) {
		t.Errorf("got %v, want ErrEpochUnknown", err)
	}
	node, err := Open(ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := node.Unwrap(ada, wrap); !errors.Is(err, ErrEpochUnknown) {
		t.Errorf("another node: got %v, want ErrEpochUnknown", err)
	}
}

func TestAnotherNodeLearnsOfANewEpoch(t *testing.T) {
	ctx := context.Background()
	r, m := testRing(t)
	node, err := Open(ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	begin(t, r, may)
	_, wrap := testDossier(t, r, ada)
	if _, err := node.Unwrap(ada, wrap); !errors.Is(err, ErrEpochUnknown) {
		t.Errorf("before: got %v, want ErrEpochUnknown", err)
	}
	if err := node.Reload(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := node.Unwrap(ada, wrap); err != nil {
		t.Errorf("after: %v", err)
	}
}

func TestARestoredShopGetsEpochsOfItsOwn(t *testing.T) {
	old, _ := testRing(t)
	d, wrap := testDossier(t, old, ada)
	sealed, err := d.Seal(where, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	restored, _ := testRing(t)
	moved, err := restored.Adopt(old, ada, ada, wrap)
	if err != nil {
		t.Fatal(err)
	}
	old.Close()
	again, err := restored.Unwrap(ada, moved)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(where, sealed); err != nil || string(got) != "x" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTheEpochInUseIsNotDestroyed(t *testing.T) {
	ctx := context.Background()
	r, m := testRing(t)
	if err := r.DestroyEpoch(ctx, r.Sealing()); err == nil {
		t.Error("destroyed")
	}
	if list, err := m.Load(ctx); err != nil || len(list) != 1 {
		t.Errorf("got %v, %v, want the epoch still there", list, err)
	}
}

func TestAnEmptyRingWrapsNothing(t *testing.T) {
	r, err := Open(context.Background(), NewMemory())
	if err != nil || r.Sealing() != 0 {
		t.Fatalf("got %d, %v", r.Sealing(), err)
	}
	if _, _, err := r.NewDossier(ada); !errors.Is(err, ErrEpochUnknown) {
		t.Errorf("got %v, want ErrEpochUnknown", err)
	}
}

func TestACloseRingKnowsNothing(t *testing.T) {
	r, _ := testRing(t)
	_, wrap := testDossier(t, r, ada)
	held := r.epochs[1].prk.key()
	r.Close()
	if _, err := r.Unwrap(ada, wrap); !errors.Is(err, ErrEpochUnknown) {
		t.Errorf("got %v, want ErrEpochUnknown", err)
	}
	if *held != [KeySize]byte{} {
		t.Error("the key is still in memory")
	}
	runtime.KeepAlive(r) // its pages go with it
}

// TestADestroyedEpochIsZeroInMemory looks where its key was, after it was
// destroyed, and after another node destroyed it.
func TestADestroyedEpochIsZeroInMemory(t *testing.T) {
	ctx := context.Background()
	r, m := testRing(t)
	if err := r.Unlocked(); err != nil {
		t.Fatalf("this system locks no memory: %v", err)
	}
	begin(t, r, may)
	begin(t, r, may)
	first := r.epochs[1].prk.key()
	if *first == [KeySize]byte{} {
		t.Fatal("there is no key")
	}
	if err := r.DestroyEpoch(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if *first != [KeySize]byte{} {
		t.Error("a destroyed epoch's key is still in memory")
	}
	second := r.epochs[2].prk.key()
	if err := m.Destroy(ctx, 2); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(ctx); err != nil {
		t.Fatal(err)
	}
	if *second != [KeySize]byte{} {
		t.Error("the key of an epoch that another node destroyed is still in memory")
	}
	r.Close()
	runtime.KeepAlive(r)
}

func TestAKeyStoreWithBrokenEpochsIsRefused(t *testing.T) {
	for name, list := range map[string][]Epoch{
		"no number": {{Key: NewEpochKey()}},
		"no key":    {{ID: 1}},
		"twice":     {{ID: 1, Key: NewEpochKey()}, {ID: 1, Key: NewEpochKey()}},
	} {
		if _, err := Open(context.Background(), NewMemory(list...)); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}

// A store that fails must leave the ring as it was.
type broken struct{ KeyStore }

func (broken) Add(context.Context, Epoch) error       { return errors.New("disk full") }
func (broken) Destroy(context.Context, EpochID) error { return errors.New("disk full") }

func TestNoEpochIsUsedThatWasNotKept(t *testing.T) {
	ctx := context.Background()
	r, _ := testRing(t)
	begin(t, r, may)
	r.store = broken{r.store}
	if _, err := r.NewEpoch(ctx, may); err == nil || r.Sealing() != 2 {
		t.Errorf("got newest %d, %v, want 2 and an error", r.Sealing(), err)
	}
	if err := r.DestroyEpoch(ctx, 1); err == nil || len(r.Epochs()) != 2 {
		t.Errorf("got %v, %v, want both epochs and an error", r.Epochs(), err)
	}
}

func TestManyUseARingAtOnce(t *testing.T) {
	ctx := context.Background()
	r, _ := testRing(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 200 {
				_, wrap, err := r.NewDossier(ada)
				if err == nil {
					_, err = r.Unwrap(ada, wrap)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Go(func() {
		for range 20 {
			id, err := r.NewEpoch(ctx, may)
			if err == nil {
				err = r.Use(id)
			}
			if err != nil {
				t.Error(err)
			}
			if err := r.Reload(ctx); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
}

func TestKeysNeverShowThemselves(t *testing.T) {
	raw := bytes.Repeat([]byte{0xAB}, 32)
	epoch, _ := ParseEpochKey(raw)
	index, _ := NewIndexKey(raw)
	mac, _ := NewMacKey(raw)
	shows := func(s string) bool {
		s = strings.ToLower(s)
		return strings.Contains(s, "abab") || strings.Contains(s, "171 171") || strings.Contains(s, "171,171") ||
			strings.Contains(s, "q6ur") || strings.Contains(s, "ab, 0xab") || strings.Contains(s, hex.EncodeToString(raw))
	}
	verbs := []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%b", "%o", "%O", "%c", "%U", "%e", "%g", "%t", "%p", "%T", "%z", "%08v"}
	for _, k := range []any{epoch, index, mac, &epoch, EpochKey{}, IndexKey{}, MacKey{}} {
		for _, verb := range verbs {
			if verb == "%T" || verb == "%p" {
				continue // fmt answers these alone: a type, an address
			}
			if got := fmt.Sprintf(verb, k); got != "[key]" {
				t.Errorf("%T %s: got %s, want [key]", k, verb, got)
			}
		}
		if b, err := json.Marshal(k); err != nil || string(b) != `"[key]"` {
			t.Errorf("%T as JSON: got %s, %v", k, b, err)
		}
		if got := fmt.Sprint(k); got != "[key]" {
			t.Errorf("%T printed: got %s", k, got)
		}
	}
	held := struct {
		e     Epoch
		index IndexKey
		List  []MacKey
		Map   map[string]EpochKey
	}{Epoch{ID: 1, Key: epoch}, index, []MacKey{mac}, map[string]EpochKey{"a": epoch}}
	r, err := Open(context.Background(), NewMemory(Epoch{ID: 1, Key: epoch}))
	if err != nil {
		t.Fatal(err)
	}
	*r.epochs[1].prk.key() = [KeySize]byte(raw)
	d, _ := testDossier(t, r, ada)
	hidden := struct {
		e    EpochKey
		i    IndexKey
		m    MacKey
		to   *MacKey
		list []MacKey
		row  [1]MacKey
		by   map[string]MacKey
		any  any
		deep struct{ k struct{ MacKey } }
		ring *Ring
		d    *Dossier
	}{epoch, index, mac, &mac, []MacKey{mac}, [1]MacKey{mac}, map[string]MacKey{"a": mac}, mac, struct{ k struct{ MacKey } }{struct{ MacKey }{mac}}, r, d}
	for _, v := range []any{held, &held, held.e, hidden, &hidden, []any{hidden}} {
		for _, verb := range verbs {
			if got := fmt.Sprintf(verb, v); shows(got) {
				t.Errorf("inside %T %s: got %s", v, verb, got)
			}
		}
		if b, err := json.Marshal(v); err != nil || shows(string(b)) {
			t.Errorf("inside %T as JSON: got %s, %v", v, b, err)
		}
	}
	for _, v := range []any{r, d} {
		for _, verb := range verbs {
			if got := fmt.Sprintf(verb, v); shows(got) {
				t.Errorf("%T %s: got %s", v, verb, got)
			}
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "e", epoch, "i", index, "held", held, "r", r, "d", d)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "e", epoch, "m", mac, "held", held, "r", r, "d", d)
	if shows(log.String()) {
		t.Errorf("logged: %s", log.String())
	}
}

func TestZeroKeysAreOfNoUse(t *testing.T) {
	if got := (IndexKey{}).Hash("email", "x"); got != nil {
		t.Errorf("got index %x", got)
	}
	a, b := (MacKey{}).Sum("x"), (MacKey{}).Sum("x")
	if a == b {
		t.Error("a sum that anyone can compute")
	}
	for _, n := range []int{0, 16, 31, 33} {
		if _, err := NewIndexKey(make([]byte, n)); err == nil {
			t.Errorf("index key of %d bytes", n)
		}
		if _, err := NewMacKey(make([]byte, n)); err == nil {
			t.Errorf("mac key of %d bytes", n)
		}
		if _, err := ParseEpochKey(make([]byte, n)); err == nil {
			t.Errorf("epoch key of %d bytes", n)
		}
	}
}

func TestSumsOfDifferentPartsDiffer(t *testing.T) {
	k, err := NewMacKey(NewKey())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[32]byte]string{}
	for name, parts := range map[string][][]byte{
		"none": nil, "empty": {{}}, "ab": {[]byte("ab")}, "a b": {[]byte("a"), []byte("b")}, "ab empty": {[]byte("ab"), {}},
	} {
		sum := k.Sum("label", parts...)
		if other, ok := seen[sum]; ok {
			t.Errorf("%q and %q have one sum", name, other)
		}
		seen[sum] = name
		if k.Matches(sum[:], "labe", parts...) || k.Matches(sum[:31], "label", parts...) || !k.Matches(sum[:], "label", parts...) {
			t.Errorf("%q: matching is wrong", name)
		}
	}
	i, err := NewIndexKey(NewKey())
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(i.Hash("a", "bc"), i.Hash("ab", "c")) || len(i.Hash("a", "")) != IndexSize {
		t.Error("field and value run together")
	}
}

func TestEpochsListOldestFirst(t *testing.T) {
	r, _ := testRing(t)
	for range 3 {
		if _, err := r.NewEpoch(context.Background(), may.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	for i, e := range r.Epochs() {
		if e.ID != EpochID(i+1) || e.Created.IsZero() {
			t.Errorf("got %v at %d", e, i)
		}
	}
}
