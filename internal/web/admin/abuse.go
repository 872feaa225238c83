package admin

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// measures are the buttons of the page: what each puts into force, and for how
// long it may be.
var measures = []struct {
	word, what string
	kept       abuse.Kept
	minutes    []int
}{
	{"pause", "Let guests wait", abuse.Paused, []int{10, 30, 120}},
	{"work", "Let guests do work first", abuse.Demanded, []int{30, 120, 720}},
}

// logLines is how many lines of what was done are shown.
const logLines = 20

// abuse shows what strangers try at the moment, what holds them, and what staff
// can do about it.
func (c *Console) abuse(w http.ResponseWriter, r *http.Request) {
	var overall abuse.Fill
	var done []store.AbuseLine
	err := c.cfg.Store.View(r.Context(), func(v *store.View) (err error) {
		if overall, err = v.Overall(); err != nil {
			return err
		}
		done, err = v.AbuseLog(logLines)
		return err
	})
	if err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	p := page.Desk{Title: "Abuse", Wide: true, Tabs: tabs(c.who(r).Role, page.PathAdminAbuse),
		Sections: []page.Section{c.force(r, overall), counts("The last five minutes", c.gate.Figures(5*time.Minute)), counts("The last hour", c.gate.Figures(time.Hour)), c.log(r, done)}}
	c.show(w, r, http.StatusOK, p)
}

var stageWords = map[abuse.Stage]string{
	abuse.Calm:   "Payments are calm.",
	abuse.Uneasy: "Many payments are declined: guests do a short sum, or wait a minute, before they pay.",
	abuse.Alert:  "Stolen cards are being tested: guests do work, and prove their mailbox or sign in where anything was declined before.",
}

// force tells what is in force, with the buttons that change it.
func (c *Console) force(r *http.Request, f abuse.Fill) page.Section {
	s := page.Section{Title: "What is in force", Says: []string{stageWords[abuse.StageOf(f[abuse.AllDeclines])], "Customers who are signed in can buy whatever is in force here. So can guests who type a code from the mailbox of their order."}}
	if c.gate.UnderAttack() {
		s.Says = append(s.Says, "Many sign-ins fail: strangers do work before each try.")
	}
	button := func(do, minutes, text string) page.Form {
		return page.Form{Action: page.PathAdminAbuse, Hidden: []page.Field{c.token(r), {Name: "do", Value: do}, {Name: "minutes", Value: minutes}}, Button: text, Quiet: true}
	}
	for _, m := range measures {
		row := page.Row{Text: m.what, Small: []string{"not in force"}}
		if left := f[m.kept]; left > 0 {
			row.Small = []string{"until " + c.at(r, c.cfg.Store.Now().Add(left))}
			row.Mark = "in force"
			row.Forms = append(row.Forms, button(m.word, "0", "Lift"))
		}
		for _, n := range m.minutes {
			row.Forms = append(row.Forms, button(m.word, strconv.Itoa(n), fmt.Sprintf("For %d minutes", n)))
		}
		s.Rows = append(s.Rows, row)
	}
	if f[abuse.AllDeclines] > 0 {
		s.Rows = append(s.Rows, page.Row{Text: "Declined payments of everybody", Small: []string{"count for " + f[abuse.AllDeclines].Round(time.Second).String() + " more"}, Forms: []page.Form{button("ease", "0", "Forget them")}})
	}
	return s
}

// counts lists what became of each act.
func counts(title string, f gate.Figures) page.Section {
	s := page.Section{Title: title, Empty: "Nothing that counts here."}
	for _, act := range abuse.Acts() {
		if len(f[act]) == 0 {
			continue
		}
		row := page.Row{Text: act.String()}
		for _, e := range abuse.Events() {
			row.Small = append(row.Small, fmt.Sprintf("%d %s", f[act][e], e))
		}
		s.Rows = append(s.Rows, row)
	}
	return s
}

// log lists what was done and what alarms there were.
func (c *Console) log(r *http.Request, done []store.AbuseLine) page.Section {
	s := page.Section{Title: "What was done in the last day", Empty: "Nothing."}
	for _, d := range done {
		row := page.Row{Text: strings.TrimPrefix(d.Action, "alarm."), Small: []string{c.at(r, d.At)}}
		if d.Detail != "" && strings.HasPrefix(d.Action, "abuse.") {
			row.Small = append(row.Small, d.Detail)
		}
		s.Rows = append(s.Rows, row)
	}
	return s
}

// measure puts a measure into force, or lifts it.
func (c *Console) measure(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	minutes, err := strconv.Atoi(form.Get("minutes"))
	if err != nil || minutes < 0 || minutes > 24*60 {
		c.gate.Refuse(w, r, fault.Field("minutes", "That is no number of minutes."))
		return
	}
	err = c.cfg.Store.InTx(r.Context(), ledger.Staff(c.who(r).Account), func(t *store.Tx) error {
		if form.Get("do") == "ease" {
			return t.Ease()
		}
		for _, m := range measures {
			if m.word == form.Get("do") {
				return t.Measure(m.kept, t.Now().Add(time.Duration(minutes)*time.Minute))
			}
		}
		return fault.Field("do", "There is no such measure.")
	})
	if err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	say(w, "measure")
	seeOther(w, page.PathAdminAbuse)
}
