package functions_test

import (
	"archive/zip"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"confab/functions/internal/lambdatest"
)

func TestFunctionsAreSmallAndWakeSoon(t *testing.T) {
	t.Parallel()
	// Lambda counts in MiB. Certificates for Redis (REDIS_TLS_CERT) cost 0.13 MB of it, rooms that belong to somebody
	// as much, and what is asked about rooms, members and lines 0.3. To sign in by a passkey costs the login 2.1 MB, and
	// no time: with it, or without, a process asks for its first event after 13 ms.
	const zipped, mb, login = 5.5e6, 9<<20 + 3<<18, 9<<20 + 3<<18 + 5<<19
	for _, arch := range []string{"arm64", "amd64"} { // make deploy takes ARM; AMD's are a twentieth larger
		dir := t.TempDir()
		if out, err := exec.Command("make", "-C", "..", "functions", "ARCH="+arch, "BUILD="+dir).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, name := range []string{"login", "post", "stream"} {
			b, err := os.ReadFile(filepath.Join(dir, name, "bootstrap"))
			if err != nil {
				t.Fatal(err)
			}
			var archive bytes.Buffer
			z := zip.NewWriter(&archive)
			w, _ := z.Create("bootstrap")
			w.Write(b)
			z.Close()
			t.Logf("%s for %s: %.2f MB, zipped %.2f MB", name, arch, float64(len(b))/1e6, float64(archive.Len())/1e6)
			most := mb
			if name == "login" {
				most = login
			}
			if arch == "amd64" {
				most += most / 20
			}
			if len(b) > most || archive.Len() > zipped {
				t.Errorf("%s for %s: %d bytes, zipped %d", name, arch, len(b), archive.Len())
			}
		}
	}
	c := newCloud(t, lambdatest.REST, lambdatest.RESTStream, startRedis(t).url())
	begin := time.Now()
	newBrowser(t, c, "https://chat").come("ann")
	t.Logf("a cold function's first login, from the start of its process: %v", time.Since(begin).Round(time.Millisecond))
}
