package bolt_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"confab/shared/store"
	"confab/shared/store/bolt"
)

// A deed is something that a traced process did to its file, in the order of the
// system calls.
type deed struct {
	what string // write, truncate, sync, or say: to standard output
	at   int64
	data []byte
}

// A tracer watches the system calls of all threads of a process.
type tracer struct {
	t       *testing.T
	file    string
	pending map[int]*deed // by thread: the call that it is in; an empty deed for another call
	deeds   []deed
}

// trace runs a child to its end and returns what it did to a file. Linux may
// drop what a process wrote and did not sync when the power fails; here a test
// does.
func trace(t *testing.T, file string, env ...string) []deed {
	t.Helper()
	tr := &tracer{t: t, file: file, pending: map[int]*deed{}}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // one thread traces; it ends with the goroutine
		done <- tr.run(env)
	}()
	if err := <-done; err != nil {
		t.Fatal("trace:", err)
	}
	return tr.deeds
}

func (tr *tracer) run(env []string) error {
	path, err := os.Executable()
	if err != nil {
		return err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout = null
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	pid := cmd.Process.Pid
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &ws, 0, nil); err != nil {
		return err
	}
	const exitKill = 0x100000
	if err := syscall.PtraceSetOptions(pid, syscall.PTRACE_O_TRACECLONE|syscall.PTRACE_O_TRACESYSGOOD|exitKill); err != nil {
		return err
	}
	if err := syscall.PtraceSyscall(pid, 0); err != nil {
		return err
	}
	for {
		tid, err := syscall.Wait4(-1, &ws, syscall.WALL, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return err
		case (ws.Exited() || ws.Signaled()) && tid == pid:
			return nil
		case ws.Stopped():
			_ = syscall.PtraceSyscall(tid, tr.stopped(tid, ws)) // a thread may be gone by now
		}
	}
}

// stopped looks at a thread that stopped, and returns the signal that it is to
// get.
func (tr *tracer) stopped(tid int, ws syscall.WaitStatus) (signal int) {
	switch sig := ws.StopSignal(); sig {
	case syscall.SIGTRAP | 0x80:
		tr.call(tid)
		return 0
	case syscall.SIGTRAP, syscall.SIGSTOP: // a thread begins
		return 0
	default:
		return int(sig)
	}
}

func (tr *tracer) call(tid int) {
	var regs syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(tid, &regs); err != nil {
		return
	}
	if d := tr.pending[tid]; d != nil { // it returns
		delete(tr.pending, tid)
		if d.what != "" && int64(regs.Rax) >= 0 {
			tr.deeds = append(tr.deeds, *d)
		}
		return
	}
	d := &deed{}
	tr.pending[tid] = d
	fd, buf, n, at := regs.Rdi, regs.Rsi, regs.Rdx, regs.R10
	switch regs.Orig_rax {
	case syscall.SYS_WRITE:
		if fd == 1 { // said is said when the call begins
			tr.deeds = append(tr.deeds, deed{what: "say", data: tr.memory(tid, buf, n)})
		}
	case syscall.SYS_PWRITE64:
		if tr.ours(tid, fd) {
			*d = deed{"write", int64(at), tr.memory(tid, buf, n)}
		}
	case syscall.SYS_FTRUNCATE:
		if tr.ours(tid, fd) {
			*d = deed{what: "truncate", at: int64(buf)}
		}
	case syscall.SYS_FSYNC, syscall.SYS_FDATASYNC:
		if tr.ours(tid, fd) {
			*d = deed{what: "sync"}
		}
	}
}

func (tr *tracer) ours(tid int, fd uint64) bool {
	name, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tid, fd))
	return err == nil && name == tr.file
}

func (tr *tracer) memory(tid int, at, n uint64) []byte {
	b := make([]byte, n)
	if _, err := syscall.PtracePeekData(tid, uintptr(at), b); err != nil {
		tr.t.Error("read the memory of a thread:", err)
	}
	return b
}

// apply does a deed to an image of the file.
func (d deed) apply(image []byte) []byte {
	end := int(d.at) + len(d.data)
	if len(image) < end || d.what == "truncate" {
		image = append(image, make([]byte, max(0, end-len(image)))...)[:max(end, len(image))]
	}
	copy(image[d.at:], d.data)
	return image
}

const sector = 512 // bytes that a disk writes together

// lose is the file after the power failed: what was synced is there, of the rest
// each write is there, or some of its sectors, or nothing.
func lose(base []byte, deeds []deed, rnd *rand.Rand) []byte {
	synced := 0
	for i, d := range deeds {
		if d.what == "sync" {
			synced = i
		}
	}
	image := bytes.Clone(base)
	for i, d := range deeds {
		if d.what != "write" && d.what != "truncate" {
			continue
		}
		if i < synced {
			image = d.apply(image)
			continue
		}
		if d.what == "truncate" && rnd.IntN(2) == 0 {
			image = d.apply(image)
		}
		for from := 0; from < len(d.data); from += sector {
			if rnd.IntN(2) == 0 {
				to := min(from+sector, len(d.data))
				image = deed{"write", d.at + int64(from), d.data[from:to]}.apply(image)
			}
		}
	}
	return image
}

// Whenever the power fails, all that was acknowledged is there, and the file
// opens.
func TestPowerCutLosesNoAcknowledgedLine(t *testing.T) {
	dir := must(filepath.EvalSymlinks(t.TempDir()))(t)
	_, closed := open(t, store.Options{Dir: dir})
	closed()
	file := filepath.Join(dir, "confab.db")
	base := must(os.ReadFile(file))(t)
	deeds := trace(t, file, childDir+"="+dir, childWriters+"=4", childLines+"=40")
	var said []int
	for i, d := range deeds {
		if d.what == "say" {
			said = append(said, i)
		}
	}
	if len(said) != 160 {
		t.Fatalf("the child said %d things, want 160", len(said))
	}
	seed := rand.Uint64()
	t.Logf("seed %d, %d deeds", seed, len(deeds))
	rnd := rand.New(rand.NewPCG(seed, 0))
	points := []int{said[0], said[len(said)-1], len(deeds) - 1}
	for range 60 {
		points = append(points, rnd.IntN(len(deeds)))
	}
	slices.Sort(points)
	for _, point := range points {
		all := acked{}
		for _, d := range deeds[:point+1] {
			if d.what == "say" {
				all.note(t, strings.TrimSpace(string(d.data)))
			}
		}
		after := t.TempDir()
		if err := os.WriteFile(filepath.Join(after, "confab.db"), lose(base, deeds[:point+1], rnd), 0o600); err != nil {
			t.Fatal(err)
		}
		s, closed := open(t, store.Options{Dir: after})
		all.in(t, s)
		if _, err := bolt.Verify(s); err != nil {
			t.Errorf("after deed %d: %v", point, err)
		}
		closed()
	}
}
