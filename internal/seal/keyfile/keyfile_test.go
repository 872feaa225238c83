package keyfile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/seal"
)

const shop = "01985a2e-6a4e-7c3b-9a1e-0c9d8e7f6a5b"

// cheap keeps tests quick; real files use DefaultCost.
var cheap = Cost{Time: 1, Memory: 64, Threads: 1}

var may = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func protections() map[string]Options {
	return map[string]Options{"plain": {}, "passphrase": {Passphrase: []byte("correct horse"), Cost: cheap}}
}

func made(t testing.TB, o Options) (string, *File) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys", "shop.key")
	f, err := Create(path, shop, o)
	if err != nil {
		t.Fatal(err)
	}
	return path, f
}

func TestARingLivesInItsFile(t *testing.T) {
	for name, o := range protections() {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			path, f := made(t, o)
			ring, err := seal.Open(ctx, f)
			if err != nil {
				t.Fatal(err)
			}
			first, err := ring.NewEpoch(ctx, may)
			if err != nil {
				t.Fatal(err)
			}
			owner := seal.Owner{Dossier: shop, Subject: "s", Purpose: "cart", Case: "c"}
			_, wrap, err := ring.NewDossier(owner)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ring.NewEpoch(ctx, may.AddDate(0, 1, 0)); err != nil {
				t.Fatal(err)
			}

			// The program starts again.
			f, err = Open(path, shop, o)
			if err != nil {
				t.Fatal(err)
			}
			if ring, err = seal.Open(ctx, f); err != nil {
				t.Fatal(err)
			}
			if _, err := ring.Unwrap(owner, wrap); err != nil {
				t.Errorf("a wrap from before the restart: %v", err)
			}
			if got := ring.Epochs(); len(got) != 2 || !got[0].Created.Equal(may) {
				t.Errorf("got epochs %v", got)
			}
			before, _ := f.Load(ctx)
			if err := ring.DestroyEpoch(ctx, first); err != nil {
				t.Fatal(err)
			}
			if err := f.Destroy(ctx, first); err != nil {
				t.Errorf("destroyed twice: %v", err)
			}
			after, _ := f.Load(ctx)
			if len(before) != 2 || len(after) != 1 || after[0].ID != 2 {
				t.Errorf("got %v after %v", after, before)
			}
			if _, err := ring.Unwrap(owner, wrap); !errors.Is(err, seal.ErrEpochUnknown) {
				t.Errorf("got %v, want ErrEpochUnknown", err)
			}
			left, err := os.ReadDir(filepath.Dir(path))
			if err != nil || len(left) != 1 {
				t.Errorf("got files %v, want the key file alone", left)
			}
		})
	}
}

func TestTheFileSaysWhatItIs(t *testing.T) {
	path, f := made(t, Options{})
	if err := f.Add(context.Background(), seal.Epoch{ID: 1, Key: seal.NewEpochKey(), Created: may}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"cartkeep key file v1\n", "nobody, not even you", "shop: " + shop, "protection: none", "epoch: 1 2026-05-04T12:00:00.000Z "} {
		if !strings.Contains(string(text), want) {
			t.Errorf("got %s, want it to say %q", text, want)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, want 0600", info.Mode())
	}
}

func TestAKeyFileIsMadeOnce(t *testing.T) {
	path, _ := made(t, Options{})
	if _, err := Create(path, shop, Options{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want fs.ErrExist", err)
	}
	if _, err := Open(path+"x", shop, Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
	for _, id := range []string{"", "a b", "a\nb", strings.Repeat("x", 129)} {
		if _, err := Create(path+"y", id, Options{}); err == nil {
			t.Errorf("shop id %q was taken", id)
		}
	}
}

func TestAFileOthersCanReadIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such modes")
	}
	path, f := made(t, Options{})
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o601} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path, shop, Options{})
		if !errors.Is(err, ErrMode) || !strings.Contains(err.Error(), "chmod 600 '"+path+"'") {
			t.Errorf("mode %o: got %v, want ErrMode and what to run", mode, err)
		}
		if _, err := f.Load(context.Background()); !errors.Is(err, ErrMode) {
			t.Errorf("mode %o, already open: got %v, want ErrMode", mode, err)
		}
	}
}

func TestAnotherShopsFileIsRefused(t *testing.T) {
	path, _ := made(t, Options{})
	if _, err := Open(path, "other", Options{}); !errors.Is(err, ErrShop) {
		t.Errorf("got %v, want ErrShop", err)
	}
}

