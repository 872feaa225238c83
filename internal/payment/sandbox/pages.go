package sandbox

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"time"
)

//go:embed pages/*.html pages/style.css
var pageFiles embed.FS

// The pages, each with what it shows.
type (
	payPage struct {
		Action, Number, Amount string
		Until                  time.Time
		Cards                  []cardBody // that are kept and can pay
		Keep                   bool       // the card that pays is kept
	}
	challengePage struct{ Action, Number, Amount string }
	approvedPage  struct {
		Action, Answer, Link  string
		CanDispute, CanDecide bool
	}
	notePage struct{ Title, Text, Link, LinkText string }
)

var (
	homePage = notePage{
		Title: "A make-believe bank",
		Text:  "A shop sends you here to play the bank for a test order. Put something into its cart and order it.",
	}
	absentPage = notePage{
		Title: "No such payment",
		Text:  "This page does not belong to a payment. Please go back to the shop and start again.",
	}
)

type pages struct {
	pay, challenge, approved, note *template.Template
	css                            []byte
}

func newPages() (*pages, error) {
	parse := func(name string) (*template.Template, error) {
		t, err := template.New("frame.html").Option("missingkey=error").
			ParseFS(pageFiles, "pages/frame.html", "pages/"+name)
		if err != nil {
			return nil, fmt.Errorf("sandbox page %s: %w", name, err)
		}
		return t, nil
	}
	var p pages
	var err error
	if p.pay, err = parse("pay.html"); err != nil {
		return nil, err
	}
	if p.challenge, err = parse("challenge.html"); err != nil {
		return nil, err
	}
	if p.approved, err = parse("approved.html"); err != nil {
		return nil, err
	}
	if p.note, err = parse("note.html"); err != nil {
		return nil, err
	}
	p.css, err = pageFiles.ReadFile("pages/style.css")
	return &p, err
}

// write renders a page whole before the first byte is sent.
func (p *pages) write(w http.ResponseWriter, status int, page any) {
	t := p.note
	switch page.(type) {
	case payPage:
		t = p.pay
	case challengePage:
		t = p.challenge
	case approvedPage:
		t = p.approved
	}
	var b bytes.Buffer
	if err := t.Execute(&b, page); err != nil {
		http.Error(w, "The make-believe bank can't show this page.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}
