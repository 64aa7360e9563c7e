package main_test

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/tracing"
	"github.com/chromedp/chromedp"
)

// The longest that the page may work at once while one scrolls, in time of its
// thread: what else the machine does is not its fault.
const longestTask = 50 * time.Millisecond

func TestLongRoomScrollsSmoothly(t *testing.T) {
	s := start(t, journal(t, longTalk(5000)))
	ann := visit(t, s.URL).join("ann")
	ann.await("the end", `document.querySelector('.lines').lastElementChild?.textContent.includes('line 4999')`)
	ann.run(`(() => {
		window.frames = []
		let last = performance.now()
		const frame = now => { window.frames.push(now - last); last = now; requestAnimationFrame(frame) }
		requestAnimationFrame(frame)
	})()`)
	if !slices.ContainsFunc(make([]int, tries), func(int) bool { return ann.scrolls() <= longestTask }) {
		t.Errorf("the page always worked for more than %s at once", longestTask)
	}
	if first := eval[int](ann, `Number(/line (\d+)/.exec(document.querySelector('.line__text').innerText)[1])`); first > 4800 {
		t.Errorf("the wheel came only to line %d", first)
	}
}

// scrolls turns the wheel for a while, and gives the longest task meanwhile.
func (w *window) scrolls() time.Duration {
	w.tb.Helper()
	w.run(`window.frames.length = 0`)
	trace := w.trace()
	for range 150 {
		send(w, wheel, turn{"mouseWheel", 400, 300, 0, -120})
	}
	tasks := trace()
	frames := eval[[]float64](w, `window.frames`)
	if len(frames) == 0 || len(tasks) == 0 {
		w.tb.Fatalf("%d frames and %d tasks were seen", len(frames), len(tasks))
	}
	slices.Sort(frames)
	longest := slices.Max(tasks)
	w.tb.Logf("%d frames: median %.1f ms, p95 %.1f ms, longest %.1f ms; %d tasks, the longest %s of thread time",
		len(frames), frames[len(frames)/2], frames[len(frames)*95/100], frames[len(frames)-1], len(tasks), longest)
	return longest
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
