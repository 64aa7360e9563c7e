// Package process runs the server as a process, for tests: as a user starts
// it, and as a power cut ends it.
package process

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"confab/shared/testenv"
)

// A Server is a running process.
type Server struct {
	Tb  testing.TB
	env []string
	Cmd *exec.Cmd
	URL string
	Log *testenv.Output
}

// Start runs a server with these variables, on a free port unless ADDR says
// otherwise, in a data folder of its own unless DATA_DIR does.
func Start(tb testing.TB, env ...string) *Server {
	tb.Helper()
	base := []string{"PATH=" + os.Getenv("PATH"), "ADDR=127.0.0.1:0", "POSTS_PER_DAY=0", "ROOMS_PER_DAY=0", "DATA_DIR=" + tb.TempDir()} // the address is everybody's here
	s := &Server{Tb: tb, env: append(base, env...)}
	s.start()
	tb.Cleanup(s.Kill)
	return s
}

func (s *Server) start() {
	s.Tb.Helper()
	s.Log = &testenv.Output{}
	s.Cmd = exec.Command(Binary(s.Tb))
	s.Cmd.Env, s.Cmd.Stderr = s.env, s.Log
	out, err := s.Cmd.StdoutPipe()
	if err != nil {
		s.Tb.Fatal(err)
	}
	if err := s.Cmd.Start(); err != nil {
		s.Tb.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.Cmd.Wait()
		s.Tb.Fatalf("the server did not start: %s", s.Log)
	}
	if s.URL == "" { // it stays: others read it
		s.URL = strings.TrimSpace(line[strings.LastIndex(line, " ")+1:])
	}
}

// Kill ends the process as a power cut would.
func (s *Server) Kill() {
	if s.Cmd.ProcessState == nil {
		s.Cmd.Process.Kill()
		s.Cmd.Wait()
	}
}

// Stop asks it to leave, and waits.
func (s *Server) Stop() error {
	s.Cmd.Process.Signal(syscall.SIGTERM)
	return s.Cmd.Wait()
}

// Setenv changes the environment of the next process.
func (s *Server) Setenv(env ...string) { s.env = append(s.env, env...) }

// Restart starts a new process at the same address.
func (s *Server) Restart() {
	s.Tb.Helper()
	s.env = append(s.env, "ADDR="+strings.TrimPrefix(s.URL, "http://"))
	s.start()
}

// Login says a name and returns the client that carries the session.
func (s *Server) Login(name string) *http.Client {
	s.Tb.Helper()
	jar := &oneJar{}
	c := &http.Client{Jar: jar, Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.PostForm(s.URL+"/login", url.Values{"user": {name}})
	if err != nil {
		s.Tb.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther || len(jar.cookies) == 0 {
		s.Tb.Fatalf("login answered %s and set %d cookies", resp.Status, len(jar.cookies))
	}
	return c
}

// A oneJar sends its cookies to every server: several are one chat.
type oneJar struct {
	mu      sync.Mutex
	cookies []*http.Cookie
}

func (j *oneJar) SetCookies(_ *url.URL, cs []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cookies = cs
}

func (j *oneJar) Cookies(*url.URL) []*http.Cookie {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.cookies
}

// An Event as it is on the wire, as far as these tests look.
type Event struct{ Room, ID, Prev, Kind, Text, Key string }

// Post says something in a room and returns the status and the event.
func (s *Server) Post(c *http.Client, room, text, key string) (int, Event, error) {
	body, _ := json.Marshal(map[string]string{"text": text})
	req, err := http.NewRequest("POST", s.URL+"/r/"+room, bytes.NewReader(body))
	if err != nil {
		return 0, Event{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, Event{}, err
	}
	defer resp.Body.Close()
	var ev Event
	err = json.NewDecoder(resp.Body).Decode(&ev)
	return resp.StatusCode, ev, err
}

// Memory is what the process holds, in bytes.
func (s *Server) Memory() int {
	testenv.NeedLinux(s.Tb, "/proc")
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.Cmd.Process.Pid))
	f := strings.Fields(string(b))
	if len(f) < 2 {
		s.Tb.Fatalf("the server is gone: %s", s.Log)
	}
	pages, _ := strconv.Atoi(f[1])
	return pages * os.Getpagesize()
}

// Descriptors is how many the process has.
func (s *Server) Descriptors() int {
	testenv.NeedLinux(s.Tb, "/proc")
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.Cmd.Process.Pid))
	if err != nil {
		s.Tb.Fatalf("the server is gone: %v %s", err, s.Log)
	}
	return len(fds)
}

// Run runs a server that should not start, and returns what it says.
func Run(tb testing.TB, env ...string) (string, error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 15*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, Binary(tb))
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "ADDR=127.0.0.1:0", "DATA_DIR=" + tb.TempDir()}, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
