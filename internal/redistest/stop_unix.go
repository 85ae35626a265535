//go:build unix

package redistest

import "syscall"

// Stop sends SIGSTOP and returns when the server stands still: its connections
// stay open, new ones are accepted by the kernel, and nothing is answered.
func (s *Server) Stop() {
	s.Signal(syscall.SIGSTOP)
	await(s.t, s.Addr+" stops", func() error { return stopped(s.Pid()) })
}

// Cont lets a stopped server go on; it executes what has been sent to it
// meanwhile.
func (s *Server) Cont() { s.Signal(syscall.SIGCONT) }
