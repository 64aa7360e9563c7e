package functions_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

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

// accepted reports whether CloudFormation takes the parameters, by one of the
// template's rules.
func (t *template) accepted(rule string) bool {
	r := pairs(pairs(t.root["Rules"])[rule])
	if r == nil {
		t.tb.Fatalf("no rule %s", rule)
	}
	if !t.eval(r["RuleCondition"], rule).(bool) {
		return true
	}
	for _, assertion := range listOf(t.eval(r["Assertions"], rule)) {
		if at(assertion, "Assert") != true {
			return false
		}
	}
	return true
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
	case "!Split":
		list := []any{}
		for part := range strings.SplitSeq(fmt.Sprint(at(v, 1)), at(v, 0).(string)) {
			list = append(list, part)
		}
		return append(list, "<part>", "<part>") // of what only AWS knows
	case "!Join":
		var parts []string
		for _, part := range listOf(at(v, 1)) {
			parts = append(parts, fmt.Sprint(part))
		}
		return strings.Join(parts, at(v, 0).(string))
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
						"LoginConcurrency": strconv.Itoa(len(some)), "PostConcurrency": strconv.Itoa(len(some)), "WafRate": strconv.Itoa(len(some)),
						"DomainName": some, "CertificateArn": some, "HostedZoneId": some, "SnapshotArn": some, "AccessLogBucket": some,
					})
				}
			}
		}
	}
	return all
}

func mapOf(v any) map[string]any { m, _ := v.(map[string]any); return m }
func listOf(v any) []any         { l, _ := v.([]any); return l }