func TestPassphrases(t *testing.T) {
	o := protections()["passphrase"]
	path, f := made(t, o)
	key := seal.NewEpochKey()
	if err := f.Add(context.Background(), seal.Epoch{ID: 7, Key: key, Created: may}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, shop, Options{}); !errors.Is(err, ErrPassphraseNeeded) {
		t.Errorf("got %v, want ErrPassphraseNeeded", err)
	}
	for _, wrong := range []string{"correct hors", "Correct horse", " "} {
		if _, err := Open(path, shop, Options{Passphrase: []byte(wrong)}); !errors.Is(err, ErrPassphrase) || errors.Is(err, ErrDamaged) {
			t.Errorf("got %v, want ErrPassphrase", err)
		}
	}
	f.Close()
	if _, err := f.Load(context.Background()); !errors.Is(err, ErrPassphraseNeeded) {
		t.Errorf("closed: got %v, want ErrPassphraseNeeded", err)
	}
	text, _ := os.ReadFile(path)
	if strings.Contains(string(text), "epoch: ") || bytes.Contains(text, key.Reveal()) {
		t.Errorf("the file shows its epochs: %s", text)
	}
	plain, _ := made(t, Options{})
	if _, err := Open(plain, shop, o); !errors.Is(err, ErrNotSealed) {
		t.Errorf("got %v, want ErrNotSealed", err)
	}
}

func TestEveryChangedByteIsFoundAndNamed(t *testing.T) {
	for name, o := range protections() {
		t.Run(name, func(t *testing.T) {
			path, f := made(t, o)
			for id := range seal.EpochID(3) {
				if err := f.Add(context.Background(), seal.Epoch{ID: id + 1, Key: seal.NewEpochKey(), Created: may}); err != nil {
					t.Fatal(err)
				}
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := range text {
				for _, by := range []byte{1, 0x20, 0x80} {
					changed := bytes.Clone(text)
					changed[i] ^= by
					if d, err := parse(changed); !errors.Is(err, ErrDamaged) && (err != nil || d.shop == shop) {
						t.Fatalf("byte %d (%q) changed: got %v, want ErrDamaged", i, text[i], err)
					}
				}
				if _, err := parse(text[:i]); !errors.Is(err, ErrDamaged) {
					t.Fatalf("cut at %d: got %v, want ErrDamaged", i, err)
				}
			}
			at := bytes.Index(text, []byte("epoch: 2 ")) + 40
			if o.Passphrase == nil {
				text[at] ^= 1
				if _, err := parse(text); err == nil || !strings.Contains(err.Error(), "line 7") {
					t.Errorf("got %v, want line 7 named", err)
				}
			}
		})
	}
}

func TestAHostileFileCannotDemandAllMemory(t *testing.T) {
	path, _ := made(t, protections()["passphrase"])
	text, _ := os.ReadFile(path)
	for _, cost := range []string{
		"time=1 memory=104857600 threads=1", "time=4000000000 memory=64 threads=1", "time=1 memory=64 threads=255",
		"time=0 memory=64 threads=1", "time=1 memory=4294967296 threads=1", "time=1 memory=64 threads=0",
	} {
		hostile := strings.Replace(string(text), "time=1 memory=64 threads=1", cost, 1)
		if err := os.WriteFile(path, []byte(hostile), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, shop, Options{Passphrase: []byte("x")}); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: got %v, want ErrDamaged", cost, err)
		}
	}
	if _, err := Create(path+"2", shop, Options{Passphrase: []byte("x"), Cost: Cost{1, 1 << 30, 1}}); err == nil {
		t.Error("a cost out of bounds was taken")
	}
}

func TestAnUnfinishedCopyIsCleanedUp(t *testing.T) {
	path, f := made(t, Options{})
	if err := f.Add(context.Background(), seal.Epoch{ID: 1, Key: seal.NewEpochKey(), Created: may}); err != nil {
		t.Fatal(err)
	}
	// The program died between writing and renaming.
	if err := os.WriteFile(path+".new", []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, shop, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + ".new"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the unfinished copy, which holds keys, is still there")
	}
	if epochs, err := f.Load(context.Background()); err != nil || len(epochs) != 1 {
		t.Errorf("got %v, %v, want the epoch of before", epochs, err)
	}
}

func TestWhatCannotBeKeptIsRefused(t *testing.T) {
	ctx := context.Background()
	_, f := made(t, Options{})
	if err := f.Add(ctx, seal.Epoch{ID: 2, Key: seal.NewEpochKey(), Created: may}); err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]seal.Epoch{
		"an epoch that is there":   {ID: 2, Key: seal.NewEpochKey(), Created: may},
		"an epoch older than that": {ID: 1, Key: seal.NewEpochKey(), Created: may},
		"no number":                {Key: seal.NewEpochKey(), Created: may},
		"no key":                   {ID: 3, Created: may},
		"a year that has no place": {ID: 3, Key: seal.NewEpochKey(), Created: time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if err := f.Add(ctx, e); err == nil {
			t.Errorf("%s: kept", name)
		}
	}
	if epochs, err := f.Load(ctx); err != nil || len(epochs) != 1 {
		t.Errorf("got %v, %v, want one epoch still", epochs, err)
	}
}

