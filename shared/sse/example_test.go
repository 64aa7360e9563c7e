package sse_test

import (
	"fmt"
	"strings"
	"time"

	"confab/shared/sse"
)

func ExampleFrame_Append() {
	b := sse.AppendRetry(nil, 2*time.Second)
	b = sse.Frame{Type: "open", Data: []byte(`{"kind":"open"}`), ID: []byte("7-0")}.Append(b)
	b = sse.Frame{Type: sse.Message, Data: []byte(`{"text":"hi"}`), ID: []byte("8-0")}.Append(b)
	fmt.Print(string(b))
	// Output:
	// retry: 2000
	// event: open
	// data: {"kind":"open"}
	// id: 7-0
	//
	// data: {"text":"hi"}
	// id: 8-0
}

func ExampleScanner() {
	body := "event: open\ndata: {}\nid: 7-0\n\ndata: hi\nid: 8-0\n\ndata: this one was c"
	s := sse.NewScanner(strings.NewReader(body))
	for s.Scan() {
		fmt.Println(s.Event().Type, s.Event().Data)
	}
	fmt.Println("come back with", s.LastID())
	// Output:
	// open {}
	// message hi
	// come back with 8-0
}
