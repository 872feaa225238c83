package contact

import "strings"

// region returns the short name of a state or province in the countries whose
// post asks for it, and any other region as it was typed. It answers false for
// a state that such a country does not have.
func (r *row) region(typed string) (string, bool) {
	list := regions(r.code)
	if list == "" {
		return typed, true
	}
	if len(typed) > 40 {
		return "", false
	}
	for entry := range strings.SplitSeq(list, "|") {
		short, name, _ := strings.Cut(entry, "=")
		if strings.EqualFold(short, typed) || strings.EqualFold(name, typed) || strings.EqualFold(unaccented.Replace(name), typed) {
			return short, true
		}
	}
	return "", false
}

// unaccented lets people leave out accents: Quebec, Sao Paulo.
var unaccented = strings.NewReplacer("é", "e", "á", "a", "ã", "a", "í", "i", "ô", "o")

// shortRegion is an example for a refusal.
func shortRegion(country string) string {
	short, _, _ := strings.Cut(regions(country), "=")
	return short
}

func regions(country string) string {
	switch country {
	case "US":
		return unitedStates
	case "CA":
		return canada
	case "AU":
		return australia
	case "BR":
		return brazil
	}
	return ""
}

// The states by the short names their post uses. United States: the District,
// the territories and the military post included.
const (
	unitedStates = "NY=New York|CA=California|TX=Texas|FL=Florida|" +
		"AL=Alabama|AK=Alaska|AZ=Arizona|AR=Arkansas|CO=Colorado|CT=Connecticut|DE=Delaware|DC=District of Columbia|" +
		"GA=Georgia|HI=Hawaii|ID=Idaho|IL=Illinois|IN=Indiana|IA=Iowa|KS=Kansas|KY=Kentucky|LA=Louisiana|ME=Maine|" +
		"MD=Maryland|MA=Massachusetts|MI=Michigan|MN=Minnesota|MS=Mississippi|MO=Missouri|MT=Montana|NE=Nebraska|" +
		"NV=Nevada|NH=New Hampshire|NJ=New Jersey|NM=New Mexico|NC=North Carolina|ND=North Dakota|OH=Ohio|OK=Oklahoma|" +
		"OR=Oregon|PA=Pennsylvania|RI=Rhode Island|SC=South Carolina|SD=South Dakota|TN=Tennessee|UT=Utah|VT=Vermont|" +
		"VA=Virginia|WA=Washington|WV=West Virginia|WI=Wisconsin|WY=Wyoming|" +
		"AS=American Samoa|GU=Guam|MP=Northern Mariana Islands|PR=Puerto Rico|VI=U.S. Virgin Islands|" +
		"FM=Micronesia|MH=Marshall Islands|PW=Palau|AA=Armed Forces Americas|AE=Armed Forces Europe|AP=Armed Forces Pacific"
	canada = "ON=Ontario|QC=Québec|BC=British Columbia|AB=Alberta|MB=Manitoba|NB=New Brunswick|" +
		"NL=Newfoundland and Labrador|NS=Nova Scotia|NT=Northwest Territories|NU=Nunavut|PE=Prince Edward Island|" +
		"SK=Saskatchewan|YT=Yukon"
	australia = "NSW=New South Wales|VIC=Victoria|QLD=Queensland|ACT=Australian Capital Territory|NT=Northern Territory|" +
		"SA=South Australia|TAS=Tasmania|WA=Western Australia"
	brazil = "SP=São Paulo|RJ=Rio de Janeiro|AC=Acre|AL=Alagoas|AP=Amapá|AM=Amazonas|BA=Bahia|CE=Ceará|" +
		"DF=Distrito Federal|ES=Espírito Santo|GO=Goiás|MA=Maranhão|MT=Mato Grosso|MS=Mato Grosso do Sul|" +
		"MG=Minas Gerais|PA=Pará|PB=Paraíba|PR=Paraná|PE=Pernambuco|PI=Piauí|RN=Rio Grande do Norte|" +
		"RS=Rio Grande do Sul|RO=Rondônia|RR=Roraima|SC=Santa Catarina|SE=Sergipe|TO=Tocantins"
)

// RegionExample is the short name of one region, in the countries whose post asks
// for it; "" elsewhere.
func (c Country) RegionExample() string { return shortRegion(c.Code) }
