package storefront

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// routes is the whole surface. A GET answers HEAD too and changes nothing but
// cookies of the one who asks.
func (s *Shop) routes() []gate.Route {
	return []gate.Route{
		// The goods: kept for a second, the same for everybody.
		{Method: "GET", Path: "/{$}", Need: gate.Anybody, Handle: s.home},
		{Method: "GET", Path: "/collections/{handle}", Need: gate.Anybody, Handle: s.collection},
		{Method: "GET", Path: "/products/{handle}", Need: gate.Anybody, Handle: s.product},
		{Method: "GET", Path: page.PathSearch, Need: gate.Anybody, Handle: s.search},
		{Method: "GET", Path: "/pictures/{name...}", Need: gate.Anybody, Handle: s.picture},

		// The cart: known by its cookie.
		{Method: "GET", Path: page.PathCart, Need: gate.Anybody, Token: "cart cookie", Handle: s.cart},
		{Method: "POST", Path: page.PathCartLines, Need: gate.Anybody, Does: []abuse.Act{abuse.NewCart}, Token: "cart cookie", Handle: s.addLine},
		{Method: "POST", Path: "/cart/lines/{line}", Need: gate.Anybody, Token: "cart cookie", Handle: s.setLine},
		{Method: "POST", Path: "/cart/lines/{line}/save", Need: gate.Anybody, Token: "cart cookie", Handle: s.saveLine},
		{Method: "POST", Path: "/cart/lines/{line}/restore", Need: gate.Anybody, Token: "cart cookie", Handle: s.restoreLine},
		{Method: "POST", Path: page.PathEstimate, Need: gate.Anybody, Token: "cart cookie", Handle: s.setEstimate},
		{Method: "POST", Path: page.PathCartAccept, Need: gate.Anybody, Token: "cart cookie", Handle: s.acceptCart},
		{Method: "POST", Path: page.PathCartClear, Need: gate.Anybody, Token: "cart cookie", Handle: s.clearCart},
		{Method: "POST", Path: page.PathCartCode, Need: gate.Anybody, Does: []abuse.Act{abuse.Discount}, Token: "cart cookie", Handle: s.tryCode},
		{Method: "POST", Path: page.PathCartCodeDrop, Need: gate.Anybody, Token: "cart cookie", Handle: s.dropCode},
		{Method: "POST", Path: page.PathAdopt, Need: gate.Anybody, Token: "cart cookie", Handle: s.adopt},
		{Method: "GET", Path: page.PathAdopt, Need: gate.Anybody, Token: "cart cookie", Handle: s.adopted},
		{Method: "POST", Path: page.PathAdoptChoice, Need: gate.Anybody, Token: "cart cookie", Handle: s.chooseCart},

		// The till.
		{Method: "GET", Path: page.PathCheckout, Need: gate.Anybody, Token: "cart cookie", Handle: s.checkoutForm},
		{Method: "POST", Path: page.PathCheckout, Need: gate.Anybody, Token: "cart cookie", Cards: true, Handle: s.saveCheckout},
		{Method: "GET", Path: page.PathReview, Need: gate.Anybody, Token: "cart cookie", Handle: s.review},
		{Method: "GET", Path: page.PathCard, Need: gate.Anybody, Token: "order cookie", Handle: s.card},
		{Method: "POST", Path: page.PathReview, Need: gate.Anybody, Does: []abuse.Act{abuse.Place}, Token: "cart cookie", Handle: s.placeOrder},
		{Method: "POST", Path: page.PathReview + page.BelowCode, Need: gate.Anybody, Does: []abuse.Act{abuse.PayCode}, Token: "cart cookie", Handle: s.askPayCode},
		{Method: "POST", Path: page.PathReview + page.BelowCodeAnswer, Need: gate.Anybody, Does: []abuse.Act{abuse.LookUp, abuse.Place}, Token: "cart cookie", Handle: s.answerPayCode},

		// The order: known by a cookie of its own.
		{Method: "GET", Path: "/orders/{number}", Need: gate.Anybody, Token: "order cookie", Handle: s.order},
		{Method: "POST", Path: "/orders/{number}/payments", Need: gate.Anybody, Does: []abuse.Act{abuse.Pay}, Token: "order cookie", Handle: s.payAgain},
		{Method: "POST", Path: "/orders/{number}/payments" + page.BelowCode, Need: gate.Anybody, Does: []abuse.Act{abuse.PayCode}, Token: "order cookie", Handle: s.askOrderPayCode},
		{Method: "POST", Path: "/orders/{number}/payments" + page.BelowCodeAnswer, Need: gate.Anybody, Does: []abuse.Act{abuse.LookUp, abuse.Pay}, Token: "order cookie", Handle: s.answerOrderPayCode},
		{Method: "POST", Path: "/orders/{number}/hold", Need: gate.Anybody, Does: []abuse.Act{abuse.Hold}, Token: "order cookie", Handle: s.moreTime},
		{Method: "POST", Path: "/orders/{number}/cancel", Need: gate.Anybody, Does: []abuse.Act{abuse.OwnOrder}, Token: "order cookie", Handle: s.cancelOrder},
		{Method: "POST", Path: "/orders/{number}/resend", Need: gate.Anybody, Does: []abuse.Act{abuse.OwnOrder}, Token: "order cookie", Handle: s.resend},
		{Method: "POST", Path: "/orders/{number}/again", Need: gate.Anybody, Does: []abuse.Act{abuse.OwnOrder, abuse.NewCart}, Token: "order cookie", Handle: s.orderAgain},
		{Method: "GET", Path: "/orders/{number}/invoice", Need: gate.Anybody, Does: []abuse.Act{abuse.OwnOrder}, Token: "order cookie", Handle: s.invoice},
		{Method: "GET", Path: "/orders/{number}/credit-notes/{paper}", Need: gate.Anybody, Does: []abuse.Act{abuse.OwnOrder}, Token: "order cookie", Handle: s.creditNote},

		// The order, whole: known by a code from its mailbox.
		{Method: "GET", Path: page.PathFind, Need: gate.Anybody, Handle: s.findOrder},
		{Method: "POST", Path: page.PathFind, Need: gate.Anybody, Does: []abuse.Act{abuse.FindOrder}, Handle: s.askCode},
		{Method: "GET", Path: page.PathFindCode, Need: gate.Anybody, Token: "find cookie", Handle: s.codeForm},
		{Method: "POST", Path: page.PathFindCode, Need: gate.Anybody, Does: []abuse.Act{abuse.LookUp}, Token: "find cookie", Handle: s.answerCode},

		// What is not sent by post: known by a token for each file.
		{Method: "GET", Path: "/downloads/{token}", Need: gate.Anybody, Token: "download token", Handle: s.download},
		{Method: "POST", Path: "/downloads/{token}", Need: gate.Anybody, Token: "download token", Handle: s.startDownload},

		// A wish to hear when a thing is there again.
		{Method: "GET", Path: page.PathWishes, Need: gate.Anybody, Handle: s.wishes},
		{Method: "POST", Path: page.PathWishes, Need: gate.Anybody, Does: []abuse.Act{abuse.Letter}, Handle: s.askWish},
		{Method: "POST", Path: page.PathNoWish, Need: gate.Anybody, Does: []abuse.Act{abuse.Letter}, Handle: s.takeBackWish},

		// The words.
		{Method: "GET", Path: page.PathPrivacy, Need: gate.Anybody, Handle: s.privacy},
		{Method: "GET", Path: page.PathTerms, Need: gate.Anybody, Handle: s.text},
		{Method: "GET", Path: page.PathReturns, Need: gate.Anybody, Handle: s.text},
		{Method: "GET", Path: page.PathShipping, Need: gate.Anybody, Handle: s.text},
		{Method: "GET", Path: page.PathImprint, Need: gate.Anybody, Handle: s.text},
		{Method: "GET", Path: page.PathAssets, Need: gate.Anybody, Handle: s.pages.Assets(s.gate.NotFound()).ServeHTTP},
		{Method: "GET", Path: "/robots.txt", Need: gate.Anybody, Handle: s.robots},
		{Method: "GET", Path: "/sitemap.xml", Need: gate.Anybody, Handle: s.sitemap},
		{Method: "GET", Path: "/sitemap/{part}", Need: gate.Anybody, Handle: s.sitemapPart},
	}
}

