package personal

// Sealed values of an account.
var (
	AccountEmail = email("account_details", "email", Account, "E-mail of your account", MailProvider)
	AccountName  = name("account_details", "name", Account, "Name of your account", MailProvider)
	AccountCart  = text(Field{Table: "account_details", Column: "cart", Purpose: Account,
		Category: "user.unique_id", Label: "Which cart is yours on every device"})
	CardsCustomer = text(Field{Table: "kept_cards", Column: "customer", Purpose: Account,
		Category: "user.unique_id", Recipients: []Recipient{PaymentProvider}, Label: cardsLabel})
	BookName    = name("addresses", "name", Account, "Name in your address book")
	BookAddress = address("addresses", "address", Account, "Address in your address book")
	BookPhone   = phone("addresses", "phone", Account, "Phone in your address book")
)

// cardsLabel is all that is kept of cards. The cards are with the payment service.
const cardsLabel = "The number under which a payment service keeps your cards"

// Sealed values of somebody who works in the shop.
var (
	StaffEmail  = email("staff_details", "email", Staff, "E-mail of staff", MailProvider)
	StaffName   = name("staff_details", "name", Staff, "Name of staff", MailProvider)
	InviteEmail = email("invites", "email", Staff, "E-mail of somebody who is invited to work in the shop")
)

// Sealed values that protect an account.
var (
	FactorSecret = bytesOf(Field{Table: "factors", Column: "secret", Purpose: Security,
		Category: "user.authorization.credentials", Recipients: []Recipient{SMSProvider}, Part: map[Recipient]string{SMSProvider: "Phone number that gets your codes, and each text to it"},
		Label: "What you sign in with: password hash, app key, phone number or passkey"})
	FactorLabel = text(Field{Table: "factors", Column: "label", Purpose: Security,
		Category: "user.authorization", Label: "What you called a way to sign in"})
	SessionAgent = text(Field{Table: "sessions", Column: "agent", Purpose: Security,
		Category: "user.device", Label: "Browser and system you are signed in with"})
	DeviceAgent = text(Field{Table: "devices", Column: "agent", Purpose: Security,
		Category: "user.device", Label: "Browser and system that we know of you"})
	LetterAgent = text(Field{Table: "letters", Column: "agent", Purpose: Security,
		Category: "user.device", Recipients: []Recipient{MailProvider}, Label: "Browser and system that a message told you of"})
	ChangeOld = text(Field{Table: "changes", Column: "old_value", Purpose: Security,
		Category: "user.contact", Recipients: []Recipient{MailProvider, SMSProvider}, Part: map[Recipient]string{MailProvider: "E-mail before a change", SMSProvider: "Number before a change"},
		Label: "E-mail or number before a change, while it can be undone"})
	ChangeNew = text(Field{Table: "changes", Column: "new_value", Purpose: Security,
		Category: "user.contact", Label: "E-mail or number after a change"})
	SignupEmail    = email("signups", "email", Security, "E-mail that you have not proved yet", MailProvider)
	SignupPassword = bytesOf(Field{Table: "signups", Column: "password", Purpose: Security,
		Category: "user.authorization.credentials", Label: "Hash of the password you chose before you proved your e-mail"})
)

var _ = []Field{
	note(Field{Table: "recovery_codes", Column: "code", Kind: Hash, Purpose: Security, Category: "user.authorization.credentials",
		Label: "Recovery codes, as keyed hashes", Reason: "each opens once; the codes themselves are not kept"}),
	note(Field{Table: "sessions", Column: "id", Kind: Hash, Purpose: Security, Category: "user.device.cookie_id",
		Label: "Session, as a hash", Reason: "recognises a browser that is signed in; the token itself is not kept"}),
	note(Field{Table: "sessions", Column: "mac", Kind: Hash, Purpose: Security, Category: "user.device.cookie_id",
		Label: "What holds a session together, as a keyed hash", Reason: "who can write the database still can't sign in as somebody"}),
	note(Field{Table: "devices", Column: "id", Kind: Hash, Purpose: Security, Category: "user.device.cookie_id",
		Label: "A known browser, as a keyed hash", Reason: "strangers' wrong tries don't slow down the browsers you use"}),
	note(Field{Table: "ceremonies", Column: "browser_mac", Kind: Hash, Purpose: Security, Category: "user.device.cookie_id",
		Label: "Which browser began with a passkey, as a keyed hash", Reason: "a ceremony ends where it began"}),
	note(Field{Table: "ceremonies", Column: "state", Kind: Linked, Purpose: Security, Category: "user.unique_id",
		Label: "Challenge of a passkey", Reason: "random; it proves nothing without the passkey and ends in minutes"}),
	note(Field{Table: "texts_sent", Column: "number_mac", Kind: Hash, Purpose: Security, Category: "user.contact.phone_number",
		Label: "Phone number that a code was sent to, as a keyed hash", Reason: "bounds how many codes one number gets"}),
	note(Field{Table: "texts_sent", Column: "prefix_mac", Kind: Hash, Purpose: Security, Category: "user.contact.phone_number",
		Label: "Beginning of that number, as a keyed hash", Reason: "bounds what fraud with ranges of numbers can cost"}),
	note(Field{Table: "accounts", Column: "guard", Kind: Hash, Purpose: Security, Category: "user.authorization",
		Label: "Your ways to sign in, as a keyed hash", Reason: "shows when somebody took one away in the database"}),
	note(Field{Table: "throttles", Column: "who", Kind: Hash, Purpose: Security, Category: "user.unique_id",
		Label: "Whose password or code was typed wrong, as a keyed hash", Reason: "nobody gets to try again and again; a few failures are forgotten after 30 days, many after a year"}),
	note(Field{Table: "throttles", Column: "device", Kind: Hash, Purpose: Security, Category: "user.device.cookie_id",
		Label: "On which known browser it was typed wrong, as a keyed hash", Reason: "strangers' wrong tries don't slow down the browsers you use"}),
	note(Field{Table: "invites", Column: "token_mac", Kind: Hash, Purpose: Staff, Category: "user.device.cookie_id",
		Label: "Invitation, as a keyed hash", Reason: "opens once; the link itself is not kept"}),
}

