package contact

import (
	"strings"
	"unicode"
)

// What people paste around a value is taken away before the value is read,
// where that can't change what they meant. Everything else is for the one who
// typed it to mend. What comes out is shown again before anything is ordered.

// TidyEmail takes away "mailto:", angle brackets with the name before them,
// spaces that no address can have, and a comma or stop at the end. A space
// within a word stays: it might have been a dot.
func TidyEmail(s string) string {
	s = strings.TrimFunc(narrow(s), softSpace)
	if before, rest, ok := strings.Cut(s, "<"); ok && strings.HasSuffix(rest, ">") && strings.Count(rest, "<")+strings.Count(rest, ">") == 1 && !strings.Contains(before, "@") {
		s = strings.TrimSuffix(rest, ">")
	}
	if len(s) > 7 && strings.EqualFold(s[:7], "mailto:") {
		s = s[7:]
	}
	s = strings.TrimFunc(s, func(r rune) bool { return softSpace(r) || r == ',' || r == ';' })
	local, domain, ok := strings.Cut(s, "@")
	if !ok {
		return s
	}
	labels := strings.Split(strings.TrimSuffix(domain, "."), ".")
	for i := range labels {
		labels[i] = strings.TrimFunc(labels[i], softSpace)
	}
	return strings.TrimFunc(local, softSpace) + "@" + strings.Join(labels, ".")
}

// TidyLine takes a comma, a semicolon and spaces away from the end of each
// line, as they are left when an address is copied in pieces.
func TidyLine(s string) string {
	if !strings.ContainsAny(s, ",;，") {
		return s
	}
	lines := strings.Split(lineBreaks.Replace(s), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRightFunc(l, func(r rune) bool { return softSpace(r) || r == ',' || r == ';' || r == '，' })
	}
	return strings.Join(lines, "\n")
}

// TidyPhone takes away "tel:" and what TidyLine does.
func TidyPhone(s string) string {
	s = strings.TrimFunc(TidyLine(s), softSpace)
	if len(s) > 4 && strings.EqualFold(s[:4], "tel:") {
		s = s[4:]
	}
	return s
}

// TidyAddress tidies each part. An address that was pasted into the street
// whole is taken apart, as long as the other fields are empty and its last
// lines read as the country writes them.
func TidyAddress(f AddressFields) AddressFields {
	f.Country = strings.TrimFunc(narrow(f.Country), softSpace)
	f.Street, f.Locality, f.Region, f.PostalCode = TidyLine(f.Street), TidyLine(f.Locality), TidyLine(f.Region), TidyLine(f.PostalCode)
	r, known := rowOf(f.Country)
	if !known || strings.TrimSpace(f.Locality+f.PostalCode+f.Region) != "" {
		return f
	}
	var lines []string
	for l := range strings.SplitSeq(lineBreaks.Replace(f.Street), "\n") {
		if l = collapse(l); l != "" {
			lines = append(lines, l)
		}
	}
	if n := len(lines); n > 1 && (strings.EqualFold(lines[n-1], r.name) || strings.EqualFold(lines[n-1], r.code)) {
		lines = lines[:n-1]
	}
	if parts, rest, ok := r.apart(lines); ok {
		parts.Country, parts.Street = f.Country, strings.Join(rest, "\n")
		return parts
	}
	return f
}

// apart reads town, region and postcode from the end of an address: "10115
// Berlin", "New York, NY 10001", or a town and a postcode on lines of their own.
func (r *row) apart(lines []string) (parts AddressFields, rest []string, ok bool) {
	n := len(lines)
	if n < 2 {
		return parts, lines, false
	}
	last := lines[n-1]
	if code, problem := r.postalCode(last); problem == "" && code != "" && n > 2 && hasDigit(last) {
		return AddressFields{Locality: lines[n-2], PostalCode: code}, lines[:n-2], true
	}
	words := strings.Fields(last)
	for i := 1; i < len(words); i++ {
		before, after := strings.Join(words[:i], " "), strings.Join(words[i:], " ")
		if r.oneCode(before) && !hasDigit(after) {
			return AddressFields{PostalCode: before, Locality: after}, lines[:n-1], true
		}
		if r.oneCode(after) && !hasDigit(before) {
			town := strings.TrimRight(before, ",")
			if !r.needsRegion() {
				return AddressFields{PostalCode: after, Locality: town}, lines[:n-1], true
			}
			at := strings.LastIndexAny(town, " ,")
			if at < 0 {
				return parts, lines, false
			}
			region, known := r.region(strings.TrimSpace(town[at+1:]))
			town = strings.Trim(town[:at], " ,")
			return AddressFields{PostalCode: after, Region: region, Locality: town}, lines[:n-1], known && town != ""
		}
	}
	return parts, lines, false
}

// oneCode reports whether a text is a postcode of a country whose form we know.
func (r *row) oneCode(s string) bool {
	if r.postal == "" || r.postal == "-" || !hasDigit(s) {
		return false
	}
	code, problem := r.postalCode(s)
	return problem == "" && code != ""
}

// NoNumber reports whether the street has no digit in it: a house number may
// have been forgotten. It is a hint and never a reason to refuse, since houses
// have names too.
func (a Address) NoNumber() bool { return !a.IsZero() && !hasDigit(a.Reveal().Street) }

func hasDigit(s string) bool { return strings.IndexFunc(s, unicode.IsDigit) >= 0 }

// softSpace tells the spaces that break no line.
func softSpace(r rune) bool { return isSpace(r) && r != '\n' && r != '\r' && !isBreak(r) && r > 0x1f }

// narrow writes full-width letters, digits and signs, as a Japanese keyboard
// makes them, in the usual width.
func narrow(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0xff01 && r <= 0xff5e {
			return r - 0xfee0
		}
		return r
	}, s)
}
