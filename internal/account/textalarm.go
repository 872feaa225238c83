package account

import (
	"strconv"
	"time"

	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Which bound holds texts back that is more than one account's or number's.
const (
	shutShop    = "shop"    // the day's texts are used up: nobody gets one
	shutNew     = "new"     // half of them are: no new number is proved
	shutRange   = "range"   // of numbers that begin alike enough were texted today
	shutBreaker = "breaker" // too few of the day's codes were typed back
)

// shut says which of them holds a text back; "" for none. The range, half of
// the day and the breaker hold up the proving of numbers alone, as over does.
func shut(b store.TextBudget, lim TextLimits, p challenge.Purpose) string {
	switch {
	case b.Shop >= lim.Shop:
		return shutShop
	case p != challenge.Number:
		return ""
	case b.Codes >= breakAfter && b.Verified*100 < b.Codes*breakVerify:
		return shutBreaker
	case b.Shop >= (lim.Shop+1)/2:
		return shutNew
	case b.Prefix >= lim.Prefix:
		return shutRange
	}
	return ""
}

// alarmTexts tells the owners and the ledger that texts are held back: once for
// each bound and opening. All of them count a day, so what is shut a day later
// is shut by other texts. That it was told outlives a restart.
func (k *Keeper) alarmTexts(t *store.Tx, why string) error {
	words, err := t.SettingWords()
	if err != nil {
		return err
	}
	name := "texts.shut." + why
	last, _ := strconv.ParseInt(words[name], 10, 64) // 0 where there is none
	if t.Now().Sub(time.UnixMilli(last)) < day {
		return nil
	}
	if err := t.Set(name, strconv.FormatInt(t.Now().UnixMilli(), 10)); err != nil {
		return err
	}
	if err := t.Event("alarm.texts", "", "", store.How(why)); err != nil {
		return err
	}
	return k.tellOwners(t, message.TextsShut)
}
