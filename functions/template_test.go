package functions_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"confab/public"
	"confab/shared/app"
	"confab/shared/web"

	"go.yaml.in/yaml/v3"
)

// A template is template.yaml as CloudFormation sees it once its parameters are
// given: conditions decided, resources that they leave out gone. What only AWS
// knows stays as a placeholder.
type template struct {
	tb         testing.TB
	root       map[string]*yaml.Node
	params     map[string]any
	resources  map[string]map[string]any
	outputs    map[string]any
	mentioned  map[string]string   // name → where
	needs      map[string][]string // where → names
	attributes map[string]string   // name.attribute → where
}

// deploy reads template.yaml with the given parameters, the rest by default.
func deploy(tb testing.TB, given map[string]any) *template {
	tb.Helper()
	file, err := os.ReadFile("../template.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(file, &doc); err != nil {
		tb.Fatal(err)
	}
	t := &template{
		tb: tb, root: pairs(doc.Content[0]), params: map[string]any{"AWS::AccountId": "1"},
		resources: map[string]map[string]any{}, mentioned: map[string]string{}, needs: map[string][]string{}, attributes: map[string]string{},
	}
	for name, p := range pairs(t.root["Parameters"]) {
		t.params[name] = t.eval(p, name).(map[string]any)["Default"]
	}
	maps.Copy(t.params, given)
	for name, r := range pairs(t.root["Resources"]) {
		if c := pairs(r)["Condition"]; c == nil || t.holds(c.Value) {
			t.resources[name] = t.eval(r, name).(map[string]any)
		}
	}
	t.eval(t.root["Globals"], "Globals")
	t.outputs = t.eval(t.root["Outputs"], "Outputs").(map[string]any)
	return t
}

func pairs(n *yaml.Node) map[string]*yaml.Node {
	m := map[string]*yaml.Node{}
	for i := 0; n != nil && i+1 < len(n.Content); i += 2 {
		m[n.Content[i].Value] = n.Content[i+1]
	}
	return m
}

func (t *template) holds(condition string) bool {
	c := pairs(t.root["Conditions"])[condition]
	if c == nil {
		t.tb.Fatalf("no condition %s", condition)
	}
	return t.eval(c, condition).(bool)
}

var (
	noValue  = new(int)
	variable = regexp.MustCompile(`\$\{([\w:.]+)\}`)
)

// eval gives what a node comes to; where says which resource it is in.
func (t *template) eval(n *yaml.Node, where string) any {
	var v any
	switch n.Kind {
	case yaml.ScalarNode:
		v = n.Value
	case yaml.SequenceNode:
		if n.Tag == "!If" {
			return t.eval(n.Content[map[bool]int{true: 1, false: 2}[t.holds(n.Content[0].Value)]], where)
		}
		list := []any{}
		for _, item := range n.Content {
			if item := t.eval(item, where); item != noValue {
				list = append(list, item)
			}
		}
		v = list
	case yaml.MappingNode:
		m := map[string]any{}
		for key, value := range pairs(n) {
			if value := t.eval(value, where); value != noValue {
				m[key] = value
			}
		}
		v = m
	}
	return t.call(n.Tag, v, where)
}

// call applies an intrinsic function to its evaluated argument.
func (t *template) call(tag string, v any, where string) any {
	switch tag {
	case "!Ref":
		if p, ok := t.params[v.(string)]; ok {
			return p
		}
		if v == "AWS::NoValue" {
			return noValue
		}
		t.mention(v.(string), where)
		return "<" + v.(string) + ">"
	case "!GetAtt":
		t.mention(v.(string), where)
		return "<" + v.(string) + ">"
	case "!Sub":
		for _, m := range variable.FindAllStringSubmatch(v.(string), -1) {
			t.mention(m[1], where)
		}
		return v
	case "!Equals":
		return fmt.Sprint(v.([]any)[0]) == fmt.Sprint(v.([]any)[1])
	case "!Not":
		return !v.([]any)[0].(bool)
	case "!And":
		return !slices.Contains(v.([]any), any(false))
	case "!Or":
		return slices.Contains(v.([]any), any(true))
	case "!Condition":
		return t.holds(v.(string))
	case "!GetAZs":
		return []any{"<zone a>", "<zone b>"}
	case "!Select":
		i, _ := strconv.Atoi(v.([]any)[0].(string))
		return at(v, 1, i)
	case "!!str", "!!seq", "!!map", "!!int", "!!bool", "!!float", "!!null":
		return v
	}
	t.tb.Fatalf("%s: unknown intrinsic %s", where, tag)
	return nil
}

// mention notes what is asked of a resource: its name, or one of its attributes.
func (t *template) mention(what, where string) {
	name, _, attribute := strings.Cut(what, ".")
	t.mentioned[name] = where
	t.needs[where] = append(t.needs[where], name)
	if attribute {
		t.attributes[what] = where
	}
}

