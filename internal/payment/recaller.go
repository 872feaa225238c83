package payment

import (
	"context"
	"time"
)

// Recaller is a Provider that can be asked what it has said lately of payments besides
// how they ended: disputes, how those ended, warnings, refunds that did not arrive. A
// call-back about these comes once or for some days, and then never again; whoever was
// away for longer, or was put back from a backup, knows nothing of them. How a session
// ended is not among them: Finder tells that of each.
type Recaller interface {
	// Recall tells what was said since. Asked again it tells the same, under the same ids,
	// so that taking it up twice changes nothing. With an error Recalled holds what was
	// read before that.
	Recall(ctx context.Context, since time.Time) (Recalled, error)
}

// Recalled is what a provider has said lately.
type Recalled struct {
	Notices []Notice // in the order in which it was said
	Unread  int      // about this shop, as it seems, and not of the agreed form
	Left    bool     // there is more than is read at once: of what was said first, some is missing
}