// entrance is how one becomes somebody. Half a session opens the second factor
// alone; its forms carry its own token.
func (s *Shop) entrance() []gate.Route {
	const half = "half session"
	open := func(method, path string, h http.HandlerFunc, does ...abuse.Act) gate.Route {
		return gate.Route{Method: method, Path: path, Need: gate.Anybody, Does: does, Handle: h}
	}
	with := func(token string, r gate.Route) gate.Route { r.Token = token; return r }
	return []gate.Route{
		open("GET", page.PathSignIn, s.signInForm),
		open("POST", page.PathSignIn, s.signIn, abuse.SignIn),
		open("POST", page.PathSignInKey+"/begin", s.beginPasskey, abuse.Passkey),
		with("passkey", open("POST", page.PathSignInKey, s.finishPasskey, abuse.Passkey)),

		with(half, open("GET", page.PathSecond, s.second)),
		with(half, open("POST", page.PathSecond, s.answerSecond, abuse.SecondFactor)),
		with(half, open("POST", page.PathSecondKey+"/begin", s.beginSecond, abuse.Passkey)),
		with(half, open("POST", page.PathSecondKey, s.finishSecond)),
		with(half, open("POST", page.PathSecondText, s.textSecond, abuse.Letter)),
		with(half, open("GET", page.PathLost, s.lost)),
		with(half, open("POST", page.PathLost, s.askLost, abuse.Letter)),
		with(half, open("POST", page.PathLostCode, s.answerLost, abuse.SecondFactor)),

		open("GET", page.PathRegister, s.register),
		open("POST", page.PathRegister, s.askRegister, abuse.Register),
		open("POST", page.PathMeter, s.meter, abuse.Weigh),
		with("signup cookie", open("GET", page.PathRegisterCode, s.registerCode)),
		with("signup cookie", open("POST", page.PathRegisterCode, s.finishRegister, abuse.Register)),

		with("undo cookie", open("GET", page.PathUndo, s.undo)),
		with("undo cookie", open("POST", page.PathUndo, s.takeBack, abuse.Letter)),
		with("order cookie", open("POST", "/orders/{number}/account", s.accountFromOrder, abuse.OwnOrder, abuse.Register)),

		open("GET", page.PathForgotten, s.forgotten),
		open("POST", page.PathForgotten, s.askForgotten, abuse.Reset),
		with("reset cookie", open("GET", page.PathForgotCode, s.forgotCode)),
		with("reset cookie", open("POST", page.PathForgotCode, s.answerForgot, abuse.Reset)),
		with("pass cookie", open("GET", page.PathForgotNew, s.forgotNew)),
		with("pass cookie", open("POST", page.PathForgotNew, s.setForgotten, abuse.NewPassword)),

		open("GET", page.PathKnow, s.knowForm),
		open("POST", page.PathKnow, s.askKnow, abuse.Reset),
		with("know cookie", open("GET", page.PathKnowCode, s.knowCode)),
		with("know cookie", open("POST", page.PathKnowCode, s.answerKnow, abuse.LookUp)),
	}
}

