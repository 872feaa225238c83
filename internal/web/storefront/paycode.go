package storefront

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// payCookie is the ticket of a browser that has a code to pay mailed.
const payCookie = "__Host-pay"

// payRoad is a road to a payment. What its form carried goes along through every
// page that stands before it, so that the last button carries it out.
type payRoad struct {
	form   string // where the form is posted; a code is asked for and answered below it
	button string
	back   page.Link
	ask    func(context.Context) (ticket string, err error)
	answer func(ctx context.Context, ticket, code string) error
	pay    http.HandlerFunc
}

func (s *Shop) cartRoad(b basket) payRoad {
	return payRoad{form: page.PathReview, button: "Order and pay", back: page.Link{Text: "Back to your order", URL: page.PathReview},
		ask: func(ctx context.Context) (string, error) { return s.desk.AskPayCode(ctx, b.id, b.token) },
		answer: func(ctx context.Context, ticket, code string) error {
			return s.desk.AnswerPayCode(ctx, b.id, b.token, ticket, code)
		},
		pay: s.placeOrder}
}

func (s *Shop) orderRoad(number order.Number, token string) payRoad {
	here := page.PathOrders + string(number)
	return payRoad{form: here + "/payments", button: "Pay", back: page.Link{Text: "Back to your order", URL: here},
		ask: func(ctx context.Context) (string, error) { return s.desk.AskOrderPayCode(ctx, number, token) },
		answer: func(ctx context.Context, ticket, code string) error {
			return s.desk.AnswerOrderPayCode(ctx, number, token, ticket, code)
		},
		pay: s.payAgain}
}

