// Package seal protects values at rest. It knows keys, owners and places; it
// does not know what the bytes mean, which fields exist or where rows are kept.
//
// Three layers stand on one another:
//
//	epoch key     a handful in memory, from a [KeyStore]; a new one each month
//	dossier key   one random key for each subject, purpose and case, stored wrapped
//	value         sealed under its dossier, bound to its table, column and row
//
// Destroying an epoch key or a wrap destroys everything below it. That is how
// retention and erasure work, so no key is ever derivable from another layer's
// stored bytes alone.
//
// # Formats
//
// A dossier is in one format: the first byte of its wrap and of each of its values
// says in which. [Format] is an entry of a table; a newer one is one more entry,
// and everything older goes on opening. New dossiers are in the newest. What is in
// an older one is sealed again under a new dossier (package keylife says when,
// store how), so a key never serves two ciphers.
//
// There is one format so far, because nothing speaks for a second yet: wrap keys
// seal one message each and dossier keys few, far from where random nonces of 96
// bits could meet; the wrap commits to its key; the cipher is fast and in the
// standard library. The table is not empty talk: tests hand a second format to
// [Open] and move whole shops into it and through backups.
//
// # Wrap, version 1 (97 bytes)
//
//	0x01 ‖ epoch u32 ‖ commitment 32 ‖ nonce 12 ‖ AES-256-GCM(wrap key, dossier key) 32+16
//
//	wrap key ‖ commitment = HKDF-SHA256(epoch key, no salt,
//	    "cartkeep/wrap/v1" ‖ lp(dossier) ‖ lp(subject) ‖ lp(purpose) ‖ lp(case), 64 bytes)
//	associated data       = the first 5 bytes
//
// Numbers are big-endian; lp(x) is the length of x as u32, then x, so that no
// two owners spell the same bytes. Deriving a key for each owner makes a wrap
// open for that owner only, and lets each wrap key seal so few messages that
// random nonces never come near their limit. The commitment is needed because
// GCM alone lets one ciphertext open under two keys that an attacker chose.
//
// # Value, version 1
//
//	0x01 ‖ dossier id 16 ‖ nonce 12 ‖ AES-256-GCM(value key, len u32 ‖ plain ‖ zeros) n·32+16
//
//	value key       = HKDF-Expand-SHA256(dossier key, "cartkeep/value/v1", 32 bytes)
//	associated data = "cartkeep/value/v1" ‖ lp(table) ‖ lp(column) ‖ lp(row) ‖ the first 17 bytes
//
// A value carries its dossier's id so that the right key can be found and a
// value moved to another person's row is refused rather than read. Length and
// text together are filled with zeros to a multiple of 32, so a ciphertext
// tells a length only in steps.
//
// # What this cannot do
//
// Epoch keys lie in locked pages (package locked) and are overwritten when an epoch
// or the ring ends, dossier keys as soon as they are expanded. On the way from the
// key store an epoch key is on the heap for a moment, and is wiped there; the
// expanded AES keys and the states of HMAC inside the standard library, which are as
// good as the keys, are beyond reach and go when the garbage collector reuses their
// memory. Whoever reads the memory of the running
// program reads what is alive in it.
package seal
