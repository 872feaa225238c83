package shipping

import (
	"fmt"
	"slices"
	"time"
)

// Slot is a time on some days of the week at which goods can come, or be
// collected. It has to be chosen before a time on the same day or on a day
// before it. Times are minutes after midnight in the shop's zone.
type Slot struct {
	Days       []time.Weekday
	From, To   int
	OrderBy    int // chosen until then…
	DaysBefore int // …this many days ahead
}

// Window is one slot on one day.
type Window struct{ From, To time.Time }

const (
	windowDays = 14 // how far ahead a shopper may choose
	windowMost = 20
)

// ID is the window as it is stored: "2026-12-03T18:00/21:00", in the shop's zone.
func (w Window) ID() string { return w.From.Format("2006-01-02T15:04") + "/" + w.To.Format("15:04") }

// String says the window to a shopper: "Thursday 3 December, 18:00 to 21:00".
func (w Window) String() string {
	return w.From.Format("Monday 2 January, 15:04") + " to " + w.To.Format("15:04")
}

// Windows returns the times that can be chosen now, the earliest first.
func Windows(slots []Slot, now time.Time, zone *time.Location) []Window {
	if len(slots) == 0 {
		return nil
	}
	local := now.In(zone)
	at := func(day, minute int) time.Time {
		return time.Date(local.Year(), local.Month(), local.Day()+day, minute/60, minute%60, 0, 0, zone)
	}
	var out []Window
	for day := range windowDays {
		for _, s := range slots {
			w := Window{at(day, s.From), at(day, s.To)}
			if slices.Contains(s.Days, at(day, 12*60).Weekday()) && now.Before(at(day-s.DaysBefore, s.OrderBy)) && now.Before(w.From) {
				out = append(out, w)
			}
		}
	}
	slices.SortFunc(out, func(a, b Window) int { return a.From.Compare(b.From) })
	out = slices.CompactFunc(out, func(a, b Window) bool { return a.ID() == b.ID() })
	return out[:min(len(out), windowMost)]
}

// ParseWindow reads what ID wrote, to tell a window that was chosen once.
func ParseWindow(id string, zone *time.Location) (Window, bool) {
	if len(id) != len("2026-12-03T18:00/21:00") || id[16] != '/' {
		return Window{}, false
	}
	from, err := time.ParseInLocation("2006-01-02T15:04", id[:16], zone)
	if err != nil {
		return Window{}, false
	}
	to, err := time.ParseInLocation("2006-01-02T15:04", id[:11]+id[17:], zone)
	return Window{from, to}, err == nil
}

// Estimate says when goods arrive: "2 to 4 days", or "".
func (m Method) Estimate() string {
	switch {
	case m.DaysTo == 0:
		return ""
	case m.DaysTo == 1:
		return "1 working day"
	case m.DaysFrom == m.DaysTo || m.DaysFrom == 0:
		return fmt.Sprintf("%d working days", m.DaysTo)
	}
	return fmt.Sprintf("%d to %d working days", m.DaysFrom, m.DaysTo)
}
