package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"testing"

	"pgregory.net/rapid"
)

func TestOurHMACAndHKDFAreTheStandardOnes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), KeySize, KeySize).Draw(rt, "key")
		msg := rapid.SliceOfN(rapid.Byte(), 0, 1200).Draw(rt, "message")
		h := hmac.New(sha256.New, key)
		h.Write(msg)
		if sum := hmacSum((*[KeySize]byte)(key), msg); !bytes.Equal(sum[:], h.Sum(nil)) {
			rt.Fatalf("got %x, want %x", sum, h.Sum(nil))
		}
		n := rapid.IntRange(1, 64).Draw(rt, "length")
		want, err := hkdf.Expand(sha256.New, key, string(msg), n)
		if err != nil {
			rt.Fatal(err)
		}
		got := make([]byte, n)
		if expand((*[KeySize]byte)(key), msg, got); !bytes.Equal(got, want) {
			rt.Fatalf("got %x, want %x", got, want)
		}
	})
}
