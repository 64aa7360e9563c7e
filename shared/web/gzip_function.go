//go:build function

package web

// compress does nothing: a function has one page, which a cold start would
// compress anew for one reader.
func compress(body []byte) []byte { return body }
