package metrics

import (
	"io"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// parse reads an exposition as Prometheus does.
func parse(tb testing.TB, r io.Reader) map[string]*dto.MetricFamily {
	tb.Helper()
	p := expfmt.NewTextParser(model.LegacyValidation)
	families, err := p.TextToMetricFamilies(r)
	if err != nil {
		tb.Fatal(err)
	}
	return families
}

func TestExpositionIsReadAsItWasMeant(t *testing.T) {
	const odd = "a \"quoted\" \\ back\nslash, {ü}"
	e := new(exposition)
	e.gauge("g", "A gauge.", 0.25)
	e.counter("c_total", "A counter.", 1<<40)
	e.family("l", "gauge", "With labels.")
	e.sample("l", -1, "a", odd, "b", "")
	e.family("h", "histogram", "Times.")
	var took times
	for _, d := range []time.Duration{0, time.Millisecond, time.Millisecond + 1, time.Hour} {
		took.observe(d)
	}
	e.histogram("h", tookBounds[:], took.counts[:], took.sum, "route", "r")

	f := parse(t, e)
	if g := f["g"]; g.GetType() != dto.MetricType_GAUGE || g.GetHelp() != "A gauge." || g.Metric[0].Gauge.GetValue() != 0.25 {
		t.Errorf("the gauge is %v", g)
	}
	if c := f["c_total"]; c.GetType() != dto.MetricType_COUNTER || c.Metric[0].Counter.GetValue() != 1<<40 {
		t.Errorf("the counter is %v", c)
	}
	if l := f["l"].Metric[0]; l.Label[0].GetValue() != odd || l.Label[1].GetName() != "b" || l.Gauge.GetValue() != -1 {
		t.Errorf("the labels are %v", l)
	}
	h := f["h"].Metric[0].Histogram
	if h.GetSampleCount() != 4 || h.GetSampleSum() != took.sum.Seconds() || len(h.Bucket) != len(tookBounds)+1 {
		t.Fatalf("the histogram is %v", h)
	}
	for i, b := range h.Bucket {
		want := uint64(3)
		switch i {
		case 0: // its bound is within
			want = 2
		case len(tookBounds):
			want = 4
		}
		if b.GetCumulativeCount() != want {
			t.Errorf("%d samples up to %v, want %d", b.GetCumulativeCount(), b.GetUpperBound(), want)
		}
	}
}
