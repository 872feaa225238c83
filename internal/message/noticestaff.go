package message

// staffWrong is the one thing to do for somebody who works in the shop: they have
// no password to set anew, and an owner can put them out everywhere at once.
const staffWrong = "If this was not you, tell an owner of the shop at once, by voice. An owner can sign you out everywhere."

// forStaff says in other words what concerns the account of somebody who works in
// the shop. What is missing here goes to shoppers alone, or to owners as owners.
var forStaff = map[NoticeKind]words{
	NewDevice: {what: []string{"Somebody signed in to your staff account with a browser that we did not know."}, not: staffWrong},
	FactorAdded: {what: []string{"A passkey was added to your staff account. Every other browser was signed out."},
		not: "If this was not you, use the link within a day, and tell an owner of the shop at once. The link removes the passkey and signs everybody out."},
	FactorRemoved: {what: []string{"A passkey was removed from your staff account. Every other browser was signed out."}, not: staffWrong},
	CodesMade:     {what: []string{"New recovery codes were made for your staff account. The old ones no longer work."}, not: staffWrong},
	RecoveryUsed:  {what: []string{"Somebody used one of your recovery codes for your staff account. It is used up now."}, not: staffWrong},
	PasskeyCopied: {what: []string{"A passkey of your staff account counted backwards. That happens when a device was copied, so we did not accept it."},
		not: "If you restored a device from a copy, remove its passkey and add it again. If not, tell an owner of the shop at once."},
	Undone: {what: []string{"The change to your staff account was taken back. Everybody was signed out."},
		next: []string{"Sign in again with a passkey of yours. If you have none left, an owner can invite you to make a new one."}, not: staffWrong},
}

// staff says a notice as somebody who works in the shop reads it.
func (w words) staff(k NoticeKind) words {
	if say, ok := forStaff[k]; ok {
		w.what, w.next, w.not = say.what, say.next, say.not
	}
	return w
}
