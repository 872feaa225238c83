package personal

// NotInBackups lists, table by table, what no backup holds, and why. A whole
// table is named by the column "*". Blind indexes are left out too: the register
// knows them by their kind.
func NotInBackups() map[string]map[string]string {
	const shares = "named under a key of its day, which is in no backup"
	const brief = "lasts minutes, and what has ended since must not come back"
	return map[string]map[string]string{
		"dossiers": {"wrap": "key parts alone hold wraps", "epoch": "a restored shop has epochs of its own",
			"held_until": "counted again from the holds themselves"},
		"retired":           {"wrap": "key parts alone hold wraps", "epoch": "a restored shop has epochs of its own"},
		"identities":        {"*": "blind indexes are computed again from what still opens"},
		"index_keys":        {"*": "a restored shop draws an index key of its own"},
		"epochs":            {"*": "a restored shop has epochs of its own"},
		"commits":           {"*": "ids of transactions that run"},
		"turns":             {"*": "names of counters that transactions wait at"},
		"backup_targets":    {"*": "a restored shop has made no backup yet"},
		"sessions":          {"*": "who signed out since must not be signed in again"},
		"devices":           {"*": "a browser that was forgotten since must not be trusted again"},
		"ceremonies":        {"*": brief},
		"challenges":        {"*": brief},
		"signups":           {"*": brief},
		"throttles":         {"*": "counts of failed tries under a key"},
		"abuse_buckets":     {"*": "counts of the last days"},
		"abuse_tries":       {"*": "counts of the last days"},
		"holds":             {"source": shares, "mailbox": shares, "account": shares, "day": shares},
		"limit_keys":        {"*": "go after two days, and must not come back"},
		"hold_keys":         {"*": "go with the last hold of their day, and must not come back"},
		"texts_sent":        {"*": "counts of the last day"},
		"schema_migrations": {"*": "the manifest says which schema it was"},
	}
}
