//go:build !race

package process

const Race = false
