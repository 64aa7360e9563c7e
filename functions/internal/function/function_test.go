package function_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// What a function must not link is not imported by it: a cold start loads the
// whole binary.
var serverOnly = []string{
	"confab/functions/server", "confab/shared/store/bolt", "confab/shared/web/compress", "confab/shared/web/websocket",
	"github.com/VictoriaMetrics/metrics", "github.com/coder/websocket", "go.etcd.io/bbolt",
	"net/http/pprof",
}

func TestFunctionsDoNotImportWhatOnlyTheServerNeeds(t *testing.T) {
	for name, alsoNot := range map[string][]string{
		"login":  nil,
		"post":   {"confab/shared/account/oidc", "github.com/coreos/go-oidc", "golang.org/x/oauth2", "confab/shared/account/passkey", "confab/shared/account/site", "github.com/go-webauthn/webauthn", "confab/shared/nickname", "golang.org/x/text/secure/precis"},
		"stream": {"confab/shared/account/oidc", "github.com/coreos/go-oidc", "golang.org/x/oauth2", "confab/shared/account/passkey", "confab/shared/account/site", "github.com/go-webauthn/webauthn", "confab/shared/nickname", "golang.org/x/text/secure/precis"},
	} {
		out, err := exec.Command("go", "list", "-deps", "confab/functions/"+name).Output()
		if err != nil {
			t.Fatal(err)
		}
		deps := strings.Fields(string(out))
		if !slices.Contains(deps, "confab/shared/store/redis") {
			t.Errorf("%s: %d packages, and not the store", name, len(deps))
		}
		for _, not := range slices.Concat(serverOnly, alsoNot) {
			if i := slices.IndexFunc(deps, func(dep string) bool { return dep == not || strings.HasPrefix(dep, not+"/") }); i >= 0 {
				t.Errorf("%s imports %s", name, deps[i])
			}
		}
	}
}
