//go:build !linux

package bolt_test

func child() bool { return false }
