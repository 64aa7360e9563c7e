package httpserver

import (
	"log/slog"
	"net"
)

// notify tells systemd how the server is (sd_notify(3)), which then starts what
// waits for it. Without a socket, nothing is told.
func notify(socket, state string, log *slog.Logger) {
	if socket == "" {
		return
	}
	conn, err := net.Dial("unixgram", socket) // Go knows the '@' of an abstract one
	if err == nil {
		defer conn.Close()
		_, err = conn.Write([]byte(state))
	}
	if err != nil {
		log.Error("telling systemd failed", "state", state, "err", err)
	}
}
