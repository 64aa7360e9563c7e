package web

import "net/http"

const worthGzip = 1 << 10 // bytes of an answer; fewer are in one packet as they are

// deliver answers with what was read, compressed for a client that takes it so.
func (s *Server) deliver(w http.ResponseWriter, r *http.Request, kind string, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", kind)
	if s.cfg.Compress != nil && len(body) >= worthGzip {
		h.Add("Vary", "Accept-Encoding")
		if gzipped(r) {
			h.Set("Content-Encoding", "gzip")
			body = s.cfg.Compress(body)
		}
	}
	_, _ = w.Write(body) // a browser that left is no error
	return nil
}
