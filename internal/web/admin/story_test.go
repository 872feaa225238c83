package admin

import (
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/authenticator"
)

func TestAnOwnerBringsAManagerInAndPutsThemOutEverywhere(t *testing.T) {
	for _, engine := range shoptest.Engines() {
		t.Run(engine, func(t *testing.T) {
			s := open(t, engine)
			s.person().get("/admin")
			stranger := s.person()
			stranger.get("/admin")
			stranger.is(200, "It opens with your passkey.", "<noscript>", "data-passkey=\"sign-in\"").not(`type="password"`, "/sign-in\"", "/account", "csrf")
			stranger.get("/admin/staff")
			stranger.is(200, "It opens with your passkey.")

			ada := s.owner()
			ada.is(200, "Please add a second one from another device", "You have no recovery codes")
			ada.get("/admin")
			ada.is(200, "You are ada@shop.test. You work here as owner.", "/admin/staff")

			link := ada.invite("bob@shop.test", access.Manager)
			ada.get("/admin/staff")
			ada.is(200, "bob@shop.test", "manager").not(link)
			bob := s.person()
			if bob.get(link); bob.last.path != "/admin/invite" {
				t.Errorf("the address is %s, want the token out of it", bob.last.path)
			}
			bob.is(200, "ada@shop.test invites bob@shop.test to work here as manager.")
			bob.enrol("name", "Bob\u202e")
			bob.is(422, "You are invited", `name="name"`)
			bob.enrol("name", "Bob Kestrel")
			bob.is(200, "You wait for an owner")
			bob.signIn()
			bob.is(422, "an owner has to confirm you first")
			bob.get("/admin")
			bob.is(200, "It opens with your passkey.")

			ada.get("/admin/staff")
			ada.is(200, "waits for you", "Bob Kestrel")
			ada.post("/admin/staff/person/" + s.id("bob@shop.test") + "/confirm")
			ada.is(200, "This person can sign in now.")
			bob.signIn()
			bob.is(200, "You work here as manager").not("/admin/staff")
			bob.get("/admin/staff")
			bob.is(403, "This is not open to you")
			bob.get("/admin/security")
			bob.is(200, "my phone")
			laptop := bob.elsewhere()
			laptop.signIn()
			laptop.is(200, "You work here as manager")
			if m := s.Letter(t, "bob@shop.test"); !strings.Contains(m.Text, "Hello Bob Kestrel,") || !strings.Contains(m.Text, "your staff account") || !strings.Contains(m.Text, "tell an owner of the shop") {
				t.Errorf("of a new browser he reads %s", m.Text)
			}

			ada.post("/admin/staff/person/" + s.id("bob@shop.test") + "/disable")
			ada.is(200, "signed out everywhere")
			for _, b := range []*person{bob, laptop} {
				b.get("/admin/security")
				b.is(200, "It opens with your passkey.").not("my phone")
			}
			bob.signIn()
			bob.is(422)
			ada.post("/admin/staff/person/" + s.id("bob@shop.test") + "/enable")
			bob.get("/admin/security")
			bob.is(200, "It opens with your passkey.") // what has ended stays ended
			bob.signIn()
			if bob.is(200); bob.last.path != "/admin/security" {
				t.Errorf("signed in to %s, want where he was going", bob.last.path)
			}

			// A lower role: what is signed in ends, and what comes next has less.
			ada.post("/admin/staff/person/"+s.id("bob@shop.test")+"/role", "role", "auditor")
			ada.is(200, "The role is changed.")
			bob.get("/admin/security")
			bob.is(200, "It opens with your passkey.")
			bob.signIn()
			bob.get("/admin")
			bob.is(200, "You work here as auditor")
			bob.post("/admin/sign-out")
			bob.is(200, "You are signed out.", "It opens with your passkey.")
		})
	}
}

func TestAPasskeyThatDidNotLookOpensNothing(t *testing.T) {
	s := open(t, "sqlite")
	link := s.link("ada@shop.test", access.Owner)
	blind := s.person()
	blind.device.Flags &^= authenticator.UV
	blind.get(link)
	blind.enrol()
	blind.is(422, "You are invited")
	ada := s.person()
	ada.get(link) // and the invitation is still there
	ada.enrol()
	ada.is(200, "Your security")
	other := ada.elsewhere()
	other.device.Flags &^= authenticator.UV
	other.signIn()
	other.is(422, "does not open the console")
	ada.prove()
	ada.is(422)
	ada.device.Flags |= authenticator.UV
	ada.prove()
	ada.is(200)
}

func TestAnInvitationIsTakenOnce(t *testing.T) {
	s := open(t, "sqlite")
	link := s.link("ada@shop.test", access.Owner)
	for range 10 { // a scanner that opens what it finds
		scanner := s.person()
		scanner.get(link)
		scanner.is(200, "You are invited")
	}
	ada := s.person()
	if ada.get(link); strings.Contains(ada.last.body, strings.Split(link, "token=")[1]) {
		t.Error("the page repeats the token")
	}
	ada.enrol()
	ada.is(200, "Your security")
	late := s.person()
	late.get(link)
	late.is(404, "This invitation has ended")
	late.post("/admin/invite/begin")
	late.is(404)

	old := ada.invite("old@shop.test", access.Support)
	gone := ada.invite("gone@shop.test", access.Support)
	all, err := s.Keeper.Staff(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all.Invites {
		if i.Email.Reveal() == "gone@shop.test" {
			ada.post("/admin/staff/invitations/" + i.ID + "/withdraw")
			ada.is(200, "The invitation has ended.")
		}
	}
	late.get(gone)
	late.is(404)
	late.get(old)
	late.is(200)
	s.Clock.Move(49 * time.Hour)
	late.get(old)
	late.is(404, "older than two days")
	late.get("/admin/invite?token=%3Cscript%3E")
	late.is(404)
}

// Two open the same link and answer at the same time.
func TestOfTwoWhoTakeAnInvitationOneDoes(t *testing.T) {
	for _, engine := range shoptest.Engines() {
		t.Run(engine, func(t *testing.T) {
			s := open(t, engine)
			link := s.link("ada@shop.test", access.Owner)
			var answers [2][]byte
			people := [2]*person{s.person(), s.person()}
			for i, p := range people {
				p.get(link)
				answers[i] = p.device.Register(t, []byte(p.post("/admin/invite/begin").body))
			}
			done := make(chan int, 2)
			for i, p := range people {
				go func() { done <- p.post("/admin/invite", "credential", string(answers[i])).status }()
			}
			if a, b := <-done, <-done; a+b != 200+404 {
				t.Errorf("got %d and %d, want one in and one late", a, b)
			}
			all, err := s.Keeper.Staff(t.Context())
			if err != nil || len(all.People) != 1 {
				t.Errorf("%d people work here, want 1 (%v)", len(all.People), err)
			}
		})
	}
}
