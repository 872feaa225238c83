package abuse

// Counted goods that are held for an unpaid order are out of reach for everybody
// else, and holding costs nothing. So who holds without paying gets a share:
//
//	left              1  2  3  4  5  10  50
//	a buyer's         1  2  3  3  3   5  25   half, rounded up
//	a source's        1  2  3  3  3   7  37   three quarters, rounded down
//
// The last three may go to one: somebody who wants two of them is no hoarder. From
// four on, one stays for others at least.
//
// A buyer is a mailbox or an account. A source is a neighbourhood, whose people
// each have a share of their own, so its share is the larger one, and it empties
// as they pay: what is paid counts for nobody. Where it is full, customers who
// are signed in still get one each, or a machine would keep out its neighbours.

// Held is what is held of one variant and not paid, with what is asked for now.
type Held struct {
	Left   int64 // in stock, held or not
	Buyer  int64 // by this mailbox or this account, whichever has more
	Source int64 // by this network
}

// Hoards reports that too much would be held. known says that a signed-in
// customer asks.
func (h Held) Hoards(known bool) bool {
	if h.Buyer > BuyerShare(h.Left) {
		return true
	}
	return h.Source > SourceShare(h.Left) && !(known && h.Buyer <= 1)
}

// lastOnes is how few the last ones are.
const lastOnes = 3

// BuyerShare is how many of the units left one buyer may hold unpaid.
func BuyerShare(left int64) int64 { return max(min(left, lastOnes), left-left/2) }

// SourceShare is how many of them one source may hold unpaid.
func SourceShare(left int64) int64 { return max(min(left, lastOnes), left/4*3+left%4*3/4) }
