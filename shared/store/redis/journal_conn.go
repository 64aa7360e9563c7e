//go:build !function

package redis

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

func (j *journal) client() *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr:       "127.0.0.1:0", // nowhere, but no name: that the driver would look up
		Dialer:     func(context.Context, string, string) (net.Conn, error) { return j.dial() },
		Protocol:   2,
		MaxRetries: -1, DialerRetries: 1, PoolSize: poolSize, PoolTimeout: poolTimeout,
		ReadTimeout: replyTimeout, WriteTimeout: replyTimeout, ContextTimeoutEnabled: true,
	})
}

// dial is called by the driver, which may dial for a command that has ended.
func (j *journal) dial() (net.Conn, error) {
	j.dialing.Lock()
	defer j.dialing.Unlock()
	if j.closed {
		return nil, net.ErrClosed
	}
	conn, err := j.redis.Dial()
	if err != nil {
		return nil, err
	}
	c := &unboundedWriteConn{Conn: conn, kick: make(chan struct{}, 1), done: make(chan struct{})}
	go c.pump()
	return c, nil
}

// An unboundedWriteConn takes whatever is written at once. The built-in Redis
// is at the other end of a pipe without a buffer, reads no command while it
// answers another, and answers with everything locked: a client that wrote
// before reading, as in a long pipeline or with a new subscription, stopped it.
type unboundedWriteConn struct {
	net.Conn
	once sync.Once
	kick chan struct{} // queue is not empty
	done chan struct{} // closed by Close

	mu    sync.Mutex
	queue []byte
}

func (c *unboundedWriteConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.queue = append(c.queue, b...)
	c.mu.Unlock()
	select {
	case c.kick <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (c *unboundedWriteConn) pump() {
	for {
		select {
		case <-c.kick:
		case <-c.done:
			return
		}
		c.mu.Lock()
		b := c.queue
		c.queue = nil
		c.mu.Unlock()
		if _, err := c.Conn.Write(b); err != nil {
			c.Conn.Close() // the reader gets an error
			return
		}
	}
}

func (c *unboundedWriteConn) Close() error {
	c.once.Do(func() { close(c.done) })
	return c.Conn.Close()
}

// Deadlines are for reading: writing takes no time.
func (c *unboundedWriteConn) SetDeadline(t time.Time) error    { return c.Conn.SetReadDeadline(t) }
func (c *unboundedWriteConn) SetWriteDeadline(time.Time) error { return nil }
