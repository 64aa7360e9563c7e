package page_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A spoken is a line of a room that was there before the server.
type spoken struct {
	ago      time.Duration
	by, text string
	reply    int // the line it answers, counted from 1
}

// journal is a data folder in which these lines were said in the lobby.
func journal(tb testing.TB, lines []spoken) string {
	tb.Helper()
	var b bytes.Buffer
	now := time.Now()
	ids := []string{"0-0"}
	for i, l := range lines {
		id := fmt.Sprintf("%d-%d", now.Add(-l.ago).UnixMilli(), i)
		ev := map[string]any{"room": "lobby", "id": id, "prev": ids[i], "kind": "message", "text": l.text,
			"by": map[string]string{"id": "u_" + strings.ToLower(strings.Fields(l.by)[0]), "name": l.by}}
		if l.reply > 0 {
			ev["reply"] = ids[l.reply]
		}
		line, _ := json.Marshal(ev)
		b.Write(append(line, '\n'))
		ids = append(ids, id)
	}
	dir := tb.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "events.ndjson"), b.Bytes(), 0o600); err != nil {
		tb.Fatal(err)
	}
	return "DATA_DIR=" + dir
}

// longTalk is a room of n lines, the last just said.
func longTalk(n int) []spoken {
	lines := make([]spoken, n)
	for i := range lines {
		lines[i] = spoken{time.Duration(n-i) * time.Second, []string{"ada", "bob", "cat"}[i/3%3], fmt.Sprintf("line %d %s", i, strings.Repeat("word ", i%23)), 0}
	}
	return lines
}
