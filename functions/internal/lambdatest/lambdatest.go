// Package lambdatest stands in for Lambda in tests: it runs a built function as
// a process that speaks the Runtime API of AWS's documentation (2018-06-01:
// next, response with streaming and trailers, error, init/error), behind front
// doors that a plain http.Client can call.
package lambdatest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"confab/shared/testenv"
)

// streamed is the type of an answer that begins with a prelude.
const streamed = "application/vnd.awslambda.http-integration-response"

// A Function has as many execution environments as it was ever called at once.
type Function struct {
	Bootstrap string
	Env       []string
	Timeout   time.Duration // one that takes longer is killed

	tb   testing.TB
	mu   sync.Mutex // guards what follows
	most int
	all  []*Environment
	free []*Environment
}

// New is a function of which nothing runs yet.
func New(tb testing.TB, bootstrap string, timeout time.Duration, env ...string) *Function {
	return &Function{Bootstrap: bootstrap, Env: env, Timeout: timeout, tb: tb}
}

// Reserve lets n environments be at work at once from now on, its reserved
// concurrency. 0: as many as are asked for, less: none.
func (f *Function) Reserve(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.most = n
}

// Take returns a free environment, or a new one, or nil when the reserved
// concurrency is used up.
func (f *Function) Take() *Environment {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = slices.DeleteFunc(f.all, (*Environment).gone)
	f.free = slices.DeleteFunc(f.free, (*Environment).gone)
	n := len(f.free)
	if f.most < 0 || f.most > 0 && len(f.all)-n >= f.most {
		return nil
	}
	if n > 0 {
		e := f.free[n-1]
		f.free = f.free[:n-1]
		return e
	}
	e := start(f.tb, f.Bootstrap, f.put, f.Env...)
	e.Timeout = f.Timeout
	f.all = append(f.all, e)
	return e
}

// Kill ends all environments, whatever they are doing.
func (f *Function) Kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.all {
		e.Kill()
	}
}

func (f *Function) put(e *Environment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.free = append(f.free, e)
}

// An Environment is an execution environment: a process that takes one
// invocation at a time, and is frozen in between.
type Environment struct {
	Timeout time.Duration // of the function: it is killed when an invocation takes longer

	done   func(*Environment) // called when an invocation is complete; may be nil
	cmd    *exec.Cmd
	output testenv.Output
	work   chan *Invocation
	exited chan struct{}
	ready  chan struct{} // closed when the process first asks for work

	mu  sync.Mutex
	now *Invocation
}

// Start starts a bootstrap with an environment of the given variables and those
// that Lambda sets. It is killed when the test ends.
func Start(tb testing.TB, bootstrap string, env ...string) *Environment {
	tb.Helper()
	return start(tb, bootstrap, nil, env...)
}

func start(tb testing.TB, bootstrap string, done func(*Environment), env ...string) *Environment {
	e := &Environment{
		Timeout: time.Minute, done: done, work: make(chan *Invocation),
		exited: make(chan struct{}), ready: make(chan struct{}),
	}
	e.cmd = exec.Command(bootstrap)
	api := httptest.NewServer(e.runtimeAPI())
	e.cmd.Dir = filepath.Dir(bootstrap)
	e.cmd.Env = append([]string{
		"_HANDLER=bootstrap", "LAMBDA_TASK_ROOT=" + e.cmd.Dir, "TZ=:UTC", "AWS_REGION=us-east-1",
		"AWS_LAMBDA_RUNTIME_API=" + api.Listener.Addr().String(),
		"AWS_LAMBDA_FUNCTION_NAME=test", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
	}, env...)
	e.cmd.Stdout, e.cmd.Stderr = &e.output, &e.output
	e.mu.Lock()
	err := e.cmd.Start()
	e.mu.Unlock()
	if err != nil {
		tb.Fatal(err)
	}
	go func() {
		e.cmd.Wait()
		e.mu.Lock()
		e.finish("exit")
		e.mu.Unlock()
		close(e.exited)
	}()
	tb.Cleanup(func() {
		e.Kill()
		<-e.exited
		api.CloseClientConnections()
		api.Close()
		if tb.Failed() {
			tb.Logf("output of %s:\n%s", filepath.Base(e.cmd.Dir), e.Output())
		}
	})
	return e
}

func (e *Environment) signal(sig os.Signal) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cmd.Process.Signal(sig)
}

// Kill ends the process as Lambda ends one that ran out of memory.
func (e *Environment) Kill() { e.cmd.Process.Kill() }

// Output is what the process has logged.
func (e *Environment) Output() string { return e.output.String() }

func (e *Environment) gone() bool {
	select {
	case <-e.exited:
		return true
	default:
		return false
	}
}

// Exited is closed when the process has ended.
func (e *Environment) Exited() <-chan struct{} { return e.exited }

// Ready is closed when the process first asked for work: its init is over.
func (e *Environment) Ready() <-chan struct{} { return e.ready }

// An Invocation is one event given to an environment.
type Invocation struct {
	id       string
	event    []byte
	deadline time.Time
	answer   chan answer // gets one, unless the function fails or exits
	over     chan struct{}
	how      string // it ended, once over is closed
}

type answer struct {
	kind string // its Content-Type
	body io.ReadCloser
}

// Over is closed when the function has asked for its next event, or is no more:
// until then it is paid for.
func (i *Invocation) Over() <-chan struct{} { return i.over }

// End waits for the end and says what it was: "complete", "exit", "timeout",
// "error" or "error: " and what the trailer says.
func (i *Invocation) End() string {
	<-i.over
	return i.how
}

// discard drops the answer of a client that has left.
func (i *Invocation) discard() {
	select {
	case a := <-i.answer:
		a.body.Close()
	case <-i.over:
	}
}

// Invoke gives the environment an event, once it is free.
func (e *Environment) Invoke(ctx context.Context, event []byte) (*Invocation, error) {
	i := &Invocation{id: rand.Text(), event: event, answer: make(chan answer, 1), over: make(chan struct{})}
	select {
	case e.work <- i:
		return i, nil
	case <-e.exited:
		return nil, fmt.Errorf("the function has exited: %s", e.Output())
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// patient writes on when its reader has left: a function is never told.
type patient struct {
	w    io.Writer
	gone bool
}

func (p *patient) Write(b []byte) (int, error) {
	if !p.gone {
		_, err := p.w.Write(b)
		p.gone = err != nil
	}
	return len(b), nil
}
