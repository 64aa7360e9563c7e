package functions_test

import (
	"net/http"
	"testing"

	"confab/functions/internal/lambdatest"
)

// A page of another site that the operator named may use the functions: its
// browser asks first.
func TestPageOfAnAllowedOriginUsesTheFunctions(t *testing.T) {
	t.Parallel()
	const site = "https://site.example"
	c := newCloud(t, lambdatest.REST, lambdatest.RESTStream, startRedis(t).url(), "ALLOWED_ORIGINS="+site, "STREAM_SECONDS=1")
	for origin, want := range map[string]int{site: http.StatusNoContent, "https://evil.example": http.StatusForbidden} {
		res, body := newBrowser(t, c, "https://chat").do(http.MethodOptions, "/r/lobby", "", "",
			"Origin", origin, "Sec-Fetch-Site", "cross-site", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
		allowed := res.Header.Get("Access-Control-Allow-Origin")
		if res.StatusCode != want || (allowed == origin) != (want == http.StatusNoContent) {
			t.Errorf("%s may: %d %q %s", origin, res.StatusCode, allowed, body)
		}
	}
	res, body := newBrowser(t, c, "https://chat").do(http.MethodGet, "/r/lobby", "", "", "Origin", site, "Accept", jason)
	if res.StatusCode != http.StatusOK || res.Header.Get("Access-Control-Allow-Origin") != site {
		t.Errorf("GET: %d %v %s", res.StatusCode, res.Header, body)
	}
}
