package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// readQuery reads the known parameters of the query. Each may stand there once.
func readQuery(r *http.Request, known []parameter) (map[string]string, error) {
	if len(known) == 0 {
		return nil, nil
	}
	sent, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fault.New(fault.Malformed, "The query can't be read.")
	}
	out := make(map[string]string, len(known))
	var found fault.Fields
	for _, p := range known {
		values := sent[p.name]
		if len(values) > 1 {
			return nil, fault.New(fault.Malformed, "The query says "+p.name+" more than once.")
		}
		if len(values) == 0 || values[0] == "" {
			if p.required {
				found.Add(p.name, "This parameter is needed.")
			}
			continue
		}
		value := values[0]
		if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
			return nil, fault.New(fault.Malformed, "The query holds bytes that are no text.")
		}
		switch {
		case p.number[1] > 0:
			n, err := strconv.Atoi(value)
			if err != nil || strconv.Itoa(n) != value || n < p.number[0] || n > p.number[1] { // one spelling: no sign, no leading zeros
				found.Add(p.name, fmt.Sprintf("Expected a whole number from %d to %d.", p.number[0], p.number[1]))
			}
		case utf8.RuneCountInString(value) > p.max:
			found.Add(p.name, fmt.Sprintf("Expected at most %d characters.", p.max))
		}
		out[p.name] = value
	}
	return out, found.Err()
}
