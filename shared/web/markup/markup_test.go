package markup

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"confab/shared/testenv"
)

// Texts that a person may write, each with its sharp edge.
var written = []string{
	"a **bold** and *thin* ~~gone~~ `co*d*e` & <b>", "2*3*4 and snake_case_name, ** no ** ~ ~~ ~~", "**a *b* c**", "**a *b** c*", "**a\nb**", "****", "``", "`a\nb`", "`` `a`",
	"```go\nx := `1`\n```", "a\n```\nb\n```\nc", "```never", "``````", "```\n```", "```a\n```", "> said **so**\n> twice\nand I", "a > b", ">", "- one\n- *two*\nend", "1. a\n2. b", "0. a", "7) b\n- c", "-1", "2024. was", "    - deep",
	"see https://example.com/a_b_(c), now", "(https://example.com/x)", "https://ex.test/a。好", "（https://ex.test/a）", "https://en.example/Schindler's_List", "www.example.org.", "www.-", "WWW.x.y", "a@b.example, x", "a@b", "a@b.", "a.b+c@d-e.f.g.h", "javascript:alert(1) http:// xhttps://a", "**https://ex.test/a**",
	"hi @ann and @annabel", "你好@小明你怎么看", "@小明さん", "@Kim Larsen", "@kim larsens", "mail@ann", "**@ann**", "@ANN!", "@bob", "👍@ann👍", "",
}

// The pieces that random texts are made of.
var pieces = strings.Split("*|**|~~|~|`|```|\n|\n> |\n- |\n1. |\n12) | |  |a|b_|1|.|,|(|)|!|…|'|\"|<|&|@|@ann|@Kim|@Kim Larsen|小明|@小明|さん|。|（|）|é|İ|👍|http://|https://ex.test/|www.|ex.test|mail@ex.test|\u3000|\u00a0|•|+|-", "|")

// The page's script and the server read a text alike: else a line would look
// otherwise once the script has it.
func TestTextIsReadAsThePageReadsIt(t *testing.T) {
	testenv.Need(t, "node")
	texts := append([]string{}, written...)
	random := rand.New(rand.NewPCG(1, rand.Uint64()))
	for range 5000 {
		var b strings.Builder
		for range random.IntN(14) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		texts = append(texts, b.String())
	}
	others := []string{"Kim", "Kim Larsen", "小明"}
	page := asThePage(t, "ann", others, texts)
	reader, wrong := NewReader("ann", others), 0
	for i, text := range texts {
		if got := reader.HTML(text); got != page[i] && wrong < 10 {
			wrong++
			t.Errorf("%q is\n%s here, and\n%s on the page", text, got, page[i])
		}
	}
}

func asThePage(t *testing.T, me string, others, texts []string) (html []string) {
	t.Helper()
	in, err := json.Marshal(map[string]any{"me": me, "others": others, "texts": texts})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "testdata/html.mjs")
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &html); err != nil || len(html) != len(texts) {
		t.Fatalf("%d texts came back: %v", len(html), err)
	}
	return html
}

func FuzzNothingTypedIsMarkup(f *testing.F) {
	for _, text := range written {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		html := NewReader("ann", nil).HTML(text)
		if strings.Contains(html, "<script") || strings.Contains(strings.ToLower(html), `href="javascript:`) {
			t.Errorf("%q became markup", text)
		}
	})
}
