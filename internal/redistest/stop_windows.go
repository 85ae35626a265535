package redistest

// Stop and Cont end the test: there are no such signals here, nor does
// proctest start processes.
func (s *Server) Stop() { s.t.Fatal("no SIGSTOP on this system") }

// Cont is the end of Stop.
func (s *Server) Cont() { s.t.Fatal("no SIGCONT on this system") }
