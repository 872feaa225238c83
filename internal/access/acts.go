package access

import "errors"

// Act is something delicate: whoever does it proves a moment ago that it is
// them, whatever session they have. A route names the act it carries out.
type Act string

// What shoppers do.
const (
	ShowAddress    Act = "show-address" // the full address or phone number
	SaveAddress    Act = "save-address" // where goods may go
	ExportData     Act = "export"       // a copy of everything
	EraseData      Act = "erase"        // the end of everything
	ChangeEmail    Act = "change-email"
	ChangePhone    Act = "change-phone"
	ChangePassword Act = "change-password"
	SpendCredit    Act = "spend-credit"  // of the account
	HandleCards    Act = "cards"         // that a payment service keeps: see them, have the first one kept, or pay with one what goes elsewhere
	ChangeFactor   Act = "change-factor" // add, remove or replace a second factor or its codes
)

// What staff do.
const (
	Refund        Act = "refund"
	Reveal        Act = "reveal" // what is covered of a customer
	ManageStaff   Act = "staff"  // roles, invitations
	ChangeSetting Act = "settings"
	HandleKeys    Act = "keys"
	HandleBackups Act = "backups"
)

// Acts lists every act that needs a fresh proof, and whether staff do it.
func Acts() map[Act]bool {
	return map[Act]bool{
		ShowAddress: false, SaveAddress: false, ExportData: false, EraseData: false, ChangeEmail: false, ChangePhone: false, ChangePassword: false, ChangeFactor: false, SpendCredit: false, HandleCards: false,
		Refund: true, Reveal: true, ManageStaff: true, ChangeSetting: true, HandleKeys: true, HandleBackups: true,
	}
}

// Check refuses a need that is too low for the act: one without a fresh proof,
// or an act of staff that says no roles. Staff keep their own passkeys, so
// ChangeFactor and ShowAddress may be theirs too.
func (a Act) Check(n Need) error {
	if a == "" {
		return nil
	}
	staff, known := Acts()[a]
	switch {
	case !known:
		return errors.New("access: there is no act " + string(a))
	case !n.Fresh:
		return errors.New("access: " + string(a) + " needs a fresh proof")
	case staff && len(n.Staff) == 0:
		return errors.New("access: " + string(a) + " is for staff, and no roles are said")
	}
	return nil
}
