//go:build race

package process

const Race = true
