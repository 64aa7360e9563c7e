package account_test

import (
	"encoding/xml"
	"strings"
	"testing"

	"confab/shared/account"
)

func TestQRIsADrawingWithAQuietZone(t *testing.T) {
	svg, err := account.QR("https://chat.example.org/#transfer=" + strings.Repeat("a", 26))
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal([]byte(svg), new(struct{ XMLName xml.Name })); err != nil {
		t.Error(err)
	}
	for _, want := range []string{`viewBox="0 0 41 41"`, "M4 4h1v1h-1z", "M36 4h1v1h-1z", "M4 36h1v1h-1z"} { // three corners
		if !strings.Contains(svg, want) {
			t.Errorf("no %s in %s", want, svg[:200])
		}
	}
	if strings.Contains(svg, "M3 ") || strings.Contains(svg, " 3h1") {
		t.Error("something is drawn in the quiet zone")
	}
	if _, err := account.QR(strings.Repeat("a", 5000)); err == nil {
		t.Error("a text that no code can hold was drawn")
	}
}
