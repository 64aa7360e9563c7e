//go:build cloud

package cloud_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"confab/shared/testenv"

	"golang.org/x/sys/unix"
)

// lambdaImage is what SAM starts functions in. It needs a shell and little else,
// for SAM brings AWS's emulator of Lambda along.
const lambdaImage = "public.ecr.aws/lambda/provided:al2023-x86_64"

// An engine is a Docker daemon that has never run before.
type engine struct {
	dir    string
	name   string // of its network namespace
	daemon *exec.Cmd
	log    bytes.Buffer
}

func (e *engine) namespace() string { return "/run/netns/" + e.name }
func (e *engine) socket() string    { return "unix://" + filepath.Join(e.dir, "docker.sock") }

func startEngine() (*engine, error) {
	dir, err := os.MkdirTemp("", "confab-cloud")
	if err != nil {
		return nil, err
	}
	e := &engine{dir: dir, name: filepath.Base(dir)}
	for _, args := range [][]string{
		{"ip", "netns", "add", e.name},
		{"ip", "-n", e.name, "link", "set", "lo", "up"},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out), e.stop())
		}
	}
	e.daemon = exec.Command("nsenter", "--net="+e.namespace(), "dockerd", "--data-root", filepath.Join(dir, "data"),
		"--exec-root", filepath.Join(dir, "exec"), "--pidfile", filepath.Join(dir, "pid"), "--host", e.socket())
	e.daemon.Stdout, e.daemon.Stderr = &e.log, &e.log
	if err := e.daemon.Start(); err != nil {
		return nil, errors.Join(err, e.stop())
	}
	if !testenv.Holds(time.Minute, func() bool { return e.docker(nil, "version") == nil }) {
		return nil, errors.Join(fmt.Errorf("dockerd does not start: %s", &e.log), e.stop())
	}
	if err := e.importLambda(); err != nil {
		return nil, errors.Join(err, e.stop())
	}
	return e, nil
}

func (e *engine) docker(in io.Reader, args ...string) error {
	cmd := exec.Command("docker", args...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+e.socket())
	cmd.Stdin = in
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("docker %s: %w: %s", args[0], err, out)
	}
	return nil
}

// importLambda makes AWS's base image of what it has to have: a few programs of
// busybox, and the folders that SAM mounts into.
func (e *engine) importLambda() error {
	root := filepath.Join(e.dir, "lambda")
	for _, folder := range []string{"bin", "var/task", "var/runtime", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
			return err
		}
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	if out, err := exec.Command("cp", busybox, filepath.Join(root, "bin/busybox")).CombinedOutput(); err != nil {
		return fmt.Errorf("cp: %w: %s", err, out)
	}
	for _, program := range []string{"sh", "mv", "chmod", "ls"} {
		if err := os.Symlink("busybox", filepath.Join(root, "bin", program)); err != nil {
			return err
		}
	}
	return e.importFolder(root, lambdaImage, "ENV PATH=/bin")
}

// importFolder makes an image of a folder.
func (e *engine) importFolder(root, image string, changes ...string) error {
	tar := exec.Command("tar", "-C", root, "-c", ".")
	out, err := tar.StdoutPipe()
	if err != nil {
		return err
	}
	if err := tar.Start(); err != nil {
		return err
	}
	args := []string{"import"}
	for _, change := range changes {
		args = append(args, "-c", change)
	}
	return errors.Join(e.docker(out, append(args, "-", image)...), tar.Wait())
}

// stop ends the daemon and takes away all that it made.
func (e *engine) stop() error {
	if e.daemon != nil && e.daemon.Process != nil {
		_ = e.daemon.Process.Signal(unix.SIGTERM)
		_ = e.daemon.Wait()
	}
	_ = exec.Command("ip", "netns", "del", e.name).Run()
	_ = unix.Unmount(filepath.Join(e.dir, "exec/netns/default"), unix.MNT_DETACH)
	return os.RemoveAll(e.dir)
}

// forward gives a port of the namespace's loopback an address out here.
func (e *engine) forward(tb testing.TB, port string) (addr string) {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { ln.Close() })
	go func() {
		for {
			outside, err := ln.Accept()
			if err != nil {
				return
			}
			go e.join(outside, net.JoinHostPort("127.0.0.1", port))
		}
	}()
	return ln.Addr().String()
}

func (e *engine) join(outside net.Conn, addr string) {
	defer outside.Close()
	inside, err := e.dial(addr)
	if err != nil {
		return
	}
	defer inside.Close()
	go func() {
		_, _ = io.Copy(inside, outside)
		inside.Close()
	}()
	_, _ = io.Copy(outside, inside)
}

// dial connects inside the namespace: a socket belongs to that of the thread
// that makes it. The thread is not used again.
func (e *engine) dial(addr string) (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		var ns *os.File
		if ns, err = os.Open(e.namespace()); err != nil {
			return
		}
		defer ns.Close()
		if err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err == nil {
			conn, err = (&net.Dialer{Timeout: 10 * time.Second}).DialContext(context.Background(), "tcp4", addr)
		}
	}()
	<-done
	return conn, err
}
