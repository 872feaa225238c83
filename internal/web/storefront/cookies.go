package storefront

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

const (
	keepCart    = cart.IdleAfter
	keepOrder   = 30 * 24 * time.Hour
	keepFlash   = time.Minute
	orderCookie = "__Host-order-" // + number
	flashCookie = "__Host-flash"
)

// basket is what the cart's cookie says: which cart, and the token that opens it.
type basket struct {
	id    cart.ID
	token string
}

// cartOf reads the cart's cookie. One that can't be ours counts as none.
func cartOf(r *http.Request) (basket, bool) {
	if r.Header["Cookie"] == nil {
		return basket{}, false
	}
	value, ok := gate.Cookie(r, gate.CartCookie)
	if !ok {
		return basket{}, false
	}
	return parseBasket(value)
}

// parseBasket reads "ID.TOKEN".
func parseBasket(value string) (basket, bool) {
	id, token, ok := strings.Cut(value, ".")
	if !ok || len(id) != 36 || len(token) != 43 || !wordy(id) || !wordy(token) {
		return basket{}, false
	}
	return basket{cart.ID(id), token}, true
}

func (b basket) String() string { return string(b.id) + "." + b.token }

// wordy reports whether s is made of the characters of UUIDs and base64url.
func wordy(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return s != ""
}

// keepBasket sets the cart's cookie, or makes it last as long as the cart does.
func keepBasket(w http.ResponseWriter, b basket) {
	gate.SetCookie(w, gate.CartCookie, b.String(), keepCart)
}

// keepOrderToken lets this browser open an order.
func keepOrderToken(w http.ResponseWriter, n order.Number, token string) {
	gate.SetCookie(w, orderCookie+string(n), token, keepOrder)
}

// orderToken reads what keepOrderToken set.
func orderToken(r *http.Request, n order.Number) (string, bool) {
	if r.Header["Cookie"] == nil {
		return "", false
	}
	return gate.Cookie(r, orderCookie+string(n))
}

// forgetAll makes the browser forget the cart, one that has just come from
// another site, every order, whose mailbox it has proved, the code it waits for
// and what it asked to hear of.
func forgetAll(w http.ResponseWriter, r *http.Request) {
	gate.ClearCookie(w, gate.CartCookie)
	gate.ClearCookie(w, findCookie)
	gate.ClearCookie(w, wishCookie)
	gate.ClearCookie(w, adoptCookie)
	for _, c := range r.Cookies() {
		for _, kind := range []string{orderCookie, seenCookie} {
			if number, ok := strings.CutPrefix(c.Name, kind); ok && wordy(number) {
				gate.ClearCookie(w, c.Name)
			}
		}
	}
}

// news is what one request tells the next, through a redirect: a word, and for
// something removed what it was. It holds no text, so whoever could plant such
// a cookie could not put words into our mouth.
type news struct {
	word     string
	variant  catalog.VariantID
	quantity int64
}

const (
	newsRemoved  = "removed"
	newsSaved    = "saved"    // set aside for later
	newsRestored = "restored" // back in the cart
	newsCode     = "code"     // a discount code is in the cart
	newsCleared  = "cleared"
	newsGone     = "gone"    // the line was not there any more
	newsNoPay    = "nopay"   // the payment service did not answer
	newsPayOver  = "payover" // the order can't be paid any more

	newsMoreTime  = "moretime"  // the goods are kept for longer
	newsNoTime    = "notime"    // they can't be
	newsTooLate   = "toolate"   // the order is paid: it can't be cancelled
	newsResent    = "resent"    // the confirmation was asked for again
	newsAgain     = "again"     // an old order is in the cart once more
	newsSomeAgain = "someagain" // what is still sold of it
	newsNoneAgain = "noneagain" // nothing of it is sold any more
	newsNewCode   = "newcode"   // the code has ended
	newsWish      = "wish"      // somebody waits for a thing
	newsNoWish    = "nowish"    // and does not any more

	newsSignedOut = "signedout" // signed out
	newsAccount   = "account"   // an account was made
	newsTexted    = "texted"    // a code was sent to the phone
	newsMailed    = "mailed"    // a code was mailed
	newsWaiting   = "waiting"   // the wait for a lost factor has begun
	newsPassword  = "password"  // a new password was set
	newsKnown     = "known"     // this browser is known
	newsDone      = "done"      // a change was made
	newsMoved     = "moved"     // the account has another e-mail
	newsUndone    = "undone"    // a change was taken back
	newsFound     = "found"     // orders of a guest came to the account
	newsFoundNone = "foundnone" // there were none
)

