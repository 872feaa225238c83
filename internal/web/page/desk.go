package page

import (
	"html/template"
	"strings"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// Paths of entrance and account.
const (
	PathSignIn       = "/sign-in"         // GET; POST email, password
	PathSignInKey    = "/sign-in/passkey" // POST credential; /begin gives its options
	PathSecond       = "/sign-in/second"  // GET; POST method, code: the second factor
	PathSecondKey    = "/sign-in/second/passkey"
	PathSecondText   = "/sign-in/second/text" // POST: sends a code to the phone
	PathLost         = "/sign-in/lost"        // GET; POST: the second factor is lost
	PathLostCode     = "/sign-in/lost/code"   // POST code
	PathKnow         = "/sign-in/browser"     // GET; POST email: makes this browser known
	PathKnowCode     = "/sign-in/browser/code"
	PathRegister     = "/register"           // GET; POST email, password
	PathRegisterCode = "/register/code"      // GET; POST code
	PathForgotten    = "/forgotten"          // GET; POST email
	PathForgotCode   = "/forgotten/code"     // GET; POST code
	PathForgotNew    = "/forgotten/password" // GET; POST password
	PathProve        = "/account/prove"      // GET; POST: proves again
	PathSignOut      = "/sign-out"           // POST
	PathAccount      = "/account"            // what is kept and where to go
	PathCallMe       = "/account/name"       // POST name: what somebody wants to be called
	PathSecurity     = "/account/security"   // ways to sign in, browsers, sessions
	PathMyOrders     = "/account/orders"
	PathAddresses    = "/account/addresses"
	PathUseAddress   = "/account/use-address" // GET; POST id: fills the checkout
	PathMyCredit     = "/account/credit"
	PathUseCredit    = "/account/credit/use" // GET; POST: pays the cart with it
	PathCards        = "/account/cards"      // GET; POST payment_method, id: what is to be forgotten
	PathMessages     = "/account/messages"
	PathActivity     = "/account/activity"
	PathUndo         = "/account/undo"   // GET ?token=; POST token
	PathMeter        = "/register/meter" // POST password: what is to be said of it
)

// Paths of the staff console.
const (
	PathAdminSignIn   = "/admin/sign-in" // POST /begin, /finish
	PathAdminSignOut  = "/admin/sign-out"
	PathAdminInvite   = "/admin/invite"   // GET ?token=; GET; POST, /begin
	PathAdminWaiting  = "/admin/waiting"  // an owner has to confirm first
	PathAdminProve    = "/admin/prove"    // GET; POST, /begin
	PathAdminStaff    = "/admin/staff"    // who works here; POST below it
	PathAdminAbuse    = "/admin/abuse"    // GET; POST: a measure
	PathAdminSecurity = "/admin/security" // own passkeys, codes and sessions; POST below it
)

// OfConsole reports whether a path is the staff console's.
func OfConsole(path string) bool {
	return path == PathAdmin || strings.HasPrefix(path, PathAdmin+"/")
}

// Names of fields of entrance and account.
const (
	FieldCSRF       = "csrf"
	FieldPassword   = "password"
	FieldMethod     = "method"     // of a proof
	FieldTrust      = "trust"      // spare this browser the second factor
	FieldNext       = "next"       // where to go on
	FieldCredential = "credential" // what a passkey has answered
	FieldLabel      = "label"      // what something is called
	FieldID         = "id"
	FieldToken      = "token"
	FieldRole       = "role"
	FieldFirst      = "first"
)

// Desk is a page of the entrance or of an account: sections in a column, each
// with what it says, what it lists and what it asks for.
type Desk struct {
	Layout
	Title    string
	Says     []string
	Tabs     []Tab // the parts of an account; none at the entrance
	Sections []Section
	Links    []Link
	Problems []fault.Problem
	Passkeys bool   // the page can run ceremonies: it loads their script
	NoScript string // what is said where scripts don't run; "" where all works without
	Wide     bool   // lists need room
}

// Tab is one part of an account.
type Tab struct {
	Link
	Here bool
}

// Section is one part of a desk.
type Section struct {
	ID    string // for links to it; "" for none
	Title string // "" for the first one, which the page's title names
	Says  []string
	Rows  []Row
	Empty string // what is said when there are no rows; "" leaves the list out
	Codes []string
	// Picture is drawn by ourselves and holds no text that somebody typed.
	Picture string
	Forms   []Form
	Links   []Link
	Notice  bool // it has to be seen
}

// Drawn is the picture as a page shows it.
func (s Section) Drawn() template.HTML { return template.HTML(s.Picture) }

// Row is one line of a list.
type Row struct {
	Text  string
	Small []string
	Mark  string // a word beside it: "this browser"
	Link  Link
	Forms []Form // each one button
}

// Form is what a section asks for.
type Form struct {
	Title   string // over several forms of one section
	Says    []string
	Action  string
	Hidden  []Field
	Inputs  []Input
	Address *Address
	Pick    *Pick
	Checks  []Check
	Button  string
	Quiet   bool // not the way we would go
	Passkey *Ceremony
	Work    Work // under attack
}

// Field is a value that goes along unseen.
type Field struct{ Name, Value string }

// Pick is a choice of one.
type Pick struct {
	Name, Label string
	Options     []PickOption
}

// PickOption is one choice.
type PickOption struct {
	Value, Text string
	Chosen      bool
}

// Check is a box to tick. None is ever ticked beforehand.
type Check struct{ Name, Text, Hint string }

// Ceremony makes a form run a passkey's ceremony where the browser can.
type Ceremony struct {
	Kind  string // "register", "sign-in", "step-up"
	Begin string // where its options come from
}

// Said are the sentences of a ceremony.
func (Ceremony) Said() map[string]string {
	return map[string]string{
		"working":   "Please follow what your device asks.",
		"cancelled": "That was stopped, or it took too long. You can try again, or take another way.",
		"enrolled":  "This device has a passkey for your account already.",
		"failed":    "The passkey did not work here. Please try again, or take another way.",
	}
}

func (Desk) template() string { return "desk" }
func (p Desk) head(site) head {
	return head{Title: p.Title, NoIndex: true, Wrong: len(p.Problems) > 0, Passkeys: p.Passkeys}
}

// Mistakes pairs every problem with the id of its control.
func (p Desk) Mistakes() []Link { return mistakesOf(p.Problems) }

// EmailInput asks for the address of an account.
func EmailInput(typed string, problems []fault.Problem, complete string) Input {
	return Input{Name: FieldEmail, Label: "E-mail", Value: typed, Kind: "email", Complete: complete, Mode: "email", Caps: "none",
		Wrong: wrongOf(problems, FieldEmail), Check: "An e-mail address has a name, an @ and a place, like ada@example.com."}
}

// PasswordInput asks for a password: one that is there, or a new one. What was
// typed never comes back.
func PasswordInput(label, hint string, fresh bool, problems []fault.Problem) Input {
	i := Input{Name: FieldPassword, Label: label, Kind: "password", Complete: "current-password", Hint: hint, Wrong: wrongOf(problems, FieldPassword)}
	if fresh {
		i.Complete = "new-password"
	}
	return i
}

// CodeInput asks for a code.
func CodeInput(label, hint string, problems []fault.Problem) Input {
	return Input{Name: FieldCode, Label: label, Kind: "text", Complete: "one-time-code", Mode: "numeric", Short: true, Hint: hint, Wrong: wrongOf(problems, FieldCode)}
}

// RecoveryInput asks for a recovery code.
func RecoveryInput(problems []fault.Problem) Input {
	return Input{Name: FieldCode, Label: "Recovery code", Kind: "text", Complete: "off", Caps: "characters", Hint: "24 letters and digits. Gaps don’t matter.", Wrong: wrongOf(problems, FieldCode)}
}

// TextInput asks for a line of text.
func TextInput(name, label, value, hint, complete string, problems []fault.Problem) Input {
	return Input{Name: name, Label: label, Value: value, Kind: "text", Complete: complete, Hint: hint, Wrong: wrongOf(problems, name)}
}
