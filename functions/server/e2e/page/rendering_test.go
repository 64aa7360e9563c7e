package page_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/cdproto/tracing"
	"github.com/chromedp/chromedp"
)

// Work is what a page has done so far. Counts are the same on a slow machine,
// which has fewer frames.
type work struct {
	frames  int
	layouts int
	styles  int           // times that styles were found anew
	busy    time.Duration // of its main thread, waits not counted
}

func (a work) minus(b work) work {
	return work{a.frames - b.frames, a.layouts - b.layouts, a.styles - b.styles, a.busy - b.busy}
}

// counts has the page's work counted, from now on.
func (w *window) counts() (sofar func() work) {
	w.tb.Helper()
	send(w, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks})
	w.run(`(() => {
		window.frames = []
		let last = performance.now()
		const frame = now => { window.frames.push(now - last); last = now; requestAnimationFrame(frame) }
		requestAnimationFrame(frame)
	})()`)
	return func() work {
		w.tb.Helper()
		done := work{frames: eval[int](w, `window.frames.length`)}
		for _, m := range send(w, performance.GetMetrics, cdp.Empty{}).Metrics {
			switch m.Name {
			case "LayoutCount":
				done.layouts = int(m.Value)
			case "RecalcStyleCount":
				done.styles = int(m.Value)
			case "TaskDuration":
				done.busy = time.Duration(m.Value * float64(time.Second))
			}
		}
		return done
	}
}

// drewByFrames checks that the page did not draw for each event, but for each
// frame at most.
func (w *window) drewByFrames(did work, events int) {
	w.tb.Helper()
	w.tb.Logf("%d events in %d frames: %d layouts, %d times styles", events, did.frames, did.layouts, did.styles)
	const few = 10 // by and by, and while it was counted
	// Styles are asked for by the list, by the marks of what is unread and by the button to the newest.
	if did.layouts == 0 || did.layouts > did.frames+few || did.styles > 4*did.frames+few {
		w.tb.Errorf("%d layouts and %d times styles in %d frames", did.layouts, did.styles, did.frames)
	}
}

func TestFloodIsDrawnByFrames(t *testing.T) {
	t.Parallel()
	s := process.Start(t, "POSTS_PER_SECOND=0", "POST_BURST=0")
	ann, bob := visit(t, s.URL).join("ann"), s.Login("bob")
	sofar := ann.counts()
	before := sofar()
	const lines = 600
	flood(s, bob, lines, 5*time.Millisecond)
	ann.drewByFrames(sofar().minus(before), lines)
	ann.await("the end", `document.querySelectorAll('.line').length >= 50 && document.querySelectorAll('.line').length <= 400`)
}

// flood has bob say a line every so often.
func flood(s *process.Server, bob *http.Client, lines int, each time.Duration) {
	tick := time.NewTicker(each)
	defer tick.Stop()
	var wg sync.WaitGroup
	for i := range lines {
		<-tick.C
		wg.Go(func() { s.Post(bob, "lobby", fmt.Sprintf("line %d of many, with some words in it", i), "") })
	}
	wg.Wait()
}

func TestLongRoomScrollsByFrames(t *testing.T) {
	t.Parallel()
	s := process.Start(t, journal(t, longTalk(5000)))
	ann := visit(t, s.URL).join("ann")
	ann.await("the end", `document.querySelector('.lines').lastElementChild?.textContent.includes('line 4999')`)
	sofar := ann.counts()
	before := sofar()
	ann.scrolls()
	ann.drewByFrames(sofar().minus(before), turns)
	if first := eval[int](ann, `Number(/line (\d+)/.exec(document.querySelector('.line__text').innerText)[1])`); first > 4800 {
		t.Errorf("the wheel came only to line %d", first)
	}
}

const turns = 150 // of the wheel

// scrolls turns the wheel for a while.
func (w *window) scrolls() {
	w.tb.Helper()
	for range turns {
		send(w, wheel, turn{"mouseWheel", 400, 300, 0, -120})
	}
}

