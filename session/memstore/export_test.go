package memstore

import "github.com/evenkeel/evenkeel/session"

// SetFormat overwrites the format number of a stored record.
func (s *Store) SetFormat(key session.Key, format int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := *s.record(key)
	next.Format = format
	s.put(key, &next)
}

// Principals is how many principals the store knows.
func (s *Store) Principals() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.owned)
}
