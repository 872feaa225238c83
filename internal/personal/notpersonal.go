package personal

// NotPersonal lists, table by table, the columns that say nothing about any
// person, and why. A whole table is named by the column "*".
func NotPersonal() map[string]map[string]string {
	return map[string]map[string]string{
		"settings":         {"*": "choices of the shop"},
		"texts":            {"*": "what the shop says about itself"},
		"tax_rules":        {"*": "law of a country"},
		"tax_regions":      {"*": "law of a country"},
		"shipping_zones":   {"*": "offer of the shop"},
		"shipping_methods": {"*": "offer of the shop"},
		"shipping_rates":   {"*": "offer of the shop"},
		"codes":            {"*": "offer of the shop"},
		"code_counts":      {"*": "counts of uses"},
		"credits": {
			"id": "a random id", "kind": "what kind of credit it is", "currency": "a currency", "code": "a keyed hash of a gift card's code, which anybody may hold",
			"last": "the last characters of a gift card's code", "source": "why it was issued", "made_at": "when", "ends_at": "an end date", "cancelled_at": "when it was cancelled",
		},
		"credit_sides":        {"credit": "a random id", "side": "a side of the books", "amount": "a sum of money"},
		"credit_entries":      {"credit": "a random id", "act": "a random id", "side": "a side of the books", "doing": "what an act did", "amount": "a sum of money", "at": "when"},
		"credit_holds":        {"credit": "a random id", "ends_at": "an end date"},
		"products":            {"*": "catalogue"},
		"variants":            {"*": "catalogue"},
		"pictures":            {"*": "catalogue"},
		"fetched":             {"*": "catalogue: pictures from other hosts"},
		"renditions":          {"*": "catalogue: pictures as they are sent"},
		"collections":         {"*": "catalogue"},
		"collection_products": {"*": "catalogue"},
		"catalogue":           {"*": "counts of changes to the catalogue"},
		"prices":              {"*": "catalogue: what goods cost before"},
		"old_handles":         {"*": "catalogue: addresses that goods had"},
		"stock":               {"*": "counts of goods"},
		"invoice_series":      {"*": "counts of invoices"},
		"invoices":            {"seller": "who sells"},
		"files":               {"*": "goods: what can be downloaded"},
		"file_chunks":         {"file": "a file that is sold", "n": "the place of a part in it"},
		"licences":            {"variant": "goods", "id": "a random id", "hash": "a keyed hash of a licence key, so that none is in the pool twice", "added_at": "when the shop got it"},
		"abuse_buckets":       {"kind": "what is counted", "empty_at": "until when it counts"},
		"limit_keys":          {"day": "a day"},
		"hold_keys":           {"day": "a day"},
		"restocks":            {"variant": "goods", "quantity": "a count of goods", "at": "when they came back"},
		"holds": {
			"variant": "goods", "quantity": "a count of goods", "expires_at": "an end date", "day": "which day's key names who holds them",
		},
		"secrets": {
			"subject": "the shop's own id", "name": "which secret it is", "version": "a version number",
		},
		"dossiers": {
			"wrap": "a wrapped random key; it opens values, it tells none",
		},
		"retired": {
			"wrap": "a wrapped random key; it opens values, it tells none",
		},
		"erasures": {
			"number": "the place in the journal", "link": "a hash of the journal so far",
		},
		"epochs":     {"*": "what is known of each epoch beside its key: number, mark, times"},
		"index_keys": {"*": "what is known of each key of the blind indexes beside the key: number, times, how far it is filled"},
		"identities": {
			"field": "which index it is", "version": "a version number",
		},
		"directory": {
			"kind": "which directory it is", "version": "a version number",
		},
		"jobs": {
			"id": "a random id", "kind": "what is to be done", "run_at": "when", "lease_until": "a lease",
			"attempts": "a count", "failure": "the kind of the last failure, never its text",
		},
		"turns":          {"*": "names of counters that transactions wait at"},
		"backup_targets": {"*": "where the operator keeps backups, and how the last one went"},
		"page_baselines": {"*": "which scripts and headers the payment pages had when an owner accepted them"},
		"page_visits":    {"*": "what the shop found on its own payment pages"},
		"page_reports":   {"*": "what browsers blocked: origins and shapes of addresses, never whose browser it was"},
		"commits":        {"*": "random ids of transactions, kept for an hour"},
		"events": {
			"id": "a random id", "at": "when", "action": "what kind of act", "salts": "random", "idx": "the place in the tree",
		},
		"leaves": {
			"idx": "the place in the tree", "leaf": "salted commitments, which tell nothing once the salts are gone",
		},
		"tiles":             {"*": "hashes of leaves"},
		"tree":              {"*": "size of the tree"},
		"checkpoints":       {"*": "signed statements about the tree"},
		"branches":          {"*": "signed statements about where the ledger was restored"},
		"schema_migrations": {"*": "which migrations ran"},
	}
}
