package app

import (
	"fmt"

	"github.com/cartkeep/cartkeep/internal/breach"
)

// breaches are the lists of stolen passwords that the operator has set up; none
// is needed.
func (s *server) breaches() (breach.All, error) {
	var all breach.All
	if s.settings.BreachedList != "" {
		l, err := breach.OpenList(s.settings.BreachedList)
		if err != nil {
			return nil, fmt.Errorf("breached-list: %w", err)
		}
		s.list = l
		all = append(all, l)
	}
	if s.settings.BreachedService != "" {
		r, err := breach.NewRange(s.settings.BreachedService, nil)
		if err != nil {
			return nil, fmt.Errorf("breached-service: %w", err)
		}
		all = append(all, r)
	}
	return all, nil
}
