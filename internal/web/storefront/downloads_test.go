package storefront

import "testing"

func TestARangeAsksForTheRest(t *testing.T) {
	for header, want := range map[string]int64{"": 0, "bytes=0-": 0, "bytes=7-": 7, "bytes=9-": 9, "bytes=10-": -1, "bytes=7-8": 0, "bytes=-3": 0, "bytes=1-,3-": 0,
		"lines=3-": 0, "bytes=99999999999999999999-": 0, "bytes=+3-": 3} {
		got, err := rangeOf(header, 10)
		if (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q: got %d, %v, want %d", header, got, err, want)
		}
	}
}

func FuzzRange(f *testing.F) {
	f.Add("bytes=7-", int64(10))
	f.Add("bytes=-", int64(0))
	f.Fuzz(func(t *testing.T, header string, size int64) {
		size = max(0, size)
		if n, err := rangeOf(header, size); err == nil && n != 0 && (n < 0 || n >= size) {
			t.Errorf("%q of %d: got %d", header, size, n)
		}
	})
}
