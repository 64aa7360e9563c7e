package account

import (
	"strings"

	"github.com/mileusna/useragent"
)

// Device says in a few words what a User-Agent is, as "Firefox on Linux". It is
// empty where that says nothing.
func Device(userAgent string) string {
	ua := useragent.Parse(userAgent)
	words := []string{ua.Name}
	if ua.OS != "" {
		words = append(words, "on", ua.OS)
	}
	return strings.TrimSpace(strings.Join(words, " "))
}
