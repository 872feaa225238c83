package passkey

import "time"

// creation and request are options as browsers take them (5.4 and 5.5 of the
// standard, in their JSON forms).
type creation struct {
	RP        party       `json:"rp"`
	User      person      `json:"user"`
	Challenge base64url   `json:"challenge"`
	Kinds     []algorithm `json:"pubKeyCredParams"`
	Timeout   int64       `json:"timeout"`
	Exclude   []named     `json:"excludeCredentials,omitempty"`
	Selection selection   `json:"authenticatorSelection"`
	Statement string      `json:"attestation"`
}

type request struct {
	Challenge base64url `json:"challenge"`
	Timeout   int64     `json:"timeout"`
	RPID      string    `json:"rpId"`
	Allow     []named   `json:"allowCredentials,omitempty"`
	Verify    string    `json:"userVerification"`
}

type party struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type person struct {
	ID    base64url `json:"id"`
	Name  string    `json:"name"`
	Shown string    `json:"displayName"`
}

type algorithm struct {
	Type string `json:"type"`
	Alg  int    `json:"alg"`
}

type named struct {
	Type       string    `json:"type"`
	ID         base64url `json:"id"`
	Transports []string  `json:"transports,omitempty"`
}

type selection struct {
	Resident string `json:"residentKey"`
	Required bool   `json:"requireResidentKey"` // the same for browsers of Level 1
	Verify   string `json:"userVerification"`
}

const timeout = int64(Life / time.Millisecond)

// algorithms are what devices may sign with, the one we like best first.
// Phones and security keys know ES256, some newer ones EdDSA, Windows with an
// old TPM only RS256.
func algorithms() []algorithm {
	return []algorithm{{"public-key", int(es256)}, {"public-key", int(edDSA)}, {"public-key", int(rs256)}}
}

// need is how a ceremony asks for verification of the person. Preferred, not
// discouraged: a passkey that knows its owner spares the second factor.
func need(verified bool) string {
	if verified {
		return "required"
	}
	return "preferred"
}

// names tells a browser which keys are meant.
func names(keys []Key) []named {
	var list []named
	for _, k := range keys {
		list = append(list, named{"public-key", k.ID, k.Transports})
	}
	return list
}
