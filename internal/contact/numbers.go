package contact

import (
	"slices"
	"strings"
)

// What is known about numbers beyond their country code. It comes from the
// national numbering plans that the regulators publish and the ITU collects
// (ITU-T E.129; for +1 the assignments of NANPA), and it is not complete: plans
// change every month. A number that is missing here is judged by its country
// code alone, and the budgets for texts hold for it as for all.

// shared tells which country a number belongs to where several share a code.
// The longest beginning counts; "" is the rest.
var shared = map[string]map[string]string{
	"7":   {"": "RU", "6": "KZ", "7": "KZ"},
	"39":  {"": "IT", "06698": "VA"},
	"44":  {"": "GB", "1481": "GG", "1534": "JE", "1624": "IM", "7624": "IM", "7524": "IM", "7924": "IM", "7781": "GG", "7839": "GG", "7911": "GG", "7509": "JE", "7797": "JE", "7937": "JE"},
	"47":  {"": "NO", "79": "SJ"},
	"61":  {"": "AU", "89162": "CC", "89164": "CX"},
	"212": {"": "MA", "5288": "EH", "5289": "EH"},
	"262": {"": "RE", "269": "YT", "639": "YT"},
	"358": {"": "FI", "18": "AX"},
	"500": {"": "FK"},
	"590": {"": "GP"},
	"599": {"": "CW", "3": "BQ", "4": "BQ", "7": "BQ"},
	"672": {"": "", "1": "AQ", "3": "NF"},
}

// islands are the area codes of +1 outside the United States and Canada.
var islands = map[string]string{
	"242": "BS", "246": "BB", "264": "AI", "268": "AG", "284": "VG", "340": "VI", "345": "KY", "441": "BM", "473": "GD", "649": "TC", "658": "JM", "664": "MS",
	"670": "MP", "671": "GU", "684": "AS", "721": "SX", "758": "LC", "767": "DM", "784": "VC", "787": "PR", "809": "DO", "829": "DO", "849": "DO", "868": "TT",
	"869": "KN", "876": "JM", "939": "PR",
}

const (
	// inCanada are the area codes of +1 in Canada.
	inCanada = " 204 226 236 249 250 257 263 289 306 343 354 365 367 368 382 387 403 416 418 428 431 437 438 450 460 468 474 506 514 519 548 568 579 581 584 587 " +
		"604 613 639 647 672 683 705 709 742 753 778 780 782 807 819 825 867 873 879 902 905 942 "
	// nowhere are those of no place: premium, free to call, personal, of carriers.
	nowhere = " 500 521 522 523 524 525 526 527 528 529 532 533 535 538 542 543 544 545 546 547 549 550 552 553 554 556 558 566 569 577 578 588 589 600 622 633 644 655 " +
		"677 688 700 710 800 822 833 844 855 866 877 880 881 882 888 889 900 976 "
)

// mobile are the beginnings of numbers of mobile phones, where a plan tells
// them apart; "!" before those within them that are something else.
var mobile = map[string]string{
	"27": "6 7 81 82 83 84", "31": "6", "32": "4", "33": "6 7", "34": "6 7", "36": "20 30 31 50 70", "39": "3", "40": "7", "41": "74 75 76 77 78 79",
	"43": "6", "44": "7 !70 !76 7624", "45": "2 3 4 5 6 7 8 9 !70 !80 !90", "46": "70 72 73 76 79", "47": "4 9", "48": "45 50 51 53 57 60 66 69 72 73 78 79 88",
	"49": "15 16 17 !164 !168 !169", "61": "4", "64": "2", "81": "70 80 90", "82": "1", "90": "5", "91": "6 7 8 9", "351": "9", "352": "6", "353": "83 85 86 87 88 89",
	"354": "6 7 8", "356": "7 9", "357": "9", "358": "4 50", "359": "87 88 89 98 99", "370": "6", "371": "2", "372": "5 81 82 83 84", "380": "39 50 63 66 67 68 73 89 9",
	"385": "9", "386": "30 31 40 41 51 64 65 68 69 70 71", "420": "60 70 72 73 77 79", "421": "9", "423": "6 7", "852": "5 6 7 9", "971": "5", "972": "5",
}

// parts returns the country code and what follows it.
func (p Phone) parts() (calling, national string) {
	return splitCalling(strings.TrimPrefix(p.Reveal(), "+"))
}

// Country returns the country a number belongs to (ISO 3166-1 alpha-2), "" when
// it belongs to none or we do not know.
func (p Phone) Country() string {
	calling, national := p.parts()
	if calling == "" {
		return ""
	}
	if calling == "1" {
		area := national[:3]
		switch {
		case islands[area] != "":
			return islands[area]
		case strings.Contains(nowhere, " "+area+" "):
			return ""
		case strings.Contains(inCanada, " "+area+" "):
			return "CA"
		}
		return "US"
	}
	if within, ok := shared[calling]; ok {
		for n := min(5, len(national)); n > 0; n-- {
			if c, ok := within[national[:n]]; ok {
				return c
			}
		}
		return within[""]
	}
	for i := range rows {
		if rows[i].calling == calling {
			return rows[i].code
		}
	}
	return ""
}

// TakesTexts says whether a text may go to a number: that of a mobile phone
// where the plan tells, and none of a service that costs whoever calls it, of a
// satellite or of the internet, as far as is known here. Codes of no country,
// such as +881 and +979, are no numbers to ParsePhone at all.
func (p Phone) TakesTexts() bool {
	calling, national := p.parts()
	if calling == "" {
		return false
	}
	if calling == "1" {
		return !strings.Contains(nowhere, " "+national[:3]+" ") && national[3:6] != "976"
	}
	if calling == "7" {
		return strings.HasPrefix(national, "9") || strings.HasPrefix(national, "7") // Russia, Kazakhstan
	}
	plan, told := mobile[calling]
	if !told {
		return !slices.ContainsFunc([]string{"80", "90"}, func(costs string) bool { return strings.HasPrefix(national, costs+"0") })
	}
	takes, longest := false, 0
	for beginning := range strings.FieldsSeq(plan) {
		digits := strings.TrimPrefix(beginning, "!")
		if strings.HasPrefix(national, digits) && len(digits) > longest {
			takes, longest = digits == beginning, len(digits)
		}
	}
	return takes
}
