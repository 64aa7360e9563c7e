// Command use logs in, posts, reads, edits and deletes by the client that oapi-codegen made.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"use/client"
)

const room = "generated-go"

func main() {
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ok")
}

func run(ctx context.Context, url string) error {
	c, err := client.NewClientWithResponses(url)
	if err != nil {
		return err
	}
	name, yes := client.UserName("go"), true
	in, err := c.LoginWithResponse(ctx, client.LoginRequest{Name: &name, Token: &yes})
	if err != nil || in.JSON200 == nil {
		return errors.Join(errors.New("login"), err)
	}
	signed := func(_ context.Context, r *http.Request) error {
		r.Header.Set("Accept", "application/json")
		r.Header.Set("Authorization", "Bearer "+*in.JSON200.Token)
		return nil
	}
	hello, again := "hello", "hello again"
	posted, err := c.PostMessageWithResponse(ctx, room, nil, client.PostRequest{Text: &hello}, signed)
	if err != nil || posted.JSON201 == nil {
		return errors.Join(fmt.Errorf("post: %s", posted.Body), err)
	}
	id := posted.JSON201.Id
	page, err := c.ReadRoomWithResponse(ctx, room, nil, signed)
	if err != nil || page.JSON200 == nil {
		return errors.Join(errors.New("read"), err)
	}
	edited, err := c.EditMessageWithResponse(ctx, room, id, nil, client.EditRequest{Text: again}, signed)
	if err != nil || edited.JSON200 == nil || *edited.JSON200.Text != again {
		return errors.Join(errors.New("edit"), err)
	}
	deleted, err := c.DeleteMessageWithResponse(ctx, room, id, nil, signed)
	if err != nil || deleted.JSON200 == nil || *deleted.JSON200.Target != id {
		return errors.Join(errors.New("delete"), err)
	}
	gone, err := c.ReadEventWithResponse(ctx, room, id, signed)
	if err != nil || gone.StatusCode() != http.StatusNotFound {
		return errors.Join(errors.New("the message is still there"), err)
	}
	return nil
}
