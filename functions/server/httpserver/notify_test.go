package httpserver

import (
	"log/slog"
	"net"
	"path/filepath"
	"testing"
)

func TestSystemdIsTold(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	ln, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	log := slog.New(slog.DiscardHandler)
	notify("", "READY=1", log)
	notify(socket, "READY=1", log)
	said := make([]byte, 64)
	n, err := ln.Read(said)
	if err != nil || string(said[:n]) != "READY=1" {
		t.Errorf("systemd was told %q, %v", said[:n], err)
	}
}
