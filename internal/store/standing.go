package store

import (
	"github.com/cartkeep/cartkeep/internal/personal"
)

// standing says how the rows of a table with sealed values are found, and what
// their values are bound to.
type standing struct {
	// by is the column that names the case; "owner" where a subject has one, and
	// "dossier" where it names the dossier itself. Empty: all rows are of one case.
	by string
	// ours tells that the rows are the shop's own, and no owner leads them.
	ours bool
	// keys are the columns that with owner and case tell one row.
	keys []string
	// row is SQL for the row's name in [seal.Place].
	row string
}

// standings lists the tables that the register seals values in.
func standings() map[string]standing {
	one := func(by string) standing { return standing{by: by, row: by} }
	more := func(by string) standing { return standing{by: by, keys: []string{"id"}, row: "id"} }
	return map[string]standing{
		"cart_details":    one("owner"),
		"order_details":   one("order_id"),
		"wishes":          one("owner"),
		"payments":        more("order_id"),
		"outbox":          more("dossier"),
		"card_letters":    more("order_id"),
		"account_details": one("owner"),
		"staff_details": {by: "owner", // see Account.row
			row: `(SELECT a.owner || '/' || a.role || '/' || a.state FROM accounts a WHERE a.owner = staff_details.owner)`},
		"addresses":  more("owner"),
		"kept_cards": {by: "owner", keys: []string{"provider"}, row: `owner || '/' || provider`}, // see KeptCards.row
		"factors":    more("owner"),
		"sessions":   more("owner"),
		"letters":    more("owner"),
		"devices":    {by: "owner", keys: []string{"id"}, row: `id || '/' || CAST(trusted_until AS TEXT)`}, // see deviceRow
		"changes": {by: "owner", keys: []string{"id"}, // see Change.row
			row: `id || '/' || kind || '/' || object || '/' || CAST(due_at AS TEXT) || '/' || CAST(ends_at AS TEXT)`},
		"signups":         one("owner"),
		"invites":         one("owner"),
		"legal_holds":     {by: "id", keys: []string{"dossier"}, row: `id || '/' || dossier`}, // see holdRow
		"openings":        one("id"),
		"cards_to_forget": one("id"),
		"requests":        one("owner"),

		"secrets": {by: "name", ours: true, keys: []string{"version"}, row: "name"},
		"file_chunks": {by: "file", ours: true, keys: []string{"n"}, // see chunkPlace
			row: `file || '/' || CAST(n AS TEXT) || CASE WHEN n + 1 = (SELECT f.chunks FROM files f WHERE f.id = file_chunks.file) THEN '/last' ELSE '/more' END`},
		"limit_keys": {ours: true, keys: []string{"day"}, row: `CAST(day AS TEXT)`}, // see dayPlace; under the token's dossier
		"hold_keys":  {ours: true, keys: []string{"day"}, row: `CAST(day AS TEXT)`},
		"licences":   {ours: true, keys: []string{"variant", "id"}, row: `variant || '/' || id`},
	}
}

// sealedFields lists, by table, the fields that the register seals for a purpose,
// in the order of their declaration.
func sealedFields(p personal.Purpose) map[string][]personal.Field {
	out := map[string][]personal.Field{}
	for _, f := range personal.All() {
		if f.Kind == personal.Sealed && f.Purpose == p {
			out[f.Table] = append(out[f.Table], f)
		}
	}
	return out
}