// BenchmarkEnterToPaint is the time from Enter in one window to the line on
// another, by the one clock of the machine.
func BenchmarkEnterToPaint(b *testing.B) {
	s := process.Start(b, "POSTS_PER_SECOND=0", "POST_BURST=0")
	ann, bob := visit(b, s.URL).join("ann"), visit(b, s.URL).join("bob")
	now := `performance.timeOrigin + performance.now()`
	ann.run(`document.addEventListener('keydown', event => { if (event.key === 'Enter') window.pressed = ` + now + ` }, { capture: true })`)
	// The page draws in a frame; a message that is sent from there comes after its paint.
	bob.run(`(() => {
		const { port1, port2 } = new MessageChannel()
		port1.onmessage = () => { window.painted = ` + now + `; window.shown = document.querySelector('.lines').lastElementChild.textContent }
		new MutationObserver(() => port2.postMessage(0)).observe(document.querySelector('.lines'), { childList: true })
	})()`)
	var took []float64
	for i := 0; b.Loop(); i++ {
		text := fmt.Sprintf("number %d.", i)
		ann.say(text)
		bob.await(text, fmt.Sprintf(`window.shown?.includes(%s)`, quote(text)))
		took = append(took, eval[float64](bob, "window.painted")-eval[float64](ann, "window.pressed"))
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2], "ms-p50")
	b.ReportMetric(took[len(took)*95/100], "ms-p95")
}

// BenchmarkFlood is how busy a page is with 200 lines a second: the share of
// the time in which its main thread works, beside that of the same page when
// nobody speaks.
func BenchmarkFlood(b *testing.B) {
	s := process.Start(b, "POSTS_PER_SECOND=0", "POST_BURST=0")
	ann, bob := visit(b, s.URL).join("ann"), s.Login("bob")
	sofar := ann.counts()
	busy := func(do func()) float64 {
		before, began := sofar(), time.Now()
		do()
		return float64(sofar().minus(before).busy) / float64(time.Since(began))
	}
	const lines, each = 600, 5 * time.Millisecond
	var flooded, silence float64
	rounds := 0
	for b.Loop() {
		silence += busy(func() { time.Sleep(lines * each) })
		flooded += busy(func() { flood(s, bob, lines, each) })
		rounds++
	}
	b.ReportMetric(100*flooded/float64(rounds), "%-busy")
	b.ReportMetric(100*silence/float64(rounds), "%-silent")
}

// BenchmarkScroll is the longest that a page works at once while one scrolls
// up through 5,000 lines, in time of its thread: what else the machine does is
// not its fault.
func BenchmarkScroll(b *testing.B) {
	s := process.Start(b, journal(b, longTalk(5000)))
	ann := visit(b, s.URL).join("ann")
	ann.await("the end", `document.querySelector('.lines').lastElementChild?.textContent.includes('line 4999')`)
	ann.counts()
	var longest []time.Duration
	for b.Loop() {
		tasks := ann.trace()
		ann.scrolls()
		longest = append(longest, slices.Max(tasks()))
	}
	frames := eval[[]float64](ann, `window.frames`)
	slices.Sort(longest)
	slices.Sort(frames)
	b.ReportMetric(float64(longest[len(longest)/2].Microseconds())/1000, "ms-task")
	b.ReportMetric(frames[len(frames)/2], "ms-frame-p50")
	b.ReportMetric(frames[len(frames)*95/100], "ms-frame-p95")
}

// The command as it is; cdproto leaves a deltaX of nothing out, which the
// browser refuses.
var wheel = cdp.Command[turn, cdp.Empty]{Method: "Input.dispatchMouseEvent"}

type turn struct {
	Type   string  `json:"type"`
	X      float64 `json:"x"`
	Y      float64 `json:"y"`
	DeltaX float64 `json:"deltaX"`
	DeltaY float64 `json:"deltaY"`
}

// trace begins to note what the page's threads do; what it returns ends that,
// and gives the time of each task.
func (w *window) trace() func() []time.Duration {
	w.tb.Helper()
	var mu sync.Mutex
	var tasks []time.Duration
	done := make(chan struct{}, 1)
	if err := chromedp.Listen(w.ctx, func(ev any) {
		switch ev := ev.(type) {
		case *tracing.EventDataCollected:
			mu.Lock()
			defer mu.Unlock()
			for _, raw := range ev.Value {
				var e struct {
					Name, Ph string
					TDur     float64
				}
				if json.Unmarshal(raw, &e) == nil && e.Name == "RunTask" && e.Ph == "X" {
					tasks = append(tasks, time.Duration(e.TDur)*time.Microsecond)
				}
			}
		case *tracing.EventTracingComplete:
			select {
			case done <- struct{}{}:
			default:
			}
		}
	}); err != nil {
		w.tb.Fatal(err)
	}
	send(w, tracing.Start, tracing.StartParams{TransferMode: tracing.StartTransferModeReportEvents,
		TraceConfig: &tracing.TraceConfig{IncludedCategories: []string{"disabled-by-default-devtools.timeline"}}})
	return func() []time.Duration {
		w.tb.Helper()
		send(w, tracing.End, cdp.Empty{})
		select {
		case <-done:
		case <-time.After(2 * onScreen):
			w.tb.Fatal("no trace came")
		}
		mu.Lock()
		defer mu.Unlock()
		return tasks
	}
}
