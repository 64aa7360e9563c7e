package functions_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"confab/shared/app"
)

func TestTemplateMentionsOnlyWhatItMakes(t *testing.T) {
	for _, way := range ways() {
		d := deploy(t, way)
		for name, where := range d.mentioned {
			if _, made := d.resources[name]; !made && !strings.HasPrefix(name, "AWS::") && d.params[name] == nil {
				t.Errorf("%v: %s mentions %s, which is not there", way, where, name)
			}
		}
		for name, r := range d.resources {
			needs, _ := r["DependsOn"].([]any)
			if one, ok := r["DependsOn"].(string); ok {
				needs = []any{one}
			}
			for _, other := range needs {
				if d.resources[other.(string)] == nil {
					t.Errorf("%v: %s depends on %s, which is not there", way, name, other)
				}
			}
		}
	}
}

// CloudFormation refuses what needs itself in the end.
func TestTemplateHasNoCircularReferences(t *testing.T) {
	for _, way := range ways() {
		d := deploy(t, way)
		for name, r := range d.resources {
			if r["Type"] != "AWS::Serverless::Function" {
				continue
			}
			// SAM names each function in the API's body, where its events are then.
			d.needs["Api"] = append(d.needs["Api"], name)
			own := slices.DeleteFunc(d.needs[name], func(n string) bool { return n == "Api" })
			d.needs[name] = append(own, d.needs["Globals"]...)
		}
		done := map[string]bool{}
		var walk func(name string, path []string)
		walk = func(name string, path []string) {
			if slices.Contains(path, name) {
				t.Fatalf("%v: %s needs itself: %v", way, name, append(path, name))
			}
			if done[name] {
				return
			}
			for _, other := range d.needs[name] {
				walk(other, append(path, name))
			}
			done[name] = true
		}
		for name := range d.resources {
			walk(name, nil)
		}
	}
}

func TestTemplateFindsRedis(t *testing.T) {
	for _, tt := range []struct {
		account, url, want string
		vpc                bool
	}{
		{"1", "", "rediss://${Cache.Endpoint.Address}:${Cache.Endpoint.Port}?cluster=true", true},
		{"1", "rediss://elsewhere:6379", "rediss://elsewhere:6379", false},
		{"123456789012", "", "redis://host.docker.internal:6379", true}, // sam local
		{"123456789012", "redis://172.17.0.1:6379", "redis://172.17.0.1:6379", false},
	} {
		d := deploy(t, map[string]any{"RedisUrl": tt.url, "AWS::AccountId": tt.account})
		globals := d.eval(d.root["Globals"], "Globals").(map[string]any)
		if got := at(globals, "Function", "Environment", "Variables", "REDIS_URL"); got != tt.want {
			t.Errorf("account %s, RedisUrl %q: REDIS_URL is %v, want %s", tt.account, tt.url, got, tt.want)
		}
		if got := at(globals, "Function", "VpcConfig") != nil; got != tt.vpc {
			t.Errorf("account %s, RedisUrl %q: in a VPC %t, want %t", tt.account, tt.url, got, tt.vpc)
		}
	}
}

func TestTemplateLetsTheFunctionsKnowCloudFront(t *testing.T) {
	d := deploy(t, nil)
	known := at(d.eval(d.root["Globals"], "Globals"), "Function", "Environment", "Variables", "PROXY_SECRET")
	var sent any
	for _, origin := range listOf(at(d.resources["Cdn"], "Properties", "DistributionConfig", "Origins")) {
		if header := at(origin, "OriginCustomHeaders", 0); at(origin, "Id") == "api" && at(header, "HeaderName") == "X-Proxy-Secret" {
			sent = at(header, "HeaderValue")
		}
	}
	if known == nil || sent != known {
		t.Errorf("CloudFront sends %v, the functions know %v", sent, known)
	}
}

func TestTemplateTellsTheContainerItsOrigin(t *testing.T) {
	for given, want := range map[string]string{"": "https://${Cdn.DomainName}", "https://chat.example.org": "https://chat.example.org"} {
		d := deploy(t, map[string]any{"StreamBackend": "container", "StreamImage": "image", "PublicOrigin": given})
		env := listOf(at(d.resources["Task"], "Properties", "ContainerDefinitions", 0, "Environment"))
		if !slices.ContainsFunc(env, func(v any) bool { return at(v, "Name") == "PUBLIC_ORIGIN" && at(v, "Value") == want }) {
			t.Errorf("PublicOrigin %q: the container has %v", given, env)
		}
	}
}

