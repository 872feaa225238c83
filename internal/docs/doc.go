// Package docs keeps the documents true.
//
// It holds tests alone. Those named TestDocs… compare a document, or the part
// of it that comes from code, with what the code says now, and write it when
// CARTKEEP_UPDATE=1 is set (make docs). The others read the source: which
// package imports which (rings_test.go), that nothing switches protection off,
// that every package says what it knows and every dependency why it is here
// (source_test.go), and that documents name only what exists (links_test.go).
//
// It knows the whole program, so nothing of the product imports it.
package docs
