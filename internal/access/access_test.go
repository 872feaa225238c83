package access

import "testing"

func TestAForgottenLevelIsNone(t *testing.T) {
	for _, bad := range []Need{{}, {Level: 9}, {Level: Guest, Fresh: true}, {Level: Password, Staff: []Role{Owner}}} {
		if bad.Check() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	for _, good := range []Need{{Level: Guest}, {Level: Password, Fresh: true}, {Level: TwoFactors, Fresh: true, Staff: []Role{Owner}}} {
		if err := good.Check(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
}

func TestWhoMayComeIn(t *testing.T) {
	shopper, strong := Standing{Account: "a", Level: Password}, Standing{Account: "a", Level: TwoFactors, Fresh: true}
	owner := Standing{Account: "o", Level: TwoFactors, Role: Owner}
	page, act := Need{Level: Password}, Need{Level: Password, Fresh: true}
	desk, till := Need{Level: TwoFactors, Staff: Roles()}, Need{Level: TwoFactors, Fresh: true, Staff: []Role{Owner, Manager}}
	for _, c := range []struct {
		name string
		need Need
		who  Standing
		want Verdict
	}{
		{"a guest in the shop", Need{Level: Guest}, Standing{}, Enough},
		{"a guest at the account", page, Standing{}, SignIn},
		{"a mailed link at the account", page, Standing{Account: "a", Level: Recognised}, SignIn},
		{"a shopper at the account", page, shopper, Enough},
		{"a shopper who proved it long ago", act, shopper, StepUp},
		{"a shopper who proved it now", act, strong, Enough},
		{"a shopper with two factors at the console", desk, strong, NotYour},
		{"an owner at a shopper's page", page, owner, NotYour},
		{"an owner at the console", desk, owner, Enough},
		{"an owner who proved it long ago", till, owner, StepUp},
		{"an auditor at the till", till, Standing{Account: "o", Level: TwoFactors, Fresh: true, Role: Auditor}, NotYour},
		{"staff with a password alone", desk, Standing{Account: "o", Level: Password, Role: Owner}, SignIn},
		{"staff in the shop", Need{Level: Guest}, owner, Enough},
	} {
		if got := c.need.Enough(c.who); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}