func TestASymbolicLinkStaysOne(t *testing.T) {
	path, _ := made(t, Options{})
	link := filepath.Join(t.TempDir(), "link.key")
	if err := os.Symlink(path, link); err != nil {
		t.Skip("no symbolic links here")
	}
	f, err := Open(link, shop, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Add(context.Background(), seal.Epoch{ID: 1, Key: seal.NewEpochKey(), Created: may}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link became a file: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	d := &document{shop: shop, epochs: []seal.Epoch{{ID: 1, Key: seal.NewEpochKey(), Created: may}}}
	plain, err := d.marshal(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(plain)
	if d.lock, err = newLock(cheap); err != nil {
		f.Fatal(err)
	}
	sealed, err := d.marshal(d.lock.key([]byte("x")))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := parse(text)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("got %v, want ErrDamaged", err)
			}
			return
		}
		if d.lock != nil {
			return // parse compared the bytes; opening would cost Argon2id
		}
		if again, err := d.marshal(nil); err != nil || !bytes.Equal(again, text) {
			t.Fatalf("got %q, want %q (%v)", again, text, err)
		}
	})
}

// The vector comes from testdata/vectors.mjs, a second implementation.
func TestVectorOpens(t *testing.T) {
	text, err := os.ReadFile("testdata/plain.key")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "shop.key")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, shop, Options{})
	if err != nil {
		t.Fatal(err)
	}
	epochs, err := f.Load(context.Background())
	if err != nil || len(epochs) != 2 || epochs[0].ID != 1 || epochs[1].ID != 12 {
		t.Fatalf("got %v, %v", epochs, err)
	}
	want := sha256.Sum256([]byte("epoch12"))
	if !bytes.Equal(epochs[1].Key.Reveal(), want[:]) || epochs[1].Created.UnixMilli() != 1809129599999 {
		t.Errorf("got %v", epochs[1].Created.UnixMilli())
	}
}

// TestAKeyFileHasItsFirstEpochFromTheStart: there is no moment at which a crash
// could leave a file without the epoch, or half a file.
func TestAKeyFileHasItsFirstEpochFromTheStart(t *testing.T) {
	for name, o := range protections() {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "shop.key")
			// A crash has left half of a first file beside its place.
			if err := os.WriteFile(path+".new", []byte(firstLine), 0o600); err != nil {
				t.Fatal(err)
			}
			first := seal.Epoch{ID: 1, Key: seal.NewEpochKey(), Created: may}
			if _, err := Create(path, shop, o, first); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Lstat(path + ".new"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("something is left beside the key file: %v", err)
			}
			f, err := Open(path, shop, o)
			if err != nil {
				t.Fatal(err)
			}
			epochs, err := f.Load(t.Context())
			if err != nil || len(epochs) != 1 || epochs[0].ID != 1 || !epochs[0].Created.Equal(may) || !bytes.Equal(epochs[0].Key.Reveal(), first.Key.Reveal()) {
				t.Errorf("got %d epochs, %v; want the first one", len(epochs), err)
			}
			if _, err := Create(path, shop, o, first); !errors.Is(err, fs.ErrExist) {
				t.Errorf("made again: got %v, want fs.ErrExist", err)
			}
			if _, err := Create(path+"2", shop, o, seal.Epoch{ID: 1, Created: may}); err == nil {
				t.Error("a file whose epoch has no key was made")
			}
			if _, err := os.Lstat(path + "2"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the refused file is there: %v", err)
			}
		})
	}
}

// TestTwoProgramsChangeOneFile: each holds the file open for itself, as two
// programs do, and neither's epoch is lost.
func TestTwoProgramsChangeOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k.key")
	first, err := Create(path, shop, Options{}, seal.Epoch{ID: 1, Key: seal.NewEpochKey(), Created: may})
	if err != nil {
		t.Fatal(err)
	}
	const each = 20
	var kept atomic.Int64
	var group sync.WaitGroup
	for range 2 {
		f, err := Open(path, shop, Options{})
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() {
			for n := 0; n < each; {
				list, err := f.Load(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				next := list[len(list)-1].ID + 1
				if f.Add(t.Context(), seal.Epoch{ID: next, Key: seal.NewEpochKey(), Created: may}) == nil {
					kept.Add(1)
					n++
				}
			}
		})
	}
	group.Wait()
	list, err := first.Load(t.Context())
	if err != nil || len(list) != 2*each+1 || kept.Load() != 2*each {
		t.Errorf("%d epochs in the file after %d were kept, %v", len(list), kept.Load(), err)
	}
}
