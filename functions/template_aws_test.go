package functions_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"confab/shared/testenv"
)

// AWS's own description of its resources, as its CDK is made from, by npm.
const (
	awsSpec    = "@aws-cdk/aws-service-spec"
	awsVersion = "0.1.216"
)

// Newer than its words on AWS::Serverless are a function's log (SAM, November
// 2023) and what an event says of streaming (November 2025).
var newer = []string{"LoggingConfig", "ResponseTransferMode", "TimeoutInMillis"}

// spec says of each type of resource what it takes and what it tells.
type spec struct {
	resources, types map[string]described
}

type described struct {
	ID         string `json:"$id"`
	Name       string `json:"cloudFormationType"`
	Properties map[string]struct {
		Type     kind
		Required bool
	}
	Attributes map[string]any
}

// A kind is the type of a value: a plain one, or one made of others.
type kind struct {
	Type      string
	Element   *kind  // of an array or a map
	Types     []kind // of a union
	Reference struct {
		ID string `json:"$ref"`
	} // to a described
}

func readSpec(t *testing.T) spec {
	t.Helper()
	testenv.Need(t, "npm")
	dir := t.TempDir()
	if out, err := exec.Command("npm", "pack", "--silent", "--pack-destination", dir, awsSpec+"@"+awsVersion).CombinedOutput(); err != nil {
		t.Fatalf("npm pack %s: %v\n%s", awsSpec, err, out)
	}
	packed, _ := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if out, err := exec.Command("tar", append([]string{"-C", dir, "-xzf"}, packed...)...).CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	file, err := os.Open(filepath.Join(dir, "package", "db.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var db struct {
		Schema struct {
			Resource, TypeDefinition struct{ Entities []described }
		}
	}
	if err := json.NewDecoder(z).Decode(&db); err != nil {
		t.Fatal(err)
	}
	s := spec{resources: map[string]described{}, types: map[string]described{}}
	for _, r := range db.Schema.Resource.Entities {
		s.resources[r.Name] = r
	}
	for _, d := range db.Schema.TypeDefinition.Entities {
		s.types[d.ID] = d
	}
	return s
}

// faults are what is wrong with v as one of k.
func (s spec) faults(v any, k kind, at string) (found []string) {
	text, fits := v.(string)
	if strings.HasPrefix(text, "<") {
		return nil // it is known when it is deployed
	}
	switch k.Type {
	case "string", "tag", "json":
		fits = fits || k.Type != "string"
	case "number", "integer":
		_, err := strconv.ParseFloat(text, 64)
		fits = err == nil
	case "boolean":
		fits = text == "true" || text == "false"
	case "array":
		_, fits = v.([]any)
		for i, item := range listOf(v) {
			found = append(found, s.faults(item, *k.Element, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case "map":
		_, fits = v.(map[string]any)
		for name, item := range mapOf(v) {
			found = append(found, s.faults(item, *k.Element, at+"."+name)...)
		}
	case "ref":
		return s.misfits(v, s.types[k.Reference.ID], at)
	case "union":
		for _, one := range k.Types {
			if found = s.faults(v, one, at); len(found) == 0 {
				break
			}
		}
		return found
	default:
		return []string{at + ": AWS has a new kind of type, " + k.Type}
	}
	if !fits {
		found = append(found, fmt.Sprintf("%s: AWS wants %s, here is %v", at, k.Type, v))
	}
	return found
}

// misfits are what is wrong with v's properties.
func (s spec) misfits(v any, d described, at string) (found []string) {
	m, ok := v.(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s: AWS wants properties, here is %v", at, v)}
	}
	for name, value := range m {
		if p, ok := d.Properties[name]; ok {
			found = append(found, s.faults(value, p.Type, at+"."+name)...)
		} else if !slices.Contains(newer, name) {
			found = append(found, at+": AWS knows no "+name)
		}
	}
	for name, p := range d.Properties {
		if _, ok := m[name]; p.Required && !ok {
			found = append(found, at+": AWS wants a "+name)
		}
	}
	return found
}

func TestTemplateSaysNothingThatAWSDoesNotKnow(t *testing.T) {
	s := readSpec(t)
	for _, way := range ways() {
		d := deploy(t, way)
		globals := d.eval(d.root["Globals"], "Globals")
		for name, r := range d.resources {
			known, ok := s.resources[r["Type"].(string)]
			if !ok {
				t.Errorf("%s: AWS knows no %v", name, r["Type"])
				continue
			}
			_, sam, _ := strings.Cut(known.Name, "AWS::Serverless::")
			properties := map[string]any{}
			maps.Copy(properties, mapOf(at(globals, sam)))
			maps.Copy(properties, mapOf(r["Properties"]))
			for _, fault := range s.misfits(properties, known, name) {
				t.Error(fault)
			}
		}
		for asked, where := range d.attributes {
			name, attribute, _ := strings.Cut(asked, ".")
			kind, _ := d.resources[name]["Type"].(string)
			if s.resources[kind].Attributes[attribute] == nil {
				t.Errorf("%s: a %s of AWS has no %s", where, kind, attribute)
			}
		}
	}
	broken := map[string]any{"Engin": "valkey", "ServerlessCacheName": "cache"}
	if found := s.misfits(broken, s.resources["AWS::ElastiCache::ServerlessCache"], "Cache"); len(found) != 2 {
		t.Errorf("of a misspelt property and the one that is missing for it is said %q", found)
	}
}
