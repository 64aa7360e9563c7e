package page_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"confab/functions/server/e2e/internal/process"
)

// What the browser keeps of a room, to show it at once the next time, forgets
// with the room.
func TestSavedLinesForgetWhatWasDeletedOrReplaced(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	bob := s.Login("bob")
	post := func(text string) string {
		code, ev, err := s.Post(bob, "lobby", text, "")
		if code != http.StatusCreated || err != nil {
			t.Fatal(code, err)
		}
		return ev.ID
	}
	change := func(method, id, text string) {
		req, _ := http.NewRequest(method, s.URL+"/r/lobby/"+id, strings.NewReader(fmt.Sprintf(`{"text":%q}`, text)))
		req.Header.Set("Content-Type", "application/json")
		res, err := bob.Do(req)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatal(res, err)
		}
		res.Body.Close()
	}
	ann := visit(t, s.URL).join("ann")
	deleted, replaced := post("token-deleted"), post("token-replaced")
	ann.sees("token-replaced")
	kept := `JSON.stringify(localStorage) + JSON.stringify(sessionStorage)`
	ann.await("that the lines are kept", `(`+kept+`).includes('token-deleted')`)
	change("DELETE", deleted, "")
	change("PATCH", replaced, "what it reads now")
	ann.sees("what it reads now (edited)")
	ann.await("that they are not", `!(`+kept+`).includes('token-')`)
	ann.reload()
	ann.sees("what it reads now (edited)")
	if text := eval[string](ann, `document.body.innerHTML + `+kept); strings.Contains(text, "token-") {
		t.Errorf("the page has it again after a reload: %.300q", text[strings.Index(text, "token-"):])
	}
}
