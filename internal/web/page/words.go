package page

import "github.com/cartkeep/cartkeep/internal/fault"

// Words of an error page: what happened, and what to do.
type Words struct {
	Title string
	Text  string
	Next  Link // the one thing to do next
}

// Words are the usual words of the page's kind. A kind without its own speaks
// as an internal error does.
func (p Problem) Words() Words {
	if p.Console {
		return p.consoleWords()
	}
	home, cart := Link{"Go to the shop", PathHome}, Link{"Go to your cart", PathCart}
	switch p.Kind {
	case fault.NotFound:
		return Words{"There is nothing here", "The page was moved, or its address has a slip in it. Search above, or start from the front.", home}
	case fault.Invalid, fault.Malformed:
		return Words{"We could not read that", "Something in the form was not as we expect it. Go back and try once more.", cart}
	case fault.OutOfStock:
		return Words{"There are not enough left", "Somebody was faster. Your cart shows what is still here.", cart}
	case fault.Changed:
		return Words{"Something changed", "A price or the stock moved since you looked. Your cart shows what is new.", cart}
	case fault.CartClosed:
		return Words{"This cart is already an order", "It can't be changed any more. A new cart is ready for you.", home}
	case fault.InProgress:
		return Words{"We are still working on it", "Your order is being placed. Nothing is lost, and nothing is paid twice. Look again in a moment.", Link{"Look again", PathReview}}
	case fault.Conflict:
		return Words{"That is not possible just now", "Things stand differently from when this page was shown. Load it again and look.", cart}
	case fault.IdempotencyMismatch, fault.IdempotencyKeyMissing:
		return Words{"This page is out of date", "Please go back to the review and press the button there once more.", Link{"Go to the review", PathReview}}
	case fault.Method:
		return Words{"This address does not do that", "The page is here, but it does not take what was sent.", home}
	case fault.TooLarge:
		return Words{"That was too much to read", "What was sent is larger than we take. Please send less.", cart}
	case fault.MediaType:
		return Words{"We could not read that", "What was sent is not a form of this shop.", home}
	case fault.Forbidden:
		return Words{"We stopped that", "The request came from another site, so we did not carry it out. If it was you, start here and do it once more.", cart}
	case fault.RateLimited:
		return Words{"That was a lot at once", "Too many requests came from your network. Your cart is safe.", cart}
	case fault.Unavailable:
		return Words{"We are busy for a moment", "Nothing was changed and your cart is safe. Please try again shortly.", cart}
	}
	return Words{"Something went wrong on our side", "It is not your fault. We wrote it down, and your cart is safe.", cart}
}

// consoleWords says the same to staff.
func (p Problem) consoleWords() Words {
	back := Link{"Back to the console", PathAdmin}
	switch p.Kind {
	case fault.Forbidden:
		return Words{"This is not open to you", "Your role does not open this, or the page is older than your sign-in. Nothing was changed.", back}
	case fault.NotFound:
		return Words{"There is nothing here", "It is gone, or the address has a slip in it.", back}
	case fault.RateLimited:
		return Words{"That was a lot at once", "Too many requests came from your network.", back}
	case fault.Unavailable:
		return Words{"We are busy for a moment", "Nothing was changed. Please try again shortly.", back}
	case fault.Internal:
		return Words{"Something went wrong on our side", "It is not your fault, and we wrote it down.", back}
	}
	return Words{"That was not taken", "What was sent is not what this page sends. Load it again and repeat your last step.", back}
}