// accountRoutes is what somebody who is signed in may do.
func (s *Shop) accountRoutes() []gate.Route {
	in := access.Need{Level: access.Password}
	get := func(path string, h http.HandlerFunc) gate.Route {
		return gate.Route{Method: "GET", Path: path, Need: in, Handle: h}
	}
	post := func(path string, h http.HandlerFunc, does ...abuse.Act) gate.Route {
		return gate.Route{Method: "POST", Path: path, Need: in, Does: does, Handle: h}
	}
	with := func(token string, r gate.Route) gate.Route { r.Token = token; return r }
	// fresh needs a proof of the last minutes, whatever session there is.
	fresh := func(act access.Act, r gate.Route) gate.Route {
		r.Need.Fresh, r.Act = true, act
		return r
	}
	return []gate.Route{
		get(page.PathAccount, s.accountHome),
		post(page.PathCallMe, s.callMe),
		get(page.PathMessages, s.messages),
		get(page.PathActivity, s.activity),

		get(page.PathMyOrders, s.myOrders),
		post(pathMyOrdersFind, s.askClaim, abuse.Letter),
		with("claim cookie", get(pathMyOrdersFind, s.claimCode)),
		with("claim cookie", post(pathMyOrdersFind+"/code", s.answerClaim, abuse.LookUp)),
		get(page.PathMyOrders+"/{number}", s.myOrder),
		fresh(access.ShowAddress, get(page.PathMyOrders+"/{number}"+wholeOrder, s.myOrderWhole)),

		get(page.PathMyCredit, s.myCredit),
		fresh(access.SpendCredit, get(page.PathUseCredit, s.offerCredit)),
		fresh(access.SpendCredit, post(page.PathUseCredit, s.useCredit)),

		fresh(access.HandleCards, get(page.PathCards, s.myCards)),
		fresh(access.HandleCards, post(page.PathCards, s.forgetCard)),
		fresh(access.HandleCards, get(page.PathCards+"/use/{provider}", s.useCards)),
		fresh(access.HandleCards, get(page.PathCards+"/keep/{provider}", s.keepCard)),

		get(page.PathAddresses, s.addresses),
		fresh(access.SaveAddress, get(pathNewAddress, s.newAddress)),
		fresh(access.SaveAddress, post(page.PathAddresses, s.saveAddress)),
		fresh(access.ShowAddress, get(pathUseAddress, s.chooseAddress)),
		fresh(access.ShowAddress, post(pathUseAddress, s.useAddress)),
		fresh(access.ShowAddress, get(page.PathAddresses+"/{id}", s.address)),
		fresh(access.SaveAddress, post(page.PathAddresses+"/{id}/first", s.firstAddress)),
		fresh(access.SaveAddress, post(page.PathAddresses+"/{id}/remove", s.removeAddress)),

		get(page.PathSecurity, s.security),
		fresh(access.ChangeFactor, get(pathUnlock, s.unlock)),
		fresh(access.ChangePassword, post(pathPassword, s.changePassword, abuse.NewPassword)),
		fresh(access.ChangeFactor, post(pathPasskeys+"/begin", s.beginEnrol, abuse.Passkey)),
		fresh(access.ChangeFactor, with("passkey", post(pathPasskeys, s.finishEnrol))),
		fresh(access.ChangeFactor, get(pathFactor+"/{id}", s.factor)),
		fresh(access.ChangeFactor, post(pathFactor+"/{id}", s.renameFactor)),
		fresh(access.ChangeFactor, post(pathFactor+"/{id}/remove", s.removeFactor)),
		fresh(access.ChangeFactor, post(pathApp, s.beginApp)),
		fresh(access.ChangeFactor, get(pathApp, s.app)),
		fresh(access.ChangeFactor, post(pathApp+"/code", s.confirmApp)),
		fresh(access.ChangePhone, post(pathPhone, s.beginPhone, abuse.Letter)),
		fresh(access.ChangePhone, get(pathPhone, s.phone)),
		fresh(access.ChangePhone, post(pathPhone+"/code", s.confirmPhone)),
		fresh(access.ChangeFactor, post(pathCodes, s.makeCodes)),
		fresh(access.ChangeFactor, post(pathCodes+"/confirm", s.confirmCodes)),
		fresh(access.ChangeFactor, post(pathPrefer, s.prefer)),
		fresh(access.ChangeEmail, post(pathMove, s.askMove, abuse.Letter)),
		fresh(access.ChangeEmail, with("move cookie", get(pathMove, s.moveCode))),
		fresh(access.ChangeEmail, with("move cookie", post(pathMove+"/code", s.answerMove, abuse.LookUp))),
		post(pathBrowsers, s.forgetBrowser),
		post(pathSessions, s.endSession),
		post(pathSessions+"/others", s.endSessions),

		{Method: "POST", Path: page.PathSignOut, Need: in, Handle: s.signOut},
		{Method: "GET", Path: page.PathProve, Need: in, Handle: s.prove},
		{Method: "POST", Path: page.PathProve, Need: in, Does: []abuse.Act{abuse.StepUp}, Handle: s.answerProve},
		{Method: "POST", Path: page.PathProve + "/passkey/begin", Need: in, Does: []abuse.Act{abuse.Passkey}, Handle: s.beginProve},
		{Method: "POST", Path: page.PathProve + "/passkey", Need: in, Handle: s.finishProve},
		{Method: "POST", Path: page.PathProve + "/text", Need: in, Does: []abuse.Act{abuse.Letter}, Handle: s.textProve},
	}
}

