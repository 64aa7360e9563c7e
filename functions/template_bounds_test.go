package functions_test

import (
	"fmt"
	"slices"
	"testing"
)

// What everybody may ask of the API together, by parameter.
func TestTemplateThrottlesTheAPI(t *testing.T) {
	for _, tt := range []struct{ given, rate, burst any }{{nil, "1000", "1000"}, {"20", "20", "20"}} {
		given := map[string]any{}
		if tt.given != nil {
			given["ApiRate"], given["ApiBurst"] = tt.given, tt.given
		}
		settings := listOf(at(deploy(t, given).resources["Api"], "Properties", "MethodSettings"))
		if len(settings) != 1 || at(settings[0], "HttpMethod") != "*" || at(settings[0], "ResourcePath") != "/*" ||
			at(settings[0], "ThrottlingRateLimit") != tt.rate || at(settings[0], "ThrottlingBurstLimit") != tt.burst {
			t.Errorf("ApiRate and ApiBurst %v: %v", tt.given, settings)
		}
	}
}

// What one address may ask of CloudFront, by parameter, where CloudFront takes
// a firewall from.
func TestTemplateBlocksAnAddressByParameter(t *testing.T) {
	if d := deploy(t, nil); d.resources["Firewall"] != nil || at(d.resources["Cdn"], "Properties", "DistributionConfig", "WebACLId") != nil {
		t.Error("there is a firewall that nobody asked for, and everybody pays for")
	}
	d := deploy(t, map[string]any{"WafRate": "500"})
	rule := at(d.resources["Firewall"], "Properties", "Rules", 0)
	if at(d.resources["Firewall"], "Properties", "Scope") != "CLOUDFRONT" || at(rule, "Action", "Block") == nil ||
		at(rule, "Statement", "RateBasedStatement", "Limit") != "500" || at(rule, "Statement", "RateBasedStatement", "AggregateKeyType") != "IP" {
		t.Errorf("WafRate=500 blocks by %v", rule)
	}
	if acl := at(d.resources["Cdn"], "Properties", "DistributionConfig", "WebACLId"); acl != "<Firewall.Arn>" {
		t.Errorf("CloudFront asks %v", acl)
	}
	for given, want := range map[string]bool{"us-east-1": true, "eu-central-1": false} {
		d := deploy(t, map[string]any{"WafRate": "500", "AWS::Region": given})
		if ok := d.accepted("WafIsInVirginia"); ok != want {
			t.Errorf("a firewall in %s: %t", given, ok)
		}
	}
}

func TestTemplateLogsAccessByParameter(t *testing.T) {
	for given, want := range map[string]any{"": nil, "logs": "${AccessLogBucket}.s3.amazonaws.com"} {
		log := at(deploy(t, map[string]any{"AccessLogBucket": given}).resources["Cdn"], "Properties", "DistributionConfig", "Logging")
		if got := at(log, "Bucket"); got != want {
			t.Errorf("AccessLogBucket=%q: %v", given, log)
		}
		if log != nil && at(log, "IncludeCookies") != "false" {
			t.Error("the access log holds cookies")
		}
	}
}

// A domain without a certificate, or a zone without a domain, is refused before
// anything is made.
func TestTemplateRefusesHalfADomain(t *testing.T) {
	for _, tt := range []struct {
		rule  string
		given map[string]any
		want  bool
	}{
		{"DomainHasACertificate", map[string]any{}, true},
		{"DomainHasACertificate", map[string]any{"DomainName": "chat.example.org"}, false},
		{"DomainHasACertificate", map[string]any{"DomainName": "chat.example.org", "CertificateArn": "arn"}, true},
		{"ZoneHasADomain", map[string]any{"HostedZoneId": "Z1"}, false},
		{"ZoneHasADomain", map[string]any{"HostedZoneId": "Z1", "DomainName": "chat.example.org"}, true},
		{"ContainerHasAnImage", map[string]any{"StreamBackend": "container"}, false},
		{"ContainerHasAnImage", map[string]any{"StreamBackend": "container", "StreamImage": "image"}, true},
		{"ReplicasAreYours", map[string]any{"Durability": "replicas"}, false},
		{"ReplicasAreYours", map[string]any{"Durability": "replicas", "RedisUrl": "rediss://elsewhere:6379"}, true},
	} {
		if got := deploy(t, tt.given).accepted(tt.rule); got != tt.want {
			t.Errorf("%s of %v is %t", tt.rule, tt.given, got)
		}
	}
}

