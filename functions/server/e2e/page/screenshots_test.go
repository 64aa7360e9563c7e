package page_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"confab/functions/server/e2e/internal/process"

	"github.com/chromedp/cdproto/page"
)

// TestScreenshots makes the pictures of the README in the folder SCREENSHOTS.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		t.Skip("make screenshots sets where the pictures go")
	}
	var s *process.Server
	for _, shot := range []struct {
		name, scheme string
		phone        bool
	}{{"light", "light", false}, {"dark", "dark", false}, {"phone-light", "light", true}, {"phone-dark", "dark", true}} {
		s = process.Start(t, journal(t, talk))
		w := visit(t, s.URL)
		w.device(shot.phone, shot.scheme)
		w.join("Iris")
		for _, room := range []string{"kitchen", "garden", "lobby"} {
			w.open(room)
		}
		bob := s.Login("bob")
		for n := range 3 {
			s.Post(bob, "kitchen", fmt.Sprint("soup ", n), "")
		}
		w.await("the unread", `document.querySelector('.place[data-count]')?.dataset.count === '3'`)
		w.say("`make check` is green on my side.")
		w.await("that it was sent", `document.querySelector('.line--mine')?.dataset.id`)
		w.write("Shall I tag it?")
		w.await("the end", `document.querySelectorAll('.day').length >= 2`)
		w.run(`document.querySelector('.log').scrollTo(0, 1e6)`)
		w.picture(filepath.Join(dir, shot.name+".png"))
	}
	login := visit(t, s.URL)
	login.device(false, "light")
	login.await("the login", `document.activeElement?.matches('input[name=user]')`)
	login.picture(filepath.Join(dir, "login.png"))
}

// picture writes what is on the screen as a small PNG.
func (w *window) picture(path string) {
	w.tb.Helper()
	shot := send(w, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	img, err := png.Decode(bytes.NewReader(shot.Data))
	if err != nil {
		w.tb.Fatal(err)
	}
	var b bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	if err := enc.Encode(&b, fewColours(img)); err != nil {
		w.tb.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.tb.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		w.tb.Fatal(err)
	}
}

// fewColours keeps the 256 colours that a picture of text has most of, which
// nobody sees and which halves it.
func fewColours(img image.Image) image.Image {
	area, count := img.Bounds(), map[color.Color]int{}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			count[img.At(x, y)]++
		}
	}
	all := slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return count[b] - count[a] })
	few := image.NewPaletted(area, all[:min(len(all), 256)])
	draw.Draw(few, area, img, area.Min, draw.Src)
	return few
}
