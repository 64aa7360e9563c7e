//go:build !linux

package httpserver

import (
	"errors"
	"net"
)

func dropSYNs(*net.TCPListener) error { return errors.ErrUnsupported }

func waiting(*net.TCPListener) bool { return false }