// The containers are as many and as large as asked for, and their number
// follows what they have to do, slowly down.
func TestTemplateScalesTheContainers(t *testing.T) {
	d := deploy(t, map[string]any{
		"StreamBackend": "container", "StreamImage": "image", "ContainerCount": "3", "ContainerMost": "9",
		"ContainerCpu": "512", "ContainerMemory": "1024", "ContainerConnections": "4000",
	})
	for what, got := range map[string][2]any{
		"count":       {at(d.resources["Service"], "Properties", "DesiredCount"), "3"},
		"least":       {at(d.resources["Scaling"], "Properties", "MinCapacity"), "3"},
		"most":        {at(d.resources["Scaling"], "Properties", "MaxCapacity"), "9"},
		"CPU":         {at(d.resources["Task"], "Properties", "Cpu"), "512"},
		"memory":      {at(d.resources["Task"], "Properties", "Memory"), "1024"},
		"connections": {at(d.resources["ScaleByConnections"], "Properties", "TargetTrackingScalingPolicyConfiguration", "TargetValue"), "4000"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %v, want %v", what, got[0], got[1])
		}
	}
	if got := at(deploy(t, map[string]any{"StreamBackend": "container", "StreamImage": "image"}).resources["Service"], "Properties", "DesiredCount"); got != "2" {
		t.Errorf("%v containers by default", got)
	}
	for _, policy := range []string{"ScaleByCpu", "ScaleByConnections"} {
		config := at(d.resources[policy], "Properties", "TargetTrackingScalingPolicyConfiguration")
		if in, out := fmt.Sprint(at(config, "ScaleInCooldown")), fmt.Sprint(at(config, "ScaleOutCooldown")); in != "600" || out != "60" {
			t.Errorf("%s: one more after %s s, one less after %s s", policy, out, in)
		}
	}
	var alarms []string
	for _, r := range d.resources {
		if r["Type"] == "AWS::CloudWatch::Alarm" {
			alarms = append(alarms, fmt.Sprint(at(r, "Properties", "MetricName")))
		}
	}
	for _, want := range []string{"HealthyHostCount", "CPUUtilization", "ThrottledCmds"} {
		if !slices.Contains(alarms, want) {
			t.Errorf("no alarm on %s", want)
		}
	}
}

// The cache is as large as asked for, and begins with what another left.
func TestTemplateSizesAndRestoresTheCache(t *testing.T) {
	cache := deploy(t, map[string]any{"CacheGB": "20", "CacheECPU": "9000", "SnapshotArn": "arn:of:a:snapshot"}).resources["Cache"]["Properties"]
	if gb, ecpu := at(cache, "CacheUsageLimits", "DataStorage", "Maximum"), at(cache, "CacheUsageLimits", "ECPUPerSecond", "Maximum"); gb != "20" || ecpu != "9000" {
		t.Errorf("the cache may take %v GB and %v ECPU", gb, ecpu)
	}
	if from := at(cache, "SnapshotArnsToRestore", 0); from != "arn:of:a:snapshot" {
		t.Errorf("the cache begins with %v", from)
	}
	if from := at(deploy(t, nil).resources["Cache"], "Properties", "SnapshotArnsToRestore"); from != nil {
		t.Errorf("a new cache begins with %v", from)
	}
}

// What API Gateway says by itself is kept by nobody, and says when to come back
// where it will pass.
func TestTemplateHasNoTroubleOfTheGatewayKept(t *testing.T) {
	responses := mapOf(at(deploy(t, nil).resources["Api"], "Properties", "GatewayResponses"))
	if len(responses) < 3 {
		t.Fatalf("of its own it says %v", responses)
	}
	for name, response := range responses {
		headers := at(response, "ResponseParameters", "Headers")
		if at(headers, "Cache-Control") != "'no-store'" {
			t.Errorf("%s may be kept", name)
		}
		if passing := name != "MISSING_AUTHENTICATION_TOKEN"; passing && at(headers, "Retry-After") == nil {
			t.Errorf("%s does not say when to come back", name)
		}
	}
}