// Register adds every route to the table of a server, and a friendly answer
// for every address that is none.
func (s *Shop) Register(t *gate.Table) error {
	routes := s.routes()
	if s.cfg.Keeper != nil {
		routes = append(append(routes, s.entrance()...), s.accountRoutes()...)
	}
	for i := range routes {
		routes[i].Handle = s.guard(routes[i].Handle)
	}
	// Without the last ones the mux answers a folder without its slash with a redirect.
	t.Nothing("/", "/assets", "/pictures", "/sitemap", "/downloads")
	return t.Add("storefront", routes...)
}

// guard is what holds for every page.
func (s *Shop) guard(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header["Cart-Token"] != nil && gate.HasCookie(r, gate.CartCookie) {
			s.gate.Refuse(w, r, fault.New(fault.Malformed, "A request carries either a Cart-Token or the cookie of the pages, not both."))
			return
		}
		if s.misnamed(r) {
			w.Header().Set("Location", strings.TrimSuffix(s.cfg.Origin, "/")+r.URL.RequestURI())
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		next(w, r)
	}
}

// misnamed reports whether a shop called localhost was asked for by its
// loopback address. Cookies do not tell ports apart, so on that address they
// would reach whatever else listens there, such as the payment service of the
// demo.
func (s *Shop) misnamed(r *http.Request) bool {
	if s.host != "localhost" || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}
