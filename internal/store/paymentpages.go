package store

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
)

// PageSigner returns what signs what an owner accepts as the state of the payment
// pages: a checkpoint whose size is that of the text in bytes, and whose root is its
// SHA-256.
func (db *DB) PageSigner() (*ledger.Signer, error) {
	return ledger.NewSigner("cartkeep/"+db.shop+"/payment-pages/1", db.keys.Ledger)
}

// PageBaseline is a state of the payment pages that was signed.
type PageBaseline struct {
	At     time.Time
	Text   string
	Signed string
}

// PageBaseline returns the newest; its At is zero before the first.
func (v *View) PageBaseline() (b PageBaseline, err error) {
	var at int64
	err = v.row(`SELECT at, text, signed FROM page_baselines ORDER BY at DESC LIMIT 1`).Scan(&at, &b.Text, &b.Signed)
	if errors.Is(err, sql.ErrNoRows) {
		return PageBaseline{}, nil
	}
	if err != nil {
		return PageBaseline{}, fmt.Errorf("read the state of the payment pages: %w", err)
	}
	b.At = when(at)
	return b, nil
}

// AcceptPages keeps a signed state of the payment pages as the one that counts. The
// older ones stay: an auditor asks what was accepted when.
func (t *Tx) AcceptPages(text, signed string) error {
	_, err := t.exec(`INSERT INTO page_baselines (at, text, signed) VALUES ($1, $2, $3) ON CONFLICT (at) DO UPDATE SET text = excluded.text, signed = excluded.signed`, ms(t.now), text, signed)
	if err != nil {
		return fmt.Errorf("keep the state of the payment pages: %w", err)
	}
	return t.Event("page.accepted", "", "", "")
}

// What a visit of the payment pages found.
const (
	PagesClean   = "clean"   // as they were signed
	PagesChanged = "changed" // otherwise, by an update or a setting
	PagesForeign = "foreign" // something does not come from the shop
	PagesUnknown = "unknown" // they could not be looked at
)

// visitsKept is how many visits are remembered: half a year of hours.
const visitsKept = 180 * 24 * time.Hour

// PageVisit is one visit of the payment pages.
type PageVisit struct {
	At      time.Time
	Outcome string
	Found   []string // a line each
}

