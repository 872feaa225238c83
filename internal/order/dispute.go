package order

// DisputeReason is why a payer disputes a payment, in the words that card networks share.
type DisputeReason string

// The reasons. What a provider says besides is DisputeOther.
const (
	DisputeFraud        DisputeReason = "fraudulent"   // "that was not me"
	DisputeUnrecognised DisputeReason = "unrecognised" // "I do not know what that is"
	DisputeNotReceived  DisputeReason = "not-received" // "it never came"
	DisputeUnacceptable DisputeReason = "unacceptable" // "it is not what was promised"
	DisputeDuplicate    DisputeReason = "duplicate"    // "I paid twice"
	DisputeNotRefunded  DisputeReason = "not-refunded" // "I sent it back"
	DisputeOther        DisputeReason = "other"
)
