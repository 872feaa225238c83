package otp

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 26, 12, 0, 7, 0, time.UTC)

// shows is what an app with a right clock shows so many steps from now.
func shows(s Secret, now time.Time, steps int64) Code {
	return Code{hide((*[Digits]byte)(fmt.Appendf(nil, "%06d", hotp(s.bytes()[:], uint64(step(now)+steps))%1_000_000)))}
}

// distinct draws a secret whose codes around noon are all different, so that a
// test never fails once in ten thousand runs.
func distinct(now time.Time) Secret {
	for {
		s, seen := NewSecret(), map[string]bool{}
		for d := int64(-40); d <= 40; d++ {
			seen[string((*shows(s, now, d).at)[:])] = true
		}
		if len(seen) == 81 {
			return s
		}
	}
}

func TestVectorsOfTheStandards(t *testing.T) {
	var v struct {
		Secret string
		HOTP   []string
		TOTP   []struct {
			Unix int64
			Code string
		}
	}
	readJSON(t, filepath.Join("testdata", "vectors.json"), &v)
	if len(v.HOTP) != 10 || len(v.TOTP) != 6 {
		t.Fatalf("got %d and %d vectors, want 10 and 6", len(v.HOTP), len(v.TOTP))
	}
	for i, want := range v.HOTP {
		if got := fmt.Sprintf("%06d", hotp([]byte(v.Secret), uint64(i))%1_000_000); got != want {
			t.Errorf("HOTP %d: got %s, want %s", i, got, want)
		}
	}
	for _, row := range v.TOTP {
		at := step(time.Unix(row.Unix, 0))
		if got := fmt.Sprintf("%08d", hotp([]byte(v.Secret), uint64(at))%100_000_000); got != row.Code {
			t.Errorf("TOTP at %d: got %s, want %s", row.Unix, got, row.Code)
		}
		s, err := ParseSecret([]byte(v.Secret))
		if err != nil {
			t.Fatal(err)
		}
		c, err := ParseCode("code", row.Code[2:])
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := Check(s, c, time.Unix(row.Unix, 0), State{}); !ok {
			t.Errorf("TOTP at %d: its own six digits are refused", row.Unix)
		}
	}
}

// TestVectorsThatLieBesideTheProject reads the same standards from where they
// were recomputed by another program.
func TestVectorsThatLieBesideTheProject(t *testing.T) {
	const folder = "../../../shared/data/standards"
	if _, err := os.Stat(folder); err != nil {
		t.Skip("the folder of standards is not there; testdata has the same vectors")
	}
	var four struct {
		Secret  string `json:"secret_ascii"`
		Vectors []struct {
			Count     uint64
			Truncated uint32 `json:"truncated_decimal"`
			HOTP      string
		}
	}
	readJSON(t, folder+"/rfc4226-hotp-vectors.json", &four)
	for _, v := range four.Vectors {
		n := hotp([]byte(four.Secret), v.Count)
		if n != v.Truncated || fmt.Sprintf("%06d", n%1_000_000) != v.HOTP {
			t.Errorf("HOTP %d: got %d, want %d", v.Count, n, v.Truncated)
		}
	}
	var six struct {
		Secrets map[string]string `json:"secrets_ascii"`
		Vectors []struct {
			Unix int64 `json:"unix_time"`
			Mode string
			TOTP string
		}
	}
	readJSON(t, folder+"/rfc6238-totp-vectors.json", &six)
	tried := 0
	for _, v := range six.Vectors {
		if v.Mode != "SHA1" {
			continue // apps that know another hash are few, and we offer none
		}
		tried++
		if got := fmt.Sprintf("%08d", hotp([]byte(six.Secrets["SHA1"]), uint64(step(time.Unix(v.Unix, 0))))%100_000_000); got != v.TOTP {
			t.Errorf("TOTP at %d: got %s, want %s", v.Unix, got, v.TOTP)
		}
	}
	if tried != 6 || len(four.Vectors) != 10 {
		t.Errorf("tried %d and %d vectors, want 6 and 10", tried, len(four.Vectors))
	}
}

func readJSON(t *testing.T, name string, to any) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, to); err != nil {
		t.Fatal(err)
	}
}

