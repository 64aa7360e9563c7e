// Package rooms_test tests what people in rooms are promised by servers that
// are processes, on a Redis of their own and without one.
package rooms_test

import (
	"os"
	"testing"

	"confab/functions/server/e2e/internal/process"
)

func TestMain(m *testing.M) { os.Exit(process.Main(m)) }
