// Package ledger remembers what was done so that nobody can change it unseen.
// It knows actors, events, the tree over them and signed checkpoints. It knows
// no SQL: whoever does not trust the shop's database can check an export with
// this package, or with golang.org/x/mod/sumdb alone.
//
// An event becomes a leaf of a Merkle tree (RFC 6962 hashing). The leaf is what
// is hashed for ever, so nothing personal may stand in it:
//
//	leaf v1 = 0x01 ‖ time i64 (Unix ms) ‖ len(action) u8 ‖ action ‖ 4 × commitment 32
//
//	commitment = HMAC-SHA256(salt 16, "cartkeep/commit/v1/" + part ‖ value)
//	parts      = actor, subject, object, detail, in this order
//
// Numbers are big-endian. Values and salts stand in columns beside the leaf.
// With its salt a value can be proved; once value and salt are destroyed the
// commitment is noise, not even good for guessing, and the tree still stands.
// Later an event may keep only its leaf hash.
//
// The tree is kept in tiles of height 8: tile (level L, number n) holds up to
// 256 hashes of complete subtrees with 256^L leaves each. Everything between
// is computed. A checkpoint (C2SP tlog-checkpoint) names size and root and is
// signed as a signed note; whoever kept one can tell later whether the ledger
// only grew.
//
// Start reading at [Event], then [Tree], then [VerifyExport].
package ledger