// PageVisits returns the newest first.
func (v *View) PageVisits(limit int) ([]PageVisit, error) {
	rows, err := v.rows(`SELECT at, outcome, found FROM page_visits ORDER BY at DESC, id DESC LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list visits of the payment pages: %w", err)
	}
	defer rows.Close()
	var out []PageVisit
	for rows.Next() {
		var visit PageVisit
		var at int64
		var found string
		if err := rows.Scan(&at, &visit.Outcome, &found); err != nil {
			return nil, fmt.Errorf("list visits of the payment pages: %w", err)
		}
		visit.At = when(at)
		if found != "" {
			visit.Found = strings.Split(found, "\n")
		}
		out = append(out, visit)
	}
	return out, rows.Err()
}

// KeepPageVisit keeps what a visit found, and tells whether it is news: another
// outcome, or other findings, than the last visit that found out anything. Of two
// nodes that find the same at the same time, one has news.
func (t *Tx) KeepPageVisit(outcome string, found []string) (news bool, err error) {
	if err := t.turn("payment pages", ""); err != nil {
		return false, err
	}
	text := strings.Join(found, "\n")
	var before, said string
	err = t.row(`SELECT outcome, found FROM page_visits WHERE outcome <> $1 ORDER BY at DESC, id DESC LIMIT 1`, PagesUnknown).Scan(&before, &said)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		before = PagesClean
	case err != nil:
		return false, fmt.Errorf("read the last visit of the payment pages: %w", err)
	}
	if _, err := t.exec(`INSERT INTO page_visits (id, at, outcome, found) VALUES ($1, $2, $3, $4)`, NewID(), ms(t.now), outcome, text); err != nil {
		return false, fmt.Errorf("keep a visit of the payment pages: %w", err)
	}
	if _, err := t.exec(`DELETE FROM page_visits WHERE at < $1`, ms(t.now.Add(-visitsKept))); err != nil {
		return false, fmt.Errorf("forget old visits of the payment pages: %w", err)
	}
	return outcome != PagesUnknown && (outcome != before || text != said), nil
}

// pagesForeign reports whether the last visit that found out anything found
// something foreign.
func (v *View) pagesForeign() (bool, error) {
	var outcome string
	err := v.row(`SELECT outcome FROM page_visits WHERE outcome <> $1 ORDER BY at DESC, id DESC LIMIT 1`, PagesUnknown).Scan(&outcome)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, fmt.Errorf("read the last visit of the payment pages: %w", err)
	}
	return outcome == PagesForeign, nil
}

// PagesUnseenSince is when the payment pages were last looked at, or else when that
// was first tried; zero when it never was.
func (v *View) PagesUnseenSince() (time.Time, error) {
	var seen, tried int64
	err := v.row(`SELECT COALESCE(MAX(CASE WHEN outcome <> $1 THEN at END), 0), COALESCE(MIN(at), 0) FROM page_visits`, PagesUnknown).Scan(&seen, &tried)
	if err != nil {
		return time.Time{}, fmt.Errorf("read visits of the payment pages: %w", err)
	}
	if seen == 0 {
		seen = tried
	}
	return since(seen), nil
}

// PageReport is how often browsers said the same.
type PageReport struct {
	Kind, Directive, Blocked, Page, Source string

	Count       int64
	First, Last time.Time
}

// What is kept of reports: so many groups, for so long after the last.
const (
	reportGroups = 500
	reportsKept  = 90 * 24 * time.Hour
)

// CountReport counts what a browser said, and returns how often it was said. Once
// there are too many different ones, the one that was said least and longest ago
// makes room: anybody can make reports up, and few of a kind are no loss.
func (t *Tx) CountReport(r PageReport) (n int64, err error) {
	if n, err = t.countReport(r); err != nil {
		return 0, fmt.Errorf("count a report: %w", err)
	}
	return n, nil
}

func (t *Tx) countReport(r PageReport) (n int64, err error) {
	err = t.row(`UPDATE page_reports SET count = count + 1, last_at = $6 WHERE kind = $1 AND directive = $2 AND blocked = $3 AND page = $4 AND source = $5 RETURNING count`,
		r.Kind, r.Directive, r.Blocked, r.Page, r.Source, ms(t.now)).Scan(&n)
	if !errors.Is(err, sql.ErrNoRows) {
		return n, err
	}
	if _, err := t.exec(`DELETE FROM page_reports WHERE last_at < $1`, ms(t.now.Add(-reportsKept))); err != nil {
		return 0, err
	}
	_, err = t.exec(`DELETE FROM page_reports WHERE (kind, directive, blocked, page, source) IN
		(SELECT kind, directive, blocked, page, source FROM page_reports ORDER BY count DESC, last_at DESC, blocked LIMIT 1000 OFFSET $1)`, reportGroups-1)
	if err != nil {
		return 0, err
	}
	err = t.row(`INSERT INTO page_reports (kind, directive, blocked, page, source, count, first_at, last_at) VALUES ($1, $2, $3, $4, $5, 1, $6, $6)
		ON CONFLICT (kind, directive, blocked, page, source) DO UPDATE SET count = page_reports.count + 1, last_at = excluded.last_at RETURNING count`,
		r.Kind, r.Directive, r.Blocked, r.Page, r.Source, ms(t.now)).Scan(&n)
	return n, err
}

// PageReports returns what was said lately, the newest first.
func (v *View) PageReports(limit int) ([]PageReport, error) {
	rows, err := v.rows(`SELECT kind, directive, blocked, page, source, count, first_at, last_at FROM page_reports ORDER BY last_at DESC, count DESC, blocked LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list reports: %w", err)
	}
	defer rows.Close()
	var out []PageReport
	for rows.Next() {
		var r PageReport
		var first, last int64
		if err := rows.Scan(&r.Kind, &r.Directive, &r.Blocked, &r.Page, &r.Source, &r.Count, &first, &last); err != nil {
			return nil, fmt.Errorf("list reports: %w", err)
		}
		r.First, r.Last = when(first), when(last)
		out = append(out, r)
	}
	return out, rows.Err()
}
