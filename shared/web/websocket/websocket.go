// Package websocket turns requests into WebSockets. It is apart from package
// web so that a function, which cannot hold one, does not import the library.
package websocket

import (
	"context"
	"net/http"

	"confab/shared/web"

	"github.com/coder/websocket"
)

type socket struct{ conn *websocket.Conn }

// Upgrade is a [web.Upgrade].
func Upgrade(w http.ResponseWriter, r *http.Request, maxFrame int64) (web.Socket, error) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true}) // web checks the origin
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(maxFrame)
	return socket{conn}, nil
}

func (s socket) Read(ctx context.Context) ([]byte, error) {
	_, frame, err := s.conn.Read(ctx)
	return frame, err
}

func (s socket) Write(ctx context.Context, frame []byte) error {
	return s.conn.Write(ctx, websocket.MessageText, frame)
}

func (s socket) Ping(ctx context.Context) error { return s.conn.Ping(ctx) }

func (s socket) Close(status int, reason string) error {
	return s.conn.Close(websocket.StatusCode(status), reason)
}

func (s socket) CloseNow() error { return s.conn.CloseNow() }
