package contact

import (
	"slices"
	"strings"
)

// Country is a country or territory of ISO 3166-1 and what its addresses need.
type Country struct {
	Code          string // two capital letters
	Name          string // in English
	CallingCode   string // digits after the plus, such as "49"; shared by some
	PostalName    string // what it is called there: "postcode", "ZIP code", "Eircode"
	PostalExample string // "" where we do not know the form
	PostalForm    string // 9 and N are digits, A is a letter, * either, forms parted by "|"; "" where unknown
	NeedsPostal   bool   // an address without the code is refused
	NoPostalCode  bool   // there is none
	NeedsRegion   bool   // an address without the region is refused
	RegionName    string // "state", "province"…; "region" where nothing better is known
	NoLocality    bool   // an address without a town is fine
}

// Countries returns all of them by name, a fresh slice.
func Countries() []Country {
	all := make([]Country, len(rows))
	for i := range rows {
		all[i] = rows[i].country()
	}
	slices.SortFunc(all, func(a, b Country) int {
		return strings.Compare(sortKey(a.Name), sortKey(b.Name))
	})
	return all
}

// CountryOf returns the country with a code, which may be in small letters.
func CountryOf(code string) (Country, bool) {
	r, ok := rowOf(code)
	if !ok {
		return Country{}, false
	}
	return r.country(), true
}

// sortKey puts Åland among the As.
func sortKey(name string) string {
	return strings.NewReplacer("Å", "A", "ç", "c", "é", "e", "í", "i", "ô", "o", "ã", "a", "ü", "u").Replace(name)
}

func rowOf(code string) (*row, bool) {
	if len(code) != 2 {
		return nil, false
	}
	a, b := code[0]&^0x20, code[1]&^0x20 // to capitals; what is no letter is not found
	if code[0] < 'A' || code[1] < 'A' {
		return nil, false
	}
	i, ok := slices.BinarySearchFunc(rows[:], [2]byte{a, b}, func(r row, c [2]byte) int {
		if r.code[0] != c[0] {
			return int(r.code[0]) - int(c[0])
		}
		return int(r.code[1]) - int(c[1])
	})
	if !ok {
		return nil, false
	}
	return &rows[i], true
}

func (r *row) country() Country {
	return Country{
		Code:          r.code,
		Name:          r.name,
		CallingCode:   r.calling,
		PostalName:    r.postalName(),
		PostalExample: r.example,
		PostalForm:    strings.Trim(r.postal, "?-"),
		NeedsPostal:   r.needsPostal(),
		NoPostalCode:  r.postal == "-",
		NeedsRegion:   r.needsRegion(),
		RegionName:    r.regionName(),
		NoLocality:    r.noLocality(),
	}
}

func (r *row) needsPostal() bool { return r.postal != "" && r.postal[0] != '?' && r.postal[0] != '-' }

func (r *row) needsRegion() bool {
	switch r.code {
	case "US", "CA", "AU", "BR", "IN", "JP", "MX", "CN":
		return true
	}
	return false
}

// noLocality tells the places that are a town themselves.
func (r *row) noLocality() bool {
	switch r.code {
	case "SG", "HK", "MO", "MC", "GI", "VA":
		return true
	}
	return false
}

func (r *row) postalName() string {
	switch r.code {
	case "US", "PR", "VI", "GU", "AS", "MP", "UM", "PH":
		return "ZIP code"
	case "IE":
		return "Eircode"
	case "IN":
		return "PIN code"
	case "CA", "JP", "BR", "MX", "CN", "KR", "SG", "ZA":
		return "postal code"
	}
	return "postcode"
}

func (r *row) regionName() string {
	switch r.code {
	case "US", "BR", "IN", "MX", "MY", "NG", "VE":
		return "state"
	case "AU":
		return "state or territory"
	case "CA":
		return "province or territory"
	case "CN", "IT", "ES", "AR", "TR", "TH", "KR":
		return "province"
	case "JP":
		return "prefecture"
	case "IE", "GB", "RO":
		return "county"
	case "AE":
		return "emirate"
	}
	return "region"
}
