//go:build !linux

package redis_test

func child() bool { return false }