// Functions and a container on one Redis keep the same, and know what it means.
func TestTemplateTellsBothWaysTheSame(t *testing.T) {
	given := map[string]any{
		"StreamBackend": "container", "StreamImage": "image", "RedisUrl": "rediss://elsewhere:6379",
		"AllowedOrigins": "https://example.org", "Guests": "none", "Operators": "u_ann23456", "History": "50", "Retention": "720h", "Durability": "replicas:2",
	}
	d := deploy(t, given)
	container := map[string]any{}
	for _, v := range listOf(at(d.resources["Task"], "Properties", "ContainerDefinitions", 0, "Environment")) {
		container[at(v, "Name").(string)] = at(v, "Value")
	}
	functions := mapOf(at(d.eval(d.root["Globals"], "Globals"), "Function", "Environment", "Variables"))
	for variable, parameter := range map[string]string{"ALLOWED_ORIGINS": "AllowedOrigins", "GUESTS": "Guests", "OPERATORS": "Operators", "HISTORY": "History", "RETENTION": "Retention", "DURABILITY": "Durability"} {
		if want := given[parameter]; functions[variable] != want || container[variable] != want {
			t.Errorf("%s is %v in the functions and %v in the container, want %v", variable, functions[variable], container[variable], want)
		}
	}
	var known []string
	for f := range reflect.TypeFor[app.Config]().Fields() {
		known = append(known, f.Tag.Get("env"))
	}
	for _, told := range []map[string]any{functions, container} {
		for variable := range told {
			if !slices.Contains(known, variable) {
				t.Errorf("nobody reads %s", variable)
			}
		}
	}
}

// The login function answers what transports there are, whoever reads.
func TestTemplateSaysWhoReads(t *testing.T) {
	for backend, want := range map[string]string{"function": "", "container": "server"} {
		d := deploy(t, map[string]any{"StreamBackend": backend, "StreamImage": "image"})
		if got := at(d.eval(d.root["Globals"], "Globals"), "Function", "Environment", "Variables", "STREAM_MODE"); got != want {
			t.Errorf("StreamBackend=%s: STREAM_MODE is %q, want %q", backend, got, want)
		}
	}
}

// CloudFront's names are one for all regions, and a snapshot's outlives its stack.
func TestTemplateMayBeDeployedTwice(t *testing.T) {
	d := deploy(t, map[string]any{"StreamBackend": "container", "StreamImage": "image"})
	names := map[string]any{
		"the access of the site":  at(d.resources["SiteAccess"], "Properties", "OriginAccessControlConfig", "Name"),
		"the headers of the site": at(d.resources["SiteHeaders"], "Properties", "ResponseHeadersPolicyConfig", "Name"),
		"the headers of files":    at(d.resources["FileHeaders"], "Properties", "ResponseHeadersPolicyConfig", "Name"),
		"the request of the site": at(d.resources["SiteRequest"], "Properties", "OriginRequestPolicyConfig", "Name"),
		"the container's origin":  at(d.resources["StreamOrigin"], "Properties", "VpcOriginEndpointConfig", "Name"),
	}
	for what, name := range names {
		if !strings.Contains(fmt.Sprint(name), "${AWS::Region}") {
			t.Errorf("%s is called %v in every region", what, name)
		}
	}
	if name := fmt.Sprint(at(d.resources["Cache"], "Properties", "FinalSnapshotName")); !strings.HasSuffix(name, "-final-<part>") {
		t.Errorf("the last snapshot is called %s each time", name)
	}
}

func TestTemplateTakesADomain(t *testing.T) {
	d := deploy(t, map[string]any{"StreamBackend": "container", "StreamImage": "image", "DomainName": "chat.example.org", "CertificateArn": "arn:aws:acm:us-east-1:1:certificate/x", "HostedZoneId": "Z1"})
	config := at(d.resources["Cdn"], "Properties", "DistributionConfig")
	if at(config, "Aliases", 0) != "chat.example.org" || at(config, "ViewerCertificate", "AcmCertificateArn") != d.params["CertificateArn"] {
		t.Errorf("CloudFront answers to %v by %v", at(config, "Aliases"), at(config, "ViewerCertificate"))
	}
	for _, name := range []string{"Address4", "Address6"} {
		if at(d.resources[name], "Properties", "AliasTarget", "DNSName") != "<Cdn.DomainName>" {
			t.Errorf("%s points to %v", name, d.resources[name])
		}
	}
	if url := at(d.outputs, "Url", "Value"); url != "https://${DomainName}" {
		t.Errorf("the address is %v", url)
	}
}

