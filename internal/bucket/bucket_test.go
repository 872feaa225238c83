package bucket

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/cartkeep/cartkeep/internal/shoptest/s3"
)

// open is a bucket of small parts at a gateway, or at what stands before it.
func open(t *testing.T, s *s3.Server, endpoint string) *Bucket {
	t.Helper()
	b, err := Open("s3://"+s3.Bucket+"/shop/one", Settings{Endpoint: endpoint, AccessKey: s.Access, SecretKey: s.Secret, CAFile: s.CAFile, Patience: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	b.part = 5 << 20 // the protocol has no smaller one
	return b
}

func put(t *testing.T, b *Bucket, name string, text []byte) {
	t.Helper()
	if err := b.Put(t.Context(), name, writes(text)); err != nil {
		t.Fatal(err)
	}
}

func writes(text []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		for len(text) > 0 { // as it comes from age, 64 KiB at a time
			n := min(len(text), 64<<10)
			if _, err := w.Write(text[:n]); err != nil {
				return err
			}
			text = text[n:]
		}
		return nil
	}
}

func get(t *testing.T, b *Bucket, name string) []byte {
	t.Helper()
	in, err := b.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func names(t *testing.T, b *Bucket) string {
	t.Helper()
	list, err := b.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, o := range list {
		out = append(out, o.Name)
	}
	return strings.Join(out, " ")
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func TestWhatIsPutIsThereUntilItIsDeleted(t *testing.T) {
	s := s3.Start(t, true)
	b := open(t, s, s.Endpoint)
	for name, text := range map[string][]byte{"empty": nil, "short": []byte("a few words"), "part": random(b.part), "long": random(3*b.part + 17)} {
		put(t, b, name, text)
		if got := get(t, b, name); !bytes.Equal(got, text) {
			t.Errorf("%s: got %d bytes, want %d, the same", name, len(got), len(text))
		}
		if err := b.Put(t.Context(), name, writes([]byte("other"))); err == nil || !strings.Contains(err.Error(), "there already") {
			t.Errorf("%s: got %v for the same name again", name, err)
		}
	}
	list, err := b.List(t.Context(), "")
	if err != nil || len(list) != 4 || list[1].Name != "long" || list[1].Size != int64(3*b.part+17) {
		t.Errorf("got %v, %v", list, err)
	}
	if list, err = b.List(t.Context(), "lo"); err != nil || len(list) != 1 {
		t.Errorf("got %v, %v", list, err)
	}
	// Another prefix of the same bucket is another place.
	other, err := Open("s3://"+s3.Bucket+"/shop", Settings{Endpoint: s.Endpoint, AccessKey: s.Access, SecretKey: s.Secret, CAFile: s.CAFile})
	if err != nil || names(t, other) != "" {
		t.Errorf("got %q, %v in the prefix above", names(t, other), err)
	}
	for range 2 {
		if err := b.Delete(t.Context(), "long"); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.Get(t.Context(), "long"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v for what was deleted", err)
	}
	if got := names(t, b); got != "empty part short" {
		t.Errorf("got %s", got)
	}
}

// TestDeletedIsGoneWhereOldVersionsAreKept: a bucket that keeps what was deleted
// would keep an erased person's key.
func TestDeletedIsGoneWhereOldVersionsAreKept(t *testing.T) {
	s := s3.Start(t, false)
	b, owner := open(t, s, s.Endpoint), s.Client(t)
	if err := owner.EnableVersioning(t.Context(), s3.Bucket); err != nil {
		t.Fatal(err)
	}
	put(t, b, "keys", random(100))
	put(t, b, "keys2", random(100))
	if err := b.Delete(t.Context(), "keys"); err != nil {
		t.Fatal(err)
	}
	var left []string
	for o := range owner.ListObjects(t.Context(), s3.Bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		left = append(left, o.Key)
	}
	if len(left) != 1 || left[0] != "shop/one/keys2" {
		t.Errorf("got %v left, want the other file alone", left)
	}
}

func TestWhatIsCutOffIsNoFileAndGoesADayLater(t *testing.T) {
	s := s3.Start(t, false)
	b := open(t, s, s.Endpoint)
	// The shop gives up: nothing stays.
	full := errors.New("the disk of the database is gone")
	err := b.Put(t.Context(), "cartkeep-a", func(w io.Writer) error {
		if err := writes(random(2*b.part + 1))(w); err != nil {
			return err
		}
		return full
	})
	if !errors.Is(err, full) || names(t, b) != "" || len(uploads(t, b)) > 0 {
		t.Errorf("got %v, files %q, uploads %v", err, names(t, b), uploads(t, b))
	}
	// The shop is killed: half of it stays, out of sight.
	id, err := b.core.NewMultipartUpload(t.Context(), b.name, b.prefix+"cartkeep-b", minio.PutObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.core.PutObjectPart(t.Context(), b.name, b.prefix+"cartkeep-b", id, 1, bytes.NewReader(random(b.part)), int64(b.part), minio.PutObjectPartOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(t.Context(), "cartkeep-b"); !errors.Is(err, os.ErrNotExist) || names(t, b) != "" {
		t.Errorf("got %v, files %q, want no trace of a file", err, names(t, b))
	}
	if err := b.Tidy(t.Context(), "cartkeep-", time.Now()); err != nil || len(uploads(t, b)) != 1 {
		t.Errorf("got %v, %v: it may be under way", err, uploads(t, b))
	}
	if err := b.Tidy(t.Context(), "other-", time.Now().Add(25*time.Hour)); err != nil || len(uploads(t, b)) != 1 {
		t.Errorf("got %v, %v: it is another's", err, uploads(t, b))
	}
	if err := b.Tidy(t.Context(), "cartkeep-", time.Now().Add(25*time.Hour)); err != nil || len(uploads(t, b)) != 0 {
		t.Errorf("got %v, %v, want it gone", err, uploads(t, b))
	}
}

func uploads(t *testing.T, b *Bucket) []minio.ObjectMultipartInfo {
	t.Helper()
	list, err := b.core.ListMultipartUploads(t.Context(), b.name, b.prefix, "", "", "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return list.Uploads
}

func TestSettingsThatWouldShowThingsAreRefused(t *testing.T) {
	good := Settings{Endpoint: "https://s3.example.com", AccessKey: "a", SecretKey: "b"}
	for why, change := range map[string]func(*Settings){
		"https":      func(s *Settings) { s.Endpoint = "http://s3.example.com" },
		"https:":     func(s *Settings) { s.Endpoint = "s3.example.com" },
		"host":       func(s *Settings) { s.Endpoint = "https://me:secret@s3.example.com" },
		"and port":   func(s *Settings) { s.Endpoint = "https://s3.example.com/copies" },
		"access key": func(s *Settings) { s.AccessKey = "" },
		"secret key": func(s *Settings) { s.SecretKey = "" },
		"/nowhere":   func(s *Settings) { s.CAFile = "/nowhere" },
	} {
		bad := good
		change(&bad)
		if _, err := Open("s3://copies", bad); err == nil || !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), "secret@") {
			t.Errorf("got %v, want a refusal that says %q", err, why)
		}
	}
	for _, address := range []string{"copies", "s3://", "s3://A", "s3://copies/../x", "s3://copies/a//b", "s3://copies/a?b", "https://copies"} {
		if _, err := Open(address, good); err == nil {
			t.Errorf("%s is taken", address)
		}
	}
	for address, want := range map[string]string{"s3://copies": "s3://copies", "s3://copies/": "s3://copies", "s3://copies/a/b/": "s3://copies/a/b"} {
		if b, err := Open(address, good); err != nil || b.String() != want {
			t.Errorf("%s: got %v, %v", address, b, err)
		}
	}
}

func TestACertificateOfNobodyWeTrustIsRefused(t *testing.T) {
	s := s3.Start(t, true)
	b, err := Open("s3://"+s3.Bucket, Settings{Endpoint: s.Endpoint, AccessKey: s.Access, SecretKey: s.Secret})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if _, err := b.List(ctx, ""); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v", err)
	}
}

// FuzzParse: what is read is written back so that it is read the same.
func FuzzParse(f *testing.F) {
	f.Add("s3://copies/a/b/")
	f.Fuzz(func(t *testing.T, s string) {
		name, prefix, err := Parse(s)
		if err != nil {
			return
		}
		b := Bucket{name: name, prefix: prefix}
		again, prefix2, err := Parse(b.String())
		if err != nil || again != name || prefix2 != prefix {
			t.Fatalf("got %q %q, %v from %q", again, prefix2, err, b.String())
		}
	})
}
