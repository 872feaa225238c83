package shoptest

import "testing"

func TestTheScanKnowsACardHoweverItIsWritten(t *testing.T) {
	const id = "01a22174-2e19-7994-94bd-355f30214242"
	for text, want := range map[string]bool{
		"4242424242424242": true, "note=4242 4242 4242 4242;": true, "5555-5555-5555-4444": true, "3782 822463 10005": true,
		"4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2": true, "\x004222222222222\x00": true, "6304000000000000000": true, "one\xff4000002500003155x": true,
		id + "4242424242424242": true, "4242424242424242" + id: true,
		"4242424242424241": false, "424242424242": false, "42424242424242424242": false, "4242  4242 4242 4242": false, "1764321588000": false,
		"4242.4242.4242.4242": false, "01a22174-4242-4242-8242-424242424242": false, "c0ffee4242424242424242deadbeef00ff": false, "+49 30 1234567": false, "": false,
	} {
		if got := len(CardNumbersIn([]byte(text))) > 0; got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}
