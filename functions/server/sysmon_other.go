//go:build !linux

package main

func quietSysmon() {}
