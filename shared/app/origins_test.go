package app_test

import (
	"slices"
	"strings"
	"testing"

	"confab/shared/app"
)

func TestAllowedOriginsAreExact(t *testing.T) {
	for value, good := range map[string]bool{
		"": true, "https://www.example.org": true, "https://a.example,http://b.example:8080,capacitor://localhost": true,
		"*": false, "https://*.example.org": false, "https://a.example/": false, "a.example": false, "https://a.example,": false, "https://a.example https://b.example": false,
	} {
		t.Setenv("ALLOWED_ORIGINS", value)
		cfg, err := app.FromEnv()
		if (err == nil) != good || err != nil && !strings.Contains(err.Error(), "ALLOWED_ORIGINS") {
			t.Errorf("%q: %v", value, err)
		}
		if good && value != "" && !slices.Equal(cfg.AllowedOrigins, strings.Split(value, ",")) {
			t.Errorf("%q was read as %q", value, cfg.AllowedOrigins)
		}
	}
}