// TestOathtoolShowsWhatWeTake asks a program that is not ours.
func TestOathtoolShowsWhatWeTake(t *testing.T) {
	tool, err := exec.LookPath("oathtool")
	if err != nil {
		if os.Getenv("CARTKEEP_TEST_REQUIRE") != "" {
			t.Fatal("oathtool is not installed and must be here")
		}
		t.Skip("oathtool is not installed")
	}
	for range 5 {
		s := NewSecret()
		now := noon.Add(time.Duration(rand.Int64N(int64(10 * 365 * 24 * time.Hour))))
		ask := exec.Command(tool, "--totp", "--base32", "--now", now.UTC().Format("2006-01-02 15:04:05 UTC"), "-")
		ask.Stdin = strings.NewReader(s.Typed())
		out, err := ask.CombinedOutput()
		if err != nil {
			t.Fatalf("oathtool: %v: %s", err, out)
		}
		c, err := ParseCode("code", strings.TrimSpace(string(out)))
		if err != nil {
			t.Fatalf("oathtool answered with no code: %v", err)
		}
		if _, ok := Check(s, c, now, State{}); !ok {
			t.Errorf("at %s we refuse what oathtool shows", now)
		}
	}
}

func TestACodeIsGoodNowAndForOneStepMore(t *testing.T) {
	s := distinct(noon)
	for d := int64(-12); d <= 12; d++ {
		_, ok := Check(s, shows(s, noon, d), noon, State{})
		if want := d == 0 || d == -1; ok != want {
			t.Errorf("a code of %d steps from now: got %v, want %v", d, ok, want)
		}
	}
}

func TestACodeIsGoodOnceAndNoneBeforeIt(t *testing.T) {
	s := distinct(noon)
	st, ok := Check(s, shows(s, noon, 0), noon, State{})
	if !ok {
		t.Fatal("the code of now is refused")
	}
	for _, d := range []int64{0, -1} {
		if after, ok := Check(s, shows(s, noon, d), noon, st); ok {
			t.Errorf("the code of %d steps from now is taken after that of now: %+v", d, after)
		}
	}
	if _, ok := Check(s, shows(s, noon, 1), noon.Add(Period), st); !ok {
		t.Error("the next code is refused")
	}
}

// TestAClockThatJumpsBackTakesNothingTwice: our own clock, set back by an hour,
// makes us refuse what was taken and everything before it.
func TestAClockThatJumpsBackTakesNothingTwice(t *testing.T) {
	s := distinct(noon)
	st, _ := Check(s, shows(s, noon, 0), noon, State{})
	for back := time.Duration(0); back <= 20*Period; back += Period {
		now := noon.Add(-back)
		for d := int64(-DriftMost); d <= DriftMost; d++ {
			if after, ok := Check(s, shows(s, now, d), now, st); ok && after.LastStep <= st.LastStep {
				t.Errorf("clock back by %v: step %d is taken after %d", back, after.LastStep, st.LastStep)
			}
		}
	}
}

func TestEnrolmentLearnsHowFarTheClockIsOff(t *testing.T) {
	s := distinct(noon)
	for d, want := range map[int64]int64{-2: -1, -1: 0, 0: 0, 1: 1, 2: 2} {
		st, ok := Enrol(s, shows(s, noon, d), noon)
		if !ok || st.Drift != want || st.LastStep != step(noon)+d {
			t.Errorf("first code of %d steps from now: got %+v %v, want drift %d", d, st, ok, want)
		}
		if _, again := Check(s, shows(s, noon, d), noon, st); again {
			t.Errorf("the first code, %d steps from now, is good a second time", d)
		}
		later := noon.Add(5 * Period)
		if _, ok := Check(s, shows(s, later, d), later, st); !ok {
			t.Errorf("a code of the same clock, %d steps off, is refused later", d)
		}
	}
	for _, d := range []int64{-3, 3, 10} {
		if st, ok := Enrol(s, shows(s, noon, d), noon); ok || st != (State{}) {
			t.Errorf("first code of %d steps from now: got %+v %v, want it refused", d, st, ok)
		}
	}
}

func TestTwoCodesInARowMoveTheClock(t *testing.T) {
	s := distinct(noon)
	const off = 7
	st, ok := Check(s, shows(s, noon, off), noon, State{})
	if ok || st.Drift != 0 {
		t.Fatalf("one code %d steps ahead: got %+v %v, want it refused and no drift", off, st, ok)
	}
	later := noon.Add(Period)
	moved, ok := Check(s, shows(s, later, off), later, st)
	if !ok || moved.Drift != off {
		t.Fatalf("the next code: got %+v %v, want it taken and drift %d", moved, ok, off)
	}
	if _, ok := Check(s, shows(s, later, off), later, moved); ok {
		t.Error("that code is good a second time")
	}
	// Not in a row: the one after the next.
	much := noon.Add(2 * Period)
	if after, ok := Check(s, shows(s, much, off), much, st); ok || after.Drift != 0 {
		t.Errorf("a code two steps on: got %+v %v, want it refused", after, ok)
	}
	// Further off than the bound.
	far, _ := Check(s, shows(s, noon, DriftMost+1), noon, State{})
	if far.Astray != 0 {
		t.Errorf("a code beyond the bound is noted: %+v", far)
	}
}

