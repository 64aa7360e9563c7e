package rooms_test

import (
	"testing"

	"confab/functions/server/e2e/internal/process"
	"confab/functions/server/e2e/internal/redistest"
)

// Servers without SESSION_KEYS sign with the key of the first one, which Redis
// keeps: whoever signs in at one is known at the others, also after a restart
// with another folder.
func TestServersOnOneRedisShareTheSessionKey(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	one := process.Start(t, "REDIS_URL="+redis)
	ann := one.Login("Ann")
	other := process.Start(t, "REDIS_URL="+redis)
	if code, _, err := other.Post(ann, "lobby", "known at the other", "a"); code != 201 || err != nil {
		t.Errorf("a post to the other server: %d, %v", code, err)
	}
	one.Setenv("DATA_DIR=" + t.TempDir())
	one.Kill()
	one.Restart()
	if code, _, err := one.Post(ann, "lobby", "known after a restart", "b"); code != 201 || err != nil {
		t.Errorf("a post after a restart: %d, %v", code, err)
	}
	apart := process.Start(t, "REDIS_URL="+redis, "KEY_PREFIX=apart")
	if code, _, _ := apart.Post(ann, "lobby", "known to another chat?", "c"); code != 401 {
		t.Errorf("a post to another chat on this Redis: %d", code)
	}
}
