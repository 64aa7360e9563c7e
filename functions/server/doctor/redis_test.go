package doctor

import (
	"bytes"
	"errors"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"confab/shared/testenv"
)

func TestDoctorLooksAtRedis(t *testing.T) {
	addr := testenv.FreeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	var out bytes.Buffer
	if err := Redis(t.Context(), []string{"redis://:word@" + addr}, &out); !errors.Is(err, ErrUnfit) || !strings.Contains(out.String(), "no answer from "+addr) {
		t.Errorf("nobody listens: %v, %s", err, &out)
	}
	cmd := exec.Command(testenv.RedisServer(t), "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--dir", t.TempDir(), "--requirepass", "word")
	testenv.EndsWithTest(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	testenv.Await(t, "redis-server listens", 10*time.Second, func() bool {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
	out.Reset()
	t.Setenv("REDIS_URL", "redis://:word@"+addr)
	if err := Redis(t.Context(), nil, &out); err != nil || !strings.Contains(out.String(), "good for a chat") {
		t.Errorf("%v, %s", err, &out)
	}
	if strings.Contains(out.String(), "word@") || strings.Contains(out.String(), "FAULT") {
		t.Errorf("it says %s", &out)
	}
	out.Reset()
	t.Setenv("DURABILITY", "majority")
	if err := Redis(t.Context(), nil, &out); !errors.Is(err, ErrUnfit) || !strings.Contains(out.String(), "no replica follows") {
		t.Errorf("majority of one: %v, %s", err, &out)
	}
	t.Setenv("REDIS_URL", "")
	if err := Redis(t.Context(), nil, &out); !errors.Is(err, ErrUsage) {
		t.Errorf("no address: %v", err)
	}
	if err := Redis(t.Context(), []string{"http://" + addr}, &out); err == nil || errors.Is(err, ErrUnfit) {
		t.Errorf("no address of Redis: %v", err)
	}
}
