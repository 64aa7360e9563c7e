package identity_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"confab/shared/identity"
)

// A user is signed into a cookie, and read back from the request that carries
// it. To rotate keys, put the new one in front: sessions of the old one go on.
func ExampleSigner() {
	old, next := []byte("an old key of at least 32 bytes..."), []byte("a new key of at least 32 bytes....")
	before, _ := identity.New(time.Hour, old)
	ann := identity.NewUser("ann")
	cookie, _ := before.Cookie(ann, true)
	fmt.Println(cookie.Name, cookie.HttpOnly, cookie.Secure)

	after, _ := identity.New(time.Hour, next, old)
	r := httptest.NewRequest(http.MethodGet, "https://chat.example/", nil)
	r.AddCookie(cookie)
	user, err := after.User(r, true)
	fmt.Println(user == ann, err)

	_, err = after.User(httptest.NewRequest(http.MethodGet, "https://chat.example/", nil), true)
	fmt.Println(err)
	// Output:
	// __Host-session true true
	// true <nil>
	// not signed in: say your name first
}