// TestACodeIsTakenAtMostOnce is the property that matters, over any order of
// codes, times and clocks.
func TestACodeIsTakenAtMostOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := distinct(noon)
		now, st, taken, last := noon, State{}, map[int64]bool{}, int64(0)
		for range rapid.IntRange(1, 60).Draw(t, "codes") {
			now = now.Add(time.Duration(rapid.IntRange(-40, 70).Draw(t, "seconds")) * time.Second)
			d := int64(rapid.IntRange(-DriftMost-2, DriftMost+2).Draw(t, "step"))
			before := st
			after, ok := Check(s, shows(s, now, d), now, st)
			if st = after; st.Drift < -DriftMost || st.Drift > DriftMost {
				t.Fatalf("drift %d is out of its bound", st.Drift)
			}
			at := step(now) + d
			if !ok {
				if st.LastStep != before.LastStep || st.Drift != before.Drift {
					t.Fatalf("a refused code moved %+v to %+v", before, st)
				}
				continue
			}
			if st.LastStep <= last {
				t.Fatalf("step %d is taken after %d", st.LastStep, last)
			}
			if taken[at] {
				t.Fatalf("step %d is taken twice", at)
			}
			inside := d == before.Drift || d == before.Drift-1
			if !inside && (at != before.Astray+1 || st.Drift != d) {
				t.Fatalf("a code %d steps away is taken with drift %d and %d astray", d, before.Drift, before.Astray)
			}
			taken[at], last = true, st.LastStep
		}
	})
}

func TestWhatIsNoCodeIsRefused(t *testing.T) {
	for _, typed := range []string{
		"", "null", "undefined", "[]", `["123456"]`, "{}", "12345", "1234567", "123456,123456", "000000000000", "+12345", "-12345a",
		"12345\x00", "１２３４５", "12345٦", "1e5000", "0x1234", strings.Repeat(" ", 70) + "123456", strings.Repeat("1", 1<<20), "\xff\xff12345",
	} {
		if c, err := ParseCode("code", typed); err == nil || c.at != nil {
			t.Errorf("%.30q is taken for a code", typed)
		}
	}
	for _, typed := range []string{"123456", " 123 456 ", "123-456", "１２３４５６", "123\u00a0456", "1 2 3 4 5 6"} {
		c, err := ParseCode("code", typed)
		if err != nil || string((*c.at)[:]) != "123456" {
			t.Errorf("%q: got %v, want the code", typed, err)
		}
	}
	if _, ok := Check(NewSecret(), Code{}, noon, State{}); ok {
		t.Error("no code at all is good")
	}
	if _, ok := Check(Secret{}, Code{hide(new([Digits]byte))}, noon, State{}); ok {
		t.Error("a code is good without a secret")
	}
}

func TestTimeBefore1970TakesNothing(t *testing.T) {
	s := distinct(time.Unix(0, 0).Add(50 * Period))
	for _, now := range []time.Time{{}, time.Unix(-1, 0), time.Unix(-10_000, 0)} {
		for d := int64(-12); d <= 12; d++ {
			if st, ok := Check(s, shows(s, now, d), now, State{}); ok && st.LastStep <= 0 {
				t.Errorf("at %v a code of step %d is taken", now, st.LastStep)
			}
		}
	}
}

func FuzzParseCode(f *testing.F) {
	for _, s := range []string{"123456", "１２ 34-56", "null", "[1]", "\x00", "1234567"} {
		f.Add(s)
	}
	s := NewSecret()
	f.Fuzz(func(t *testing.T, typed string) {
		c, err := ParseCode("code", typed)
		if err != nil {
			if c.at != nil {
				t.Fatal("a code came with an error")
			}
			return
		}
		again, err := ParseCode("code", string((*c.at)[:]))
		if err != nil || **again.at != **c.at {
			t.Fatalf("%q does not read back as itself", typed)
		}
		Check(s, c, noon, State{})
	})
}

func BenchmarkCheck(b *testing.B) {
	s := NewSecret()
	c := shows(s, noon, 3)
	for b.Loop() {
		Check(s, c, noon, State{})
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "checks/s")
}