// Streams may take all the concurrency of an account; what is reserved is not theirs.
func TestTemplateReservesConcurrency(t *testing.T) {
	for _, tt := range []struct{ parameter, function string }{
		{"LoginConcurrency", "LoginFunction"}, {"PostConcurrency", "PostFunction"}, {"MaxListeners", "StreamFunction"},
	} {
		for given, want := range map[string]any{"0": nil, "20": "20"} {
			d := deploy(t, map[string]any{tt.parameter: given})
			if got := at(d.resources[tt.function], "Properties", "ReservedConcurrentExecutions"); got != want {
				t.Errorf("%s=%s reserves %v for %s", tt.parameter, given, got, tt.function)
			}
		}
	}
}

func TestTemplateStreamsOnlyByTheStreamFunction(t *testing.T) {
	for name, r := range deploy(t, nil).resources {
		for _, event := range mapOf(at(r, "Properties", "Events")) {
			mode, limit := at(event, "Properties", "ResponseTransferMode"), at(event, "Properties", "TimeoutInMillis")
			if streams := mode == "RESPONSE_STREAM" && limit == "900000"; streams != (name == "StreamFunction") {
				t.Errorf("%s: %v", name, event)
			}
		}
	}
}

// An allowance of everything is one of these, which take no narrower resource.
var everywhere = []string{
	"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface",
	"ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses", "ecr:GetAuthorizationToken",
}

func TestTemplateGivesTheLeastRights(t *testing.T) {
	for _, way := range ways() {
		for name, r := range deploy(t, way).resources {
			if at(r, "Properties", "ManagedPolicyArns") != nil || at(r, "Type") == "AWS::Serverless::Function" && at(r, "Properties", "Role") == nil {
				t.Errorf("%s has rights that are not written here", name)
			}
			for _, policy := range listOf(at(r, "Properties", "Policies")) {
				for _, s := range listOf(at(policy, "PolicyDocument", "Statement")) {
					actions := listOf(at(s, "Action"))
					if one, ok := at(s, "Action").(string); ok {
						actions = []any{one}
					}
					for _, action := range actions {
						if strings.Contains(action.(string), "*") || at(s, "Resource") == "*" && !slices.Contains(everywhere, action.(string)) {
							t.Errorf("%s may %s on %v", name, action, at(s, "Resource"))
						}
					}
				}
			}
		}
	}
}

func TestTemplateLogsForATimeAndRaisesAlarms(t *testing.T) {
	d := deploy(t, map[string]any{"AlarmEmail": "ops@example.org"})
	globals := d.eval(d.root["Globals"], "Globals")
	if at(globals, "Function", "LoggingConfig", "LogGroup") != "<Logs>" || at(d.resources["Logs"], "Properties", "RetentionInDays") != "14" {
		t.Error("the functions' log is not kept for LogDays")
	}
	alarmed := map[string]bool{}
	for _, r := range d.resources {
		if r["Type"] != "AWS::CloudWatch::Alarm" {
			continue
		}
		p := r["Properties"]
		if at(p, "AlarmActions", 0) != "<AlarmTopic>" {
			t.Errorf("nobody hears of: %v", at(p, "AlarmDescription"))
		}
		metric := p
		if first := at(p, "Metrics", 0, "MetricStat", "Metric"); first != nil {
			metric = first
		}
		alarmed[fmt.Sprint(at(metric, "MetricName"), " ", at(metric, "Dimensions", 0, "Value"))] = true
	}
	for _, want := range []string{"Errors <LoginFunction>", "Errors <PostFunction>", "Errors <StreamFunction>", "Throttles <StreamFunction>", "ThrottledCmds <Cache>", "BytesUsedForCache <Cache>"} {
		if !alarmed[want] {
			t.Errorf("no alarm on %s", want)
		}
	}
}

// However large the cache may be, it is told of before it is full.
func TestTemplateTellsOfAFullCacheByItsSize(t *testing.T) {
	full := deploy(t, map[string]any{"CacheGB": "20"}).resources["CacheFull"]["Properties"]
	if how, at80 := at(full, "Metrics", 1, "Expression"), at(full, "Threshold"); how != "bytes / (${CacheGB} * 10000000)" || at80 != "80" {
		t.Errorf("it is told of when %v is over %v", how, at80)
	}
}

func TestTemplateTellsWhatTheMakefileAsksFor(t *testing.T) {
	outputs := deploy(t, nil).outputs
	for _, name := range []string{"Url", "SiteBucket", "CdnId"} {
		if at(outputs, name, "Value") == nil {
			t.Errorf("no output %s", name)
		}
	}
}