// at walks to a value: keys of maps and indices of lists.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			l, _ := v.([]any)
			if step >= len(l) {
				return nil
			}
			v = l[step]
		}
	}
	return v
}

// ways are all ways to deploy that the conditions tell apart.
func ways() (all []map[string]any) {
	for _, backend := range []string{"function", "container"} {
		for _, redis := range []string{"", "rediss://elsewhere:6379"} {
			for _, some := range []string{"", "some"} {
				for _, account := range []string{"1", "123456789012"} {
					all = append(all, map[string]any{
						"StreamBackend": backend, "RedisUrl": redis, "SessionKeysVersion": some, "AlarmEmail": some,
						"StreamImage": "image", "MaxListeners": strconv.Itoa(len(some)), "PublicOrigin": some, "AWS::AccountId": account,
					})
				}
			}
		}
	}
	return all
}

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
func TestTemplateGoesRoundInNoCircle(t *testing.T) {
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
		"Guests": "none", "History": "50", "Retention": "720h", "Durability": "replicas:2",
	}
	d := deploy(t, given)
	container := map[string]any{}
	for _, v := range listOf(at(d.resources["Task"], "Properties", "ContainerDefinitions", 0, "Environment")) {
		container[at(v, "Name").(string)] = at(v, "Value")
	}
	functions := mapOf(at(d.eval(d.root["Globals"], "Globals"), "Function", "Environment", "Variables"))
	for variable, parameter := range map[string]string{"GUESTS": "Guests", "HISTORY": "History", "RETENTION": "Retention", "DURABILITY": "Durability"} {
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

func mapOf(v any) map[string]any { m, _ := v.(map[string]any); return m }
func listOf(v any) []any         { l, _ := v.([]any); return l }

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
		alarmed[fmt.Sprint(at(p, "MetricName"), " ", at(p, "Dimensions", 0, "Value"))] = true
	}
	for _, want := range []string{"Errors <LoginFunction>", "Errors <PostFunction>", "Errors <StreamFunction>", "Throttles <StreamFunction>"} {
		if !alarmed[want] {
			t.Errorf("no alarm on %s", want)
		}
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

// routes are the patterns that web puts on a mux, by the function that serves
// them, read from its source: a mux does not tell.
func routes(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("../shared/web/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			set, ok := d.(*ast.FuncDecl)
			if !ok || set.Recv != nil || !slices.Contains([]string{"Login", "Post", "Stream"}, set.Name.Name) {
				continue
			}
			ast.Inspect(set, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if f, ok := call.Fun.(*ast.SelectorExpr); !ok || f.Sel.Name != "Handle" && f.Sel.Name != "HandleFunc" {
					return true
				}
				pattern, ok := call.Args[0].(*ast.BasicLit)
				if !ok {
					t.Fatalf("%s: a pattern of %s is no literal, so that nothing can be said of it", name, set.Name.Name)
				}
				text, _ := strconv.Unquote(pattern.Value)
				found[set.Name.Name] = append(found[set.Name.Name], text)
				return true
			})
		}
	}
	return found
}

var (
	segment = regexp.MustCompile(`\{[^}+]*\}`)
	rest    = regexp.MustCompile(`\{[^}]*\+\}`)
)

// answers says which function API Gateway gives a request to: that of the most
// specific path, if it has the method.
func (t *template) answers(method, path string) string {
	best, function := "", ""
	for name, r := range t.resources {
		for _, event := range mapOf(at(r, "Properties", "Events")) {
			p, m := at(event, "Properties", "Path").(string), at(event, "Properties", "Method")
			pattern := "^" + segment.ReplaceAllString(rest.ReplaceAllString(p, ".+"), "[^/]+") + "$"
			// A wildcard sorts after all that a path is made of.
			weight := rest.ReplaceAllString(segment.ReplaceAllString(p, "~"), "~~")
			if !regexp.MustCompile(pattern).MatchString(path) || best != "" && weight > best {
				continue
			}
			if weight != best {
				best, function = weight, ""
			}
			if m == method || m == "ANY" {
				function = name
			}
		}
	}
	return function
}

// passes says where CloudFront takes a path, and by which methods.
func (t *template) passes(path string) (origin string, methods []any) {
	config := at(t.resources["Cdn"], "Properties", "DistributionConfig")
	for _, b := range listOf(at(config, "CacheBehaviors")) {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(at(b, "PathPattern").(string)), `\*`, ".*")
		if regexp.MustCompile("^" + pattern + "$").MatchString(path) {
			return at(b, "TargetOriginId").(string), listOf(at(b, "AllowedMethods"))
		}
	}
	return at(config, "DefaultCacheBehavior", "TargetOriginId").(string), nil
}

