package admin

import (
	"net/http"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// Paths below those of the pages.
const (
	pathInvitations = page.PathAdminStaff + "/invitations"
	pathPerson      = page.PathAdminStaff + "/person/"
	pathPasskeys    = page.PathAdminSecurity + "/passkeys"
	pathCodes       = page.PathAdminSecurity + "/codes"
	pathSessions    = page.PathAdminSecurity + "/sessions"
)

// Register adds the console's routes to the table of a server.
func (c *Console) Register(t *gate.Table) error {
	in := access.Need{Level: access.TwoFactors, Staff: access.Roles()}
	fresh := access.Need{Level: access.TwoFactors, Fresh: true, Staff: access.Roles()}
	owner := access.Need{Level: access.TwoFactors, Staff: []access.Role{access.Owner}}
	watch := access.Need{Level: access.TwoFactors, Staff: []access.Role{access.Owner, access.Manager}}
	ceremonies := []abuse.Act{abuse.Passkey}
	open := func(method, path, token string, h http.HandlerFunc, does ...abuse.Act) gate.Route {
		return gate.Route{Method: method, Path: path, Need: gate.Anybody, Token: token, Does: does, Handle: h}
	}
	manage := func(path string, h http.HandlerFunc) gate.Route {
		return gate.Route{Method: "POST", Path: path, Need: access.Need{Level: access.TwoFactors, Fresh: true, Staff: owner.Staff}, Act: access.ManageStaff, Handle: h}
	}
	own := func(path string, h http.HandlerFunc, does ...abuse.Act) gate.Route {
		return gate.Route{Method: "POST", Path: path, Need: fresh, Act: access.ChangeFactor, Does: does, Handle: h}
	}
	t.Nothing("/admin/")
	return t.Add("admin",
		// The entrance.
		open("GET", page.PathAdmin, "", c.home),
		open("GET", page.PathAdmin+"/{$}", "", c.home),
		open("POST", page.PathAdminSignIn+"/begin", "passkey", c.beginSignIn, abuse.Passkey),
		open("POST", page.PathAdminSignIn+"/finish", "passkey", c.signIn, abuse.Passkey),
		open("GET", page.PathAdminInvite, "invitation", c.invitation),
		open("POST", page.PathAdminInvite+"/begin", "invitation", c.beginInvitation, abuse.Passkey),
		open("POST", page.PathAdminInvite, "invitation", c.takeInvitation, abuse.SecondFactor, abuse.Passkey),
		open("GET", page.PathAdminWaiting, "", c.waiting),
		gate.Route{Method: "POST", Path: page.PathAdminSignOut, Need: in, Handle: c.signOut},
		gate.Route{Method: "GET", Path: page.PathAdminProve, Need: in, Handle: c.prove},
		gate.Route{Method: "POST", Path: page.PathAdminProve + "/begin", Need: in, Does: ceremonies, Handle: c.beginProve},
		gate.Route{Method: "POST", Path: page.PathAdminProve, Need: in, Does: ceremonies, Handle: c.finishProve},

		// Who works here.
		gate.Route{Method: "GET", Path: page.PathAdminStaff, Need: owner, Handle: c.staff},
		gate.Route{Method: "GET", Path: pathPerson + "{id}", Need: owner, Handle: c.person},
		manage(pathInvitations, c.invite),
		manage(pathInvitations+"/{id}/withdraw", c.withdraw),
		manage(pathPerson+"{id}/confirm", c.confirm),
		manage(pathPerson+"{id}/disable", c.disable),
		manage(pathPerson+"{id}/enable", c.enable),
		manage(pathPerson+"{id}/role", c.setRole),
		manage(pathPerson+"{id}/passkeys", c.replacePasskeys),

		// What strangers try, and what can be done about it at once.
		gate.Route{Method: "GET", Path: page.PathAdminAbuse, Need: watch, Handle: c.abuse},
		gate.Route{Method: "POST", Path: page.PathAdminAbuse, Need: watch, Handle: c.measure},

		// One's own passkeys, codes and sessions.
		gate.Route{Method: "GET", Path: page.PathAdminSecurity, Need: in, Handle: c.security},
		own(pathPasskeys+"/begin", c.beginPasskey, abuse.Passkey),
		own(pathPasskeys, c.addPasskey, abuse.Passkey),
		own(pathPasskeys+"/remove", c.removePasskey),
		gate.Route{Method: "POST", Path: pathPasskeys + "/rename", Need: in, Handle: c.renamePasskey},
		own(pathCodes, c.newCodes),
		own(pathCodes+"/confirm", c.confirmCodes),
		gate.Route{Method: "POST", Path: pathSessions + "/end", Need: in, Handle: c.endSession},
		gate.Route{Method: "POST", Path: pathSessions + "/end-others", Need: in, Handle: c.endSessions},
	)
}
