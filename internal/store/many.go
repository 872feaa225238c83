package store

import "strings"

// many is how many things one statement is about that is written for several: a
// page has one text, however few are in it.
const many = 50

// texts are the arguments of a page of texts. The last stands for those that are
// not there.
func texts[T ~string](page []T) (args []any) {
	for i := range many {
		args = append(args, string(page[min(i, len(page)-1)]))
	}
	return args
}

// cases are the arguments of a page of dossiers, called by subject, case and purpose.
func cases(page []DueDossier) (args []any) {
	for i := range many {
		d := page[min(i, len(page)-1)]
		args = append(args, d.Subject, d.Case, string(d.Purpose))
	}
	return args
}

// ofCases is the condition that a dossier is one of a page of [cases], whose arguments
// come after so many others.
func ofCases(after int) string { return `(subject, case_id, purpose) IN (` + tuples(after, 3) + `)` }

// tuples are the rows of a page of so many arguments each, after those that come
// before it.
func tuples(after, each int) string {
	var values []string
	for i := range many {
		values = append(values, marks(after+each*i, each))
	}
	return `VALUES ` + strings.Join(values, ", ")
}
