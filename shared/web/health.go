package web

import (
	"context"
	"fmt"
	"net/http"

	"confab/shared/chat"
)

// Health are the routes for who watches the process.
func Health(s *Server, mux *http.ServeMux) {
	mux.Handle("GET /healthz", s.wrap(s.healthz))
	mux.Handle("GET /readyz", s.wrap(s.readyz))
}

// Drain has readyz say no, before the streams are ended, and tells nothing
// more of who is here.
func (s *Server) Drain() {
	s.draining.Store(true)
	s.presence.Close()
}

// Wait returns when every WebSocket has said goodbye, or ctx ends: net/http's
// Shutdown does not know of them.
func (s *Server) Wait(ctx context.Context) {
	ctx, all := context.WithCancel(ctx)
	go func() {
		s.sockets.Wait()
		all()
	}()
	<-ctx.Done()
}

// healthz says that the process answers.
func (s *Server) healthz(w http.ResponseWriter, r *http.Request) error {
	return answer(w, http.StatusOK, health{"ok"})
}

// readyz says that a line posted here is heard here.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) error {
	if s.draining.Load() {
		return fmt.Errorf("%w: this server is leaving", chat.ErrUnavailable)
	}
	if err := s.gate.rooms.Ready(r.Context()); err != nil {
		return err
	}
	return answer(w, http.StatusOK, health{"ready"})
}
