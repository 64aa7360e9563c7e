package public_test

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "make index.html, room.*.json, sw.js and app/ anew")

// TestPageIsMadeFromItsSources holds what a browser gets to the files that it
// was made of. With -update, as `make page` has it, it makes it anew.
func TestPageIsMadeFromItsSources(t *testing.T) {
	want := build(t)
	if *update {
		write(t, want)
		return
	}
	got := map[string][]byte{}
	for _, name := range made(t) {
		body, err := os.ReadFile("." + name)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = body
	}
	if !maps.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("the page is not what its sources make: run `make page`\nit has   %v\nshould be %v",
			slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

// made lists what is there of what is made.
func made(t *testing.T) []string {
	t.Helper()
	names := []string{"/index.html", "/room.en.json", "/room.zh.json", "/sw.js"}
	files, err := os.ReadDir("app")
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, f := range files {
		names = append(names, path.Join("/app", f.Name()))
	}
	return names
}

func write(t *testing.T, files map[string][]byte) {
	t.Helper()
	for _, name := range made(t) {
		if err := os.RemoveAll("." + name); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll("app", 0o777); err != nil {
		t.Fatal(err)
	}
	for name, body := range files {
		if err := os.WriteFile("."+name, body, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}
