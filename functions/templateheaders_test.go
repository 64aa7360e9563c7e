package functions_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"testing"

	"confab/public"
	"confab/shared/web"
)

// A document and what it is made of have the same headers from CloudFront and
// from the server: no fewer, and no more.
func TestTemplateKeepsBrowsersAsSafeAsTheServerDoes(t *testing.T) {
	server, err := web.New(web.Config{Site: public.Files, Origin: "https://chat.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := fs.Glob(public.Files, "app/main-*.js")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("the page has no script: %v", err)
	}
	resources := deploy(t, nil).resources
	for path, policy := range map[string]string{"/": "SiteHeaders", "/" + scripts[0]: "FileHeaders"} {
		w := httptest.NewRecorder()
		server.Handler(web.Site).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		sent := headersOf(at(resources[policy], "Properties", "ResponseHeadersPolicyConfig"))
		for _, name := range []string{
			"Content-Security-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy",
			"Permissions-Policy", "Referrer-Policy", "Strict-Transport-Security", "X-Content-Type-Options",
		} {
			if want := w.Header().Get(name); sent[name] != want || w.Code != http.StatusOK {
				t.Errorf("%s, %s: the site has %q, the server %q", path, name, sent[name], want)
			}
		}
	}
	if behaviours := listOf(at(resources["Cdn"], "Properties", "DistributionConfig", "CacheBehaviors")); len(behaviours) == 0 || at(behaviours[0], "PathPattern") != "/app/*" {
		t.Error("the files of the page have no headers of their own")
	}
}

// headersOf are the headers that a policy of CloudFront adds.
func headersOf(policy any) map[string]string {
	security := at(policy, "SecurityHeadersConfig")
	sent := map[string]string{"Strict-Transport-Security": fmt.Sprint("max-age=", at(security, "StrictTransportSecurity", "AccessControlMaxAgeSec"))}
	sent["Content-Security-Policy"], _ = at(security, "ContentSecurityPolicy", "ContentSecurityPolicy").(string)
	sent["Referrer-Policy"], _ = at(security, "ReferrerPolicy", "ReferrerPolicy").(string)
	if at(security, "ContentTypeOptions", "Override") == "true" {
		sent["X-Content-Type-Options"] = "nosniff"
	}
	for _, h := range listOf(at(policy, "CustomHeadersConfig", "Items")) {
		sent[at(h, "Header").(string)], _ = at(h, "Value").(string)
	}
	return sent
}