// plainNews are the words of news that need nothing looked up.
var plainNews = map[string]string{
	newsSignedOut: "You are signed out, and this browser has forgotten your cart and orders here.",
	newsAccount:   "Your account is made, and you are signed in.",
	newsTexted:    "A text with a code is on its way to your phone.",
	newsMailed:    "A mail with a code is on its way.",
	newsWaiting:   "That was right. Now we wait for 72 hours and tell every address of your account.",
	newsPassword:  "Your new password is set. Please sign in with it.",
	newsKnown:     "This browser is known now. Please sign in.",
	newsDone:      "It is done.",
	newsMoved:     "Your account has its new e-mail. For a day, addresses stay covered.",
	newsUndone:    "It is taken back, and everybody is signed out. Now choose a new password.",
	newsFound:     "We found orders, and they stand below.",
	newsFoundNone: "We found no other orders made with this e-mail.",
}

func tell(w http.ResponseWriter, n news) {
	value := n.word
	if n.variant != "" {
		value += "." + string(n.variant) + "." + strconv.FormatInt(n.quantity, 10)
	}
	gate.SetCookie(w, flashCookie, value, keepFlash)
}

// told reads the news once.
func told(w http.ResponseWriter, r *http.Request) (news, bool) {
	if r.Header["Cookie"] == nil {
		return news{}, false
	}
	value, ok := gate.Cookie(r, flashCookie)
	if !ok {
		return news{}, false
	}
	if r.Method != http.MethodHead {
		gate.ClearCookie(w, flashCookie)
	}
	return parseNews(value)
}

func parseNews(value string) (news, bool) {
	word, rest, more := strings.Cut(value, ".")
	if _, plain := plainNews[word]; plain {
		return news{word: word}, !more
	}
	switch word {
	case newsSaved, newsRestored, newsCode, newsCleared, newsGone, newsNoPay, newsPayOver,
		newsMoreTime, newsNoTime, newsTooLate, newsResent, newsAgain, newsSomeAgain, newsNoneAgain, newsNewCode, newsWish, newsNoWish:
		return news{word: word}, !more
	case newsRemoved:
		variant, number, ok := strings.Cut(rest, ".")
		n, err := strconv.ParseInt(number, 10, 64)
		if !ok || err != nil || n < 1 || n > cart.MaxQuantity || len(variant) > 64 || !wordy(variant) {
			return news{}, false
		}
		return news{word, catalog.VariantID(variant), n}, true
	}
	return news{}, false
}

// flash puts the news into words.
func (s *Shop) flash(w http.ResponseWriter, r *http.Request) page.Flash {
	n, ok := told(w, r)
	if !ok {
		return page.Flash{}
	}
	if text, plain := plainNews[n.word]; plain {
		return page.Flash{Text: text}
	}
	switch n.word {
	case newsRemoved:
		title, err := s.titleOf(r.Context(), n.variant)
		if err != nil {
			return page.Flash{Text: "It is out of your cart."} // no longer for sale: no way back
		}
		return page.Flash{Text: title + " is out of your cart.", Undo: page.Undo{Variant: n.variant, Quantity: n.quantity}}
	case newsSaved:
		return page.Flash{Text: "It is saved for later, below your cart."}
	case newsRestored:
		return page.Flash{Text: "It is in your cart again."}
	case newsCode:
		return page.Flash{Text: "Your code is in the cart. What it does stands beside the total."}
	case newsCleared:
		return page.Flash{Text: "Your cart is cleared, and this browser has forgotten your orders here."}
	case newsGone:
		return page.Flash{Text: "That is not in your cart any more."}
	case newsNoPay:
		return page.Flash{Text: "Your order is kept, but the payment service does not answer. Please try again in a moment."}
	case newsPayOver:
		return page.Flash{Text: "This order can't be paid any more."}
	case newsMoreTime:
		return page.Flash{Text: "You have more time. The new end stands below."}
	case newsNoTime:
		return page.Flash{Text: "These goods can't be kept for you any longer."}
	case newsTooLate:
		return page.Flash{Text: "This order is paid already, so it can't be cancelled here."}
	case newsResent:
		return page.Flash{Text: "The confirmation is on its way to the address of the order. We send it three times a day at most."}
	case newsAgain:
		return page.Flash{Text: "Everything from that order is in your cart again, at today's prices."}
	case newsSomeAgain:
		return page.Flash{Text: "What we still have of that order is in your cart, at today's prices. The rest is sold out."}
	case newsNoneAgain:
		return page.Flash{Text: "We have nothing of that order any more."}
	case newsNewCode:
		return page.Flash{Text: "That code has ended. Please ask for a new one."}
	case newsWish:
		return page.Flash{Text: "We write to you once, as soon as it is there again. Then we forget your address. It can wait for 20 things at a time.",
			Link: page.Link{Text: "Take it back", URL: page.PathWishes}}
	case newsNoWish:
		return page.Flash{Text: "Taken back. We have destroyed the key of the address you gave."}
	}
	return page.Flash{}
}