var _ = [][]Field{
	linked("accounts", Account, "user.unique_id", "That there is an account, its state and role", ownerReason, "owner", "role", "state"),
	linked("accounts", Account, "user.authorization", "Which second factor you like best", "the page asks for it first", "preferred"),
	linked("accounts", Account, "user.behavior", "Times of the account", timeReason, "made_at", "seen_at", "proved_at", "reset_at", "careful_until"),
	linked("kept_cards", Account, "user.financial", "Which payment service keeps cards for you, and when you last paid with it", "what is not used for long is given up there", "owner", "provider", "made_at", "used_at"),
	linked("account_details", Account, "user.unique_id", "Account id", ownerReason, "owner"),
	linked("staff_details", Staff, "user.unique_id", "Who invited and confirmed somebody, by random ids", "the ledger shows who did what", "owner", "invited_by", "confirmed_by"),
	linked("factors", Security, "user.authorization", "Which ways to sign in an account has, and when they were used", "the account's own page shows it; the secrets are sealed", "owner", "id", "kind", "state", "step", "drift", "astray", "made_at", "used_at"),
	linked("recovery_codes", Security, "user.authorization", "How many recovery codes are left", "codes work once and are counted", "owner", "state", "made_at", "used_at"),
	linked("sessions", Security, "user.behavior", "Where you are signed in, how well you proved it, and until when", timeReason, "owner", "name", "device", "level", "made_at", "seen_at", "strong_at", "fresh_at", "ends_at"),
	linked("devices", Security, "user.behavior", "When a known browser was used, and whether it asks for the second factor", timeReason, "owner", "made_at", "seen_at", "trusted_until"),
	linked("links", Account, "user.unique_id", "Which guest orders are yours", ownerReason, "owner", "subject", "how", "made_at"),
	linked("addresses", Account, "user.unique_id", "That your address book has an entry", ownerReason, "owner", "id", "first", "made_at"),
	linked("letters", Account, "user.unique_id", "That a message was sent to you, of which kind and about which thing", "the message centre lists every message", "owner", "id", "at", "channel", "kind", "object", "to_change", "sent_at"),
	linked("changes", Security, "user.unique_id", "That a change can be undone or waits", timeReason, "owner", "id", "kind", "state", "object", "made_at", "due_at", "ends_at"),
	linked("signups", Security, "user.unique_id", "That somebody asked for an account", "forgotten after a day", "owner", "made_at"),
	linked("ceremonies", Security, "user.unique_id", "That a passkey was asked for", "ends in minutes", "owner", "purpose", "account", "made_at", "used_at"),
	linked("abuse_tries", Security, "user.behavior", "That a payment was begun, and on which day", ownerReason, "owner", "payment", "day"),
	linked("texts_sent", Security, "user.unique_id", "That a code was sent to a phone", "codes are counted against fraud", "owner", "id", "at", "verified_at"),
	linked("throttles", Security, "user.behavior", "How often something was typed wrong, and when", timeReason, "factor", "failures", "until_at", "at", "since"),
	linked("invites", Staff, "user.unique_id", "That somebody was invited, by whom and as what", "the ledger shows who did what", "owner", "role", "made_by", "confirmed", "made_at", "ends_at", "used_at", "account"),
}

func bytesOf(f Field) Value[[]byte] {
	return declare(f,
		func(b []byte) []byte { return b },
		func(b []byte) ([]byte, error) { return append([]byte(nil), b...), nil },
		func(b []byte) bool { return b == nil })
}
