package session

// View is the record as the request knows it, and what opens it for it.
func (s *Session) View() (*Record, Key, []Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cur.base.Clone(), s.cur.cred.key, s.cur.cred.hashes()
}