// An error that CloudFront keeps is told to everybody who asks for the same
// path: its key has no cookie and no query.
func TestTemplateHasNoTroubleKeptAtTheEdge(t *testing.T) {
	kept := map[string]any{"500": "10", "502": "10", "503": "10", "504": "10"} // seconds, by default, whatever Cache-Control says
	for _, e := range listOf(at(deploy(t, nil).resources["Cdn"], "Properties", "DistributionConfig", "CustomErrorResponses")) {
		kept[at(e, "ErrorCode").(string)] = at(e, "ErrorCachingMinTTL")
	}
	for status, seconds := range kept {
		if seconds != "0" {
			t.Errorf("CloudFront keeps a %s for %v s", status, seconds)
		}
	}
}

// live are the routes that may stream. What else is read, the post function
// reads, beside which no listener stands.
var live = []string{"GET /stream", "GET /subscribe", "GET /event_stream", "GET /r/{room}"}

func TestTemplateHasEveryRouteWhereItIsServed(t *testing.T) {
	function, container := deploy(t, nil), deploy(t, map[string]any{"StreamBackend": "container", "StreamImage": "image"})
	all := routes(t)
	if len(all["Login"]) < 3 || len(all["Post"]) < 7 || len(all["Stream"]) < 4 {
		t.Fatalf("routes are not found: %v", all)
	}
	for set, patterns := range all {
		for _, pattern := range patterns {
			method, path, _ := strings.Cut(pattern, " ")
			path = segment.ReplaceAllString(path, "x")
			got := function.answers(method, path)
			if quick := set == "Stream" && !slices.Contains(live, pattern); got != set+"Function" && !(quick && got == "PostFunction") {
				t.Errorf("%s is answered by %q, want %sFunction", pattern, got, set)
			}
			if origin, methods := function.passes(path); origin != "api" || !slices.Contains(methods, any(method)) {
				t.Errorf("%s: CloudFront takes it to %s by %v", pattern, origin, methods)
			}
			if origin, _ := container.passes(path); set == "Stream" && origin != "container" {
				t.Errorf("%s: CloudFront takes it to %s, want the container", pattern, origin)
			}
		}
	}
	for _, path := range []string{"/", "/index.html", "/css/base.css", "/js/room/room.js", "/sw.js", "/manifest.webmanifest", "/openapi.json"} {
		if origin, _ := function.passes(path); origin != "site" {
			t.Errorf("%s: CloudFront takes it to %s, want the site", path, origin)
		}
	}
}

// What API Gateway gives to a function, the function serves.
func TestTemplateSendsNothingWhereNobodyAnswers(t *testing.T) {
	all := routes(t)
	serves := map[string][]string{ // as the functions' mains put them together
		"LoginFunction":  slices.Concat(all["Login"], []string{"GET /{$}"}),
		"PostFunction":   slices.Concat(all["Post"], all["Stream"]),
		"StreamFunction": slices.Concat(all["Post"], all["Stream"]),
	}
	for name, r := range deploy(t, nil).resources {
		mux := http.NewServeMux()
		for _, pattern := range serves[name] {
			mux.Handle(pattern, http.NotFoundHandler())
		}
		for _, event := range mapOf(at(r, "Properties", "Events")) {
			path := segment.ReplaceAllString(at(event, "Properties", "Path").(string), "x")
			methods := []string{at(event, "Properties", "Method").(string)}
			if methods[0] == "ANY" {
				methods = []string{"GET", "POST"}
			}
			answered := false
			for _, method := range methods {
				for _, below := range []string{"x", "people", "typing", "x/reactions/x"} {
					_, pattern := mux.Handler(httptest.NewRequest(method, rest.ReplaceAllString(path, below), nil))
					answered = answered || pattern != ""
				}
			}
			if !answered {
				t.Errorf("%s gets %v %s, and serves no such route", name, methods, path)
			}
		}
	}
}

func TestTemplateKeepsBrowsersAsSafeAsTheServerDoes(t *testing.T) {
	server, err := web.New(web.Config{Site: public.Files, Origin: "https://chat.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	server.Handler(web.Site).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	policy := at(deploy(t, nil).resources["SiteHeaders"], "Properties", "ResponseHeadersPolicyConfig")
	security := at(policy, "SecurityHeadersConfig")
	sent := map[string]any{
		"Content-Security-Policy":   at(security, "ContentSecurityPolicy", "ContentSecurityPolicy"),
		"Referrer-Policy":           at(security, "ReferrerPolicy", "ReferrerPolicy"),
		"Strict-Transport-Security": fmt.Sprint("max-age=", at(security, "StrictTransportSecurity", "AccessControlMaxAgeSec")),
	}
	if at(security, "ContentTypeOptions", "Override") == "true" {
		sent["X-Content-Type-Options"] = "nosniff"
	}
	for _, h := range listOf(at(policy, "CustomHeadersConfig", "Items")) {
		sent[at(h, "Header").(string)] = at(h, "Value")
	}
	for _, name := range []string{
		"Content-Security-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy",
		"Permissions-Policy", "Referrer-Policy", "Strict-Transport-Security", "X-Content-Type-Options",
	} {
		if want := w.Header().Get(name); want == "" || sent[name] != want {
			t.Errorf("%s: the site has %v, the server %q", name, sent[name], want)
		}
	}
}
