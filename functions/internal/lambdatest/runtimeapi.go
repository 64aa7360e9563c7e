package lambdatest

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"confab/shared/testenv"
)

func (e *Environment) runtimeAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", e.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", e.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", e.failure)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", accept)
	return mux
}

func (e *Environment) next(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	e.finish("complete") // asking for the next is what completes the current one
	e.mu.Unlock()
	select {
	case <-e.ready:
		if e.done != nil {
			e.done(e)
		}
	default:
		close(e.ready)
	}
	e.signal(testenv.Freeze) // between two invocations an environment is frozen
	select {
	case i := <-e.work:
		e.signal(testenv.Thaw)
		i.deadline = time.Now().Add(e.Timeout)
		killer := time.AfterFunc(e.Timeout, func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			if e.now == i {
				e.finish("timeout")
				e.Kill()
			}
		})
		go func() {
			<-i.over
			killer.Stop()
		}()
		e.mu.Lock()
		e.now = i
		e.mu.Unlock()
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", i.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(i.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:test")
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0")
		h.Set("Content-Type", "application/json")
		w.Write(i.event)
	case <-r.Context().Done():
	}
}

// response reads the answer to its end, whether anybody takes it or not.
func (e *Environment) response(w http.ResponseWriter, r *http.Request) {
	i := e.current(r.PathValue("id"))
	if i == nil {
		http.Error(w, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
		return
	}
	body, chunks := io.Pipe()
	i.answer <- answer{r.Header.Get("Content-Type"), body}
	_, err := io.Copy(&patient{w: chunks}, r.Body)
	if kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); kind != "" {
		err = errors.New(kind)
		e.mu.Lock()
		e.finish("error: " + kind)
		e.mu.Unlock()
	}
	chunks.CloseWithError(err)
	accept(w, r)
}

func (e *Environment) failure(w http.ResponseWriter, r *http.Request) {
	if e.current(r.PathValue("id")) == nil {
		http.Error(w, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
		return
	}
	e.mu.Lock()
	e.finish("error")
	e.mu.Unlock()
	accept(w, r)
}

func accept(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, `{"status":"OK"}`)
}

func (e *Environment) current(id string) *Invocation {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.now == nil || e.now.id != id {
		return nil
	}
	return e.now
}

// finish ends the current invocation, once. e.mu is held.
func (e *Environment) finish(how string) {
	if e.now == nil {
		return
	}
	if e.now.how == "" {
		e.now.how = how
		close(e.now.over)
	}
	if how == "complete" || how == "exit" {
		e.now = nil
	}
}
