//go:build cloud

package cloud_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var ports atomic.Int32 // of the doubles that there were

// A double of AWS, which makes of a stack what it knows.
func moto(t *testing.T) (env []string) {
	t.Helper()
	port := strconv.Itoa(5000 + int(ports.Add(1)))
	start(t, nil, "moto_server", "-p", port)
	env = []string{
		"AWS_ENDPOINT_URL=http://localhost:" + port, // by this name moto finds the bucket in an address's path
		"AWS_ACCESS_KEY_ID=double", "AWS_SECRET_ACCESS_KEY=double", "AWS_DEFAULT_REGION=us-east-1",
	}
	for late := time.Now().Add(time.Minute); command(t.Context(), env, "aws", "sts", "get-caller-identity").Run() != nil; {
		if time.Now().After(late) {
			t.Fatal("moto does not answer")
		}
	}
	return env
}

func TestTemplateIsCleanToTheLinters(t *testing.T) {
	t.Parallel()
	region := []string{"AWS_DEFAULT_REGION=us-east-1"}
	output(t, region, "sam", "validate", "--lint", "--template", "template.yaml")
	output(t, region, "cfn-lint", "template.yaml")
}

// Each target says in one sentence what is missing, before it builds anything.
func TestTargetsOfTheCloudSayWhatIsMissing(t *testing.T) {
	t.Parallel()
	bare := t.TempDir()
	for _, program := range []string{"bash", "make", "grep", "tail", "dirname", "env", "uname"} {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bare, program)); err != nil {
			t.Fatal(err)
		}
	}
	stranger := []string{"AWS_CONFIG_FILE=/none", "AWS_SHARED_CREDENTIALS_FILE=/none", "AWS_EC2_METADATA_DISABLED=true", "AWS_DEFAULT_REGION=us-east-1"}
	double := moto(t)
	for _, tt := range []struct {
		target, want string
		env          []string
	}{
		{"deploy", "make deploy: the AWS SAM CLI (sam) is missing", []string{"PATH=" + bare}},
		{"site", "make site: the AWS CLI (aws) is missing", []string{"PATH=" + bare}},
		{"image", "make image: docker is missing", []string{"PATH=" + bare}},
		{"deploy", "make deploy: AWS does not know who you are", stranger},
		{"site", "make site: AWS does not know who you are", stranger},
		{"image", "make image: Docker does not answer", []string{"DOCKER_HOST=unix:///none"}},
		{"site", "make site: the stack confab cannot be read, nothing is uploaded", double},
	} {
		out, err := command(t.Context(), tt.env, "make", "--no-print-directory", tt.target).CombinedOutput()
		said := strings.Split(strings.TrimSpace(string(out)), "\n")
		if err == nil || !strings.HasPrefix(said[0], tt.want) || len(said) > 2 { // make itself says that it has failed
			t.Errorf("make %s: %v\n%s\nwant %q", tt.target, err, out, tt.want)
		}
	}
}

// moto knows no CloudFront in a stack, and so gives it no outputs; what make
// deploy does up to then, it does.
func TestDeployMakesAStackThatCanBeDeletedAndMadeAgain(t *testing.T) {
	t.Parallel()
	env := moto(t)
	output(t, env, "aws", "s3", "mb", "s3://code")
	for _, seconds := range []string{"300", "120"} {
		out, _ := command(t.Context(), env, "make", "deploy", "BUCKET=code", "PARAMS=StreamSeconds="+seconds).CombinedOutput()
		if !strings.Contains(string(out), "Successfully created/updated stack - confab") || !strings.Contains(string(out), "no outputs SiteBucket and CdnId") {
			t.Fatalf("make deploy:\n%s", out)
		}
		output(t, env, "aws", "cloudformation", "delete-stack", "--stack-name", "confab")
	}
}

const siteStack = `
Parameters: {Cdn: {Type: String}}
Resources: {Site: {Type: AWS::S3::Bucket, Properties: {BucketName: the-site}}}
Outputs: {SiteBucket: {Value: !Ref Site}, CdnId: {Value: !Ref Cdn}}
`

func TestSiteUploadsThePageAndNothingElse(t *testing.T) {
	t.Parallel()
	env := moto(t)
	file := filepath.Join(t.TempDir(), "stack.yaml")
	if err := os.WriteFile(file, []byte(siteStack), 0o600); err != nil {
		t.Fatal(err)
	}
	cdn := strings.TrimSpace(output(t, env, "aws", "cloudfront", "create-distribution", "--origin-domain-name", "the-site.s3.amazonaws.com", "--query", "Distribution.Id", "--output", "text"))
	output(t, env, "aws", "cloudformation", "create-stack", "--stack-name", "site", "--template-body", "file://"+file, "--parameters", "ParameterKey=Cdn,ParameterValue="+cdn)
	for _, old := range []string{"js/gone.js", "app/of-the-release-before.js"} {
		output(t, env, "aws", "s3api", "put-object", "--bucket", "the-site", "--key", old)
	}
	output(t, env, "make", "site", "STACK=site")
	keys := strings.Fields(output(t, env, "aws", "s3api", "list-objects-v2", "--bucket", "the-site", "--query", "Contents[].Key", "--output", "text"))
	for _, want := range []string{"index.html", "sw.js", "app/of-the-release-before.js", "manifest.webmanifest", "openapi.json", "robots.txt", "icons/icon.svg"} {
		if !slices.Contains(keys, want) {
			t.Errorf("%s is not uploaded", want)
		}
	}
	for _, key := range keys {
		if strings.HasSuffix(key, ".go") || strings.HasPrefix(key, "js/test/") || key == "js/gone.js" || key == "jsconfig.json" || key == "page.html" || key == "js/package.json" {
			t.Errorf("%s is on the site", key)
		}
	}
	head := output(t, env, "aws", "s3api", "head-object", "--bucket", "the-site", "--key", "manifest.webmanifest", "--query", "[ContentType, CacheControl]", "--output", "text")
	if want := "application/manifest+json\tmax-age=0, must-revalidate, s-maxage=31536000"; strings.TrimSpace(head) != want {
		t.Errorf("the manifest is %q, want %q", head, want)
	}
	made := slices.IndexFunc(keys, func(key string) bool { return strings.HasPrefix(key, "app/main-") })
	if made < 0 {
		t.Fatalf("no file of app/ is uploaded: %q", keys)
	}
	head = output(t, env, "aws", "s3api", "head-object", "--bucket", "the-site", "--key", keys[made], "--query", "CacheControl", "--output", "text")
	if want := "public, max-age=31536000, immutable"; strings.TrimSpace(head) != want {
		t.Errorf("%s is %q, want %q", keys[made], head, want)
	}
	if paths := output(t, env, "aws", "cloudfront", "list-invalidations", "--distribution-id", cdn, "--query", "InvalidationList.Items[].Status", "--output", "text"); !strings.Contains(paths, "COMPLETED") {
		t.Errorf("CloudFront forgets nothing: %s", paths)
	}
}
