package web

import (
	"context"
	"fmt"
	"net/http"

	"confab/shared/chat"
)

// Health are the routes for a monitor of the process.
func Health(s *Server, mux *http.ServeMux) {
	mux.Handle("GET /healthz", s.wrap(s.healthz))
	mux.Handle("GET /readyz", s.wrap(s.readyz))
}

// Drain has readyz answer that this server is shutting down, before the streams
// end, and stops announcing presence.
func (s *Server) Drain() {
	s.draining.Store(true)
	s.presence.Close()
	s.users.close()
}

// Wait returns when every WebSocket has closed, or ctx ends: net/http's
// Shutdown does not know of them.
func (s *Server) Wait(ctx context.Context) {
	ctx, all := context.WithCancel(ctx)
	go func() {
		s.sockets.Wait()
		all()
	}()
	<-ctx.Done()
}

// healthz answers that the process runs.
func (s *Server) healthz(w http.ResponseWriter, r *http.Request) error {
	return answer(w, http.StatusOK, health{"ok"})
}

// readyz answers whether a message posted here reaches the readers here.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) error {
	if s.draining.Load() {
		return fmt.Errorf("%w: this server is shutting down", chat.ErrUnavailable)
	}
	if err := s.gate.rooms.Ready(r.Context()); err != nil {
		return err
	}
	return answer(w, http.StatusOK, health{"ready"})
}
