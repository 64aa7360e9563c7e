// Package faults_test breaks everything under load and has a checker compare
// what writers and readers saw.
package faults_test

import (
	"os"
	"testing"

	"confab/functions/server/e2e/internal/process"
)

func TestMain(m *testing.M) {
	code := process.Main(m)
	if tortured() {
		printTable(os.Stdout)
	}
	os.Exit(code)
}
