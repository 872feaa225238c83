package shoptest

import (
	"bytes"
	"os"
	"testing"
)

// CardNumbers looks for whatever could be the number of a payment card in files: 13 to
// 19 digits that begin with 3 to 6 and whose check digit is right, written with a space
// or a dash between any two of them or without. It returns each that it found once, with
// the file, and how many bytes it read. Ids that are random hexadecimal digits are left
// out, as one in some thousands of them would look like a card by chance.
func CardNumbers(t testing.TB, files []string) (found map[string]string, read int64) {
	t.Helper()
	found = map[string]string{}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		read += int64(len(data))
		for _, number := range CardNumbersIn(data) {
			found[number] = path
		}
	}
	return found, read
}

// CardNumbersIn is CardNumbers of bytes at hand.
func CardNumbersIn(data []byte) (found []string) {
	data = withoutUUIDs(data)
	for at := 0; at < len(data); {
		if !digit(data[at]) {
			at++
			continue
		}
		var number []byte
		begin := at
		for at < len(data) && (digit(data[at]) || at+1 < len(data) && (data[at] == ' ' || data[at] == '-') && digit(data[at+1])) {
			if digit(data[at]) {
				number = append(number, data[at])
			}
			at++
		}
		if n := len(number); n >= 13 && n <= 19 && number[0] >= '3' && number[0] <= '6' && checks(number) && !hexadecimal(data, begin, at) {
			found = append(found, string(number))
		}
	}
	return found
}

// checks reports whether the last digit is the one that Luhn's sum asks for.
func checks(number []byte) bool {
	sum := 0
	for i := range number {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func hexDigit(c byte) bool { return digit(c) || c >= 'a' && c <= 'f' }

// withoutUUIDs takes UUIDs out, so that a number that stands right beside one is seen.
func withoutUUIDs(data []byte) []byte {
	out := bytes.Clone(data)
	for at := 8; at+28 <= len(out); at++ {
		if out[at] != '-' || out[at+5] != '-' || out[at+10] != '-' || out[at+15] != '-' {
			continue
		}
		is := true
		for i, c := range out[at-8 : at+28] {
			is = is && (hexDigit(c) || i == 8 || i == 13 || i == 18 || i == 23)
		}
		if is {
			clear(out[at-8 : at+28])
		}
	}
	return out
}

// hexadecimal reports whether digits are the middle of a long hexadecimal word.
func hexadecimal(data []byte, begin, end int) bool {
	from, to := begin, end
	for from > 0 && hexDigit(data[from-1]) {
		from--
	}
	for to < len(data) && hexDigit(data[to]) {
		to++
	}
	return to-from >= 32
}
