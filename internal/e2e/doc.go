// Package e2e holds the tests that know nothing of the program but what a
// stranger sees: its command line, its pages, its API and the files it leaves.
//
// They build the binary once and start `cartkeep demo` on free ports, on SQLite
// and on PostgreSQL; they buy by form, by browser and by API; they kill the
// server, steal its folder and search it. Only where a test plays the payment
// provider does it open the shop's own sealed secret, with the key file, as an
// operator could.
//
// There is nothing here but tests. Start reading at shop_test.go.
package e2e
