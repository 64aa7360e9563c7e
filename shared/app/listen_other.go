//go:build !linux && !function

package app

import (
	"errors"
	"net"
)

func shut(*net.TCPListener) error { return errors.ErrUnsupported }

func waiting(*net.TCPListener) bool { return false }
