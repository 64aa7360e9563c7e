package lambdahttp

import (
	"encoding/json"
	"net/http"
)

const (
	problemType = "application/problem+json"
	noStore     = "no-store" // CloudFront keeps an error for everybody unless it is told not to
)

// A failure is why a request got no answer from its handler.
type failure struct {
	status int
	detail string
}

func (f *failure) Error() string { return f.detail }

func (f *failure) body() []byte {
	b, _ := json.Marshal(map[string]any{
		"type": "about:blank", "title": http.StatusText(f.status), "status": f.status, "detail": f.detail,
	})
	return b
}

// answer is the failure as every front door takes it, v1 or v2.
func (f *failure) answer() any {
	return map[string]any{
		"statusCode": f.status, "headers": map[string]string{"Content-Type": problemType, "Cache-Control": noStore}, "body": string(f.body()),
	}
}

func (f *failure) write(w http.ResponseWriter) {
	clear(w.Header())
	w.Header().Set("Content-Type", problemType)
	w.Header().Set("Cache-Control", noStore)
	w.WriteHeader(f.status)
	w.Write(f.body())
}