// carried is what the form of a road holds beside what is asked for before it.
func carried(form url.Values) []page.Field {
	var out []page.Field
	for name, values := range form {
		if name != gate.FieldWork && name != gate.FieldTicket && name != page.FieldCode && len(values) == 1 {
			out = append(out, page.Field{Name: name, Value: values[0]})
		}
	}
	slices.SortFunc(out, func(a, b page.Field) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// beforePay shows a page that stands before a payment.
func (s *Shop) beforePay(w http.ResponseWriter, r *http.Request, status int, section page.Section, problems []fault.Problem) {
	providers, err := s.desk.Methods(r.Context())
	if err == nil {
		err = gate.FormTo(w, payment.Origins(providers)...)
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	s.show(w, r, status, page.Desk{Layout: s.layout(r), Title: "Before you pay", Problems: problems, Sections: []page.Section{section}})
}

// friction draws what stands before an act whose form was sent. False leaves the
// refusal to the caller.
func (s *Shop) friction(w http.ResponseWriter, r *http.Request, err error, road payRoad) bool {
	var refused *abuse.Refused
	if !errors.As(err, &refused) {
		return false
	}
	form, formErr := gate.Form(r)
	if formErr != nil {
		return false
	}
	e := fault.Of(err)
	section := page.Section{Says: []string{e.Text}, Links: []page.Link{road.back}}
	switch {
	case refused.Friction == abuse.Work:
		section.Forms = []page.Form{{Action: road.form, Hidden: carried(form), Button: road.button, Work: page.Work(s.gate.NewWork(r, refused.Act))}}
	case refused.ByMail:
		section.Forms = []page.Form{road.askForm(form, "Mail me a code")}
		section.Says = append(section.Says, "You can also try again without a code "+inWords(e.RetryAfter)+".")
	default:
		section.Says = append(section.Says, "You can try again "+inWords(e.RetryAfter)+".")
	}
	if s.cfg.Keeper != nil && (refused.Friction == abuse.Prove || refused.Friction == abuse.Pause) {
		section.Links = append([]page.Link{{Text: "Sign in", URL: page.PathSignIn}, {Text: "Make an account", URL: page.PathRegister}}, section.Links...)
	}
	s.beforePay(w, r, gate.Later(w, e), section, nil)
	return true
}

func (p payRoad) askForm(form url.Values, button string) page.Form {
	return page.Form{Action: p.form + page.BelowCode, Hidden: carried(form), Button: button}
}

// codeToPay asks for the code that was mailed.
func (s *Shop) codeToPay(w http.ResponseWriter, r *http.Request, status int, form url.Values, road payRoad, problems []fault.Problem) {
	again := road.askForm(form, "Mail it again")
	again.Quiet = true
	s.beforePay(w, r, status, page.Section{
		Says: []string{"A code is on its way to the e-mail of your order. It can take a minute. Look among unwanted mail too.", "A mailbox gets only a few letters an hour. If none comes, try again later, or sign in."},
		Forms: []page.Form{{Action: road.form + page.BelowCodeAnswer, Hidden: carried(form),
			Inputs: []page.Input{page.CodeInput("Code of our mail", "Eight digits. You may leave out the gap.", problems)}, Button: road.button}, again},
		Links: []page.Link{road.back}}, problems)
}

// noCode says why a code can't be typed, and offers another.
func (s *Shop) noCode(w http.ResponseWriter, r *http.Request, e *fault.Error, form url.Values, road payRoad) {
	says := []string{e.Text}
	if e.Kind == fault.RateLimited {
		says = append(says, "You can try again "+inWords(e.RetryAfter)+".")
	}
	s.beforePay(w, r, gate.Later(w, e), page.Section{Says: says, Links: []page.Link{road.back},
		Forms: []page.Form{road.askForm(form, "Mail me a code"), {Action: road.form, Hidden: carried(form), Button: road.button, Quiet: true}}}, nil)
}

// askPayCode mails the code that lets a guest order and pay.
func (s *Shop) askPayCode(w http.ResponseWriter, r *http.Request) {
	b, has := cartOf(r)
	if !has {
		seeOther(w, page.PathCart)
		return
	}
	_, err := s.desk.Cart(r.Context(), b.id, b.token)
	s.mailPayCode(w, r, err, s.cartRoad(b))
}

// askOrderPayCode mails the code that lets a guest pay an order again.
func (s *Shop) askOrderPayCode(w http.ResponseWriter, r *http.Request) {
	if road, ok := s.againRoad(w, r); ok {
		s.mailPayCode(w, r, nil, road)
	}
}

// againRoad is the road of an order that this browser opens. False means that the
// answer is out.
func (s *Shop) againRoad(w http.ResponseWriter, r *http.Request) (payRoad, bool) {
	number, err := order.ParseNumber(r.PathValue("number"))
	if err != nil {
		s.noOrder(w, r)
		return payRoad{}, false
	}
	token := s.orderKey(r, number)
	_, ok := s.opened(w, r, number, token)
	return s.orderRoad(number, token), ok
}

func (s *Shop) mailPayCode(w http.ResponseWriter, r *http.Request, err error, road payRoad) {
	form, formErr := gate.Form(r)
	if formErr != nil {
		s.gate.Refuse(w, r, formErr)
		return
	}
	ticket := ""
	if err == nil {
		err = s.gate.Begin(r, abuse.PayCode)
	}
	if err == nil {
		ticket, err = road.ask(r.Context())
	}
	if err == nil {
		gate.SetCookie(w, payCookie, ticket, challenge.Life)
		s.codeToPay(w, r, http.StatusOK, form, road, nil)
		return
	}
	s.notPayable(w, r, err, form, road)
}

// answerPayCode takes the code of a guest who orders. The right one goes on to pay
// at once.
func (s *Shop) answerPayCode(w http.ResponseWriter, r *http.Request) {
	b, has := cartOf(r)
	if !has {
		seeOther(w, page.PathCart)
		return
	}
	s.tryPayCode(w, r, s.cartRoad(b))
}

// answerOrderPayCode is answerPayCode of a guest who pays an order again.
func (s *Shop) answerOrderPayCode(w http.ResponseWriter, r *http.Request) {
	if road, ok := s.againRoad(w, r); ok {
		s.tryPayCode(w, r, road)
	}
}

func (s *Shop) tryPayCode(w http.ResponseWriter, r *http.Request, road payRoad) {
	form, err := gate.Form(r)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	t, has := ticket(r, payCookie)
	if !has {
		s.noCode(w, r, fault.New(fault.Conflict, "That code has ended. Please ask for a new one."), form, road)
		return
	}
	err = s.proving(r, form, gate.Attempt{Act: abuse.LookUp, Who: t[:min(36, len(t))], Factor: "mail"},
		func() error { return road.answer(r.Context(), t, form.Get(page.FieldCode)) })
	if err == nil {
		gate.ClearCookie(w, payCookie)
		road.pay(w, r)
		return
	}
	if status, problems, late := held(w, err, page.FieldCode); late {
		s.codeToPay(w, r, status, form, road, problems)
		return
	}
	if f := fault.Of(err); f != nil && f.Kind == fault.Invalid {
		s.codeToPay(w, r, gate.Status(f.Kind), form, road, f.Problems)
		return
	}
	s.notPayable(w, r, err, form, road)
}

// notPayable answers for a code that was not mailed or could not be tried. Nothing
// that the form carried is lost where the order can still be made.
func (s *Shop) notPayable(w http.ResponseWriter, r *http.Request, err error, form url.Values, road payRoad) {
	if s.friction(w, r, err, road) {
		return
	}
	switch f := fault.Of(err); {
	case f == nil:
		s.gate.Refuse(w, r, err)
	case f.Kind == fault.NotFound:
		seeOther(w, page.PathCart)
	case f.Kind == fault.CartClosed, f.Kind == fault.Invalid:
		seeOther(w, road.back.URL)
	case f.Kind == fault.Conflict, f.Kind == fault.RateLimited:
		s.noCode(w, r, f, form, road)
	default:
		s.gate.Refuse(w, r, err)
	}
}
