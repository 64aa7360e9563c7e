// Package doctor looks at the path to a server from outside, as a browser does,
// and reports what on that path stops a chat from being live, and how to mend
// it.
//
// A check that cannot be judged because of an earlier fault is left out: a
// proxy that buffers streams is not also reported as one that drops
// Last-Event-ID.
package doctor

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"time"
)

// What a path may take, and how long the doctor looks.
const (
	defaultIdle = 65 * time.Second       // more than a CloudFront (30) or an ALB (60) lets pass by default
	patience    = 10 * time.Second       // for an answer's head
	promptly    = time.Second            // in which what was sent has to be here
	pingsEvery  = 15 * time.Second       // what the server promises,
	pingsLate   = 5 * time.Second        // and what a path may add
	postsApart  = 400 * time.Millisecond // a path that gathers less than this does no harm
	postsMade   = 3                      // with what else is written they stay under the limit of posts
)

var (
	// ErrSick says that the path has faults.
	ErrSick = errors.New("the path has faults")

	// ErrUsage is the kind of error of arguments without an address.
	ErrUsage = errors.New("usage")
)

// A doctor looks at a path to a server from outside.
//
// It signs in under a name of its own and speaks in a room of its own, where
// it takes back what it said.
type doctor struct {
	base     *url.URL
	room     string
	name     string
	idle     time.Duration // how long a silent stream is watched
	patience time.Duration
	out      io.Writer

	// browser keeps cookies and compresses; each of its requests has the
	// Origin of the page.
	browser *http.Client
	// stranger keeps none.
	stranger *http.Client

	maxText  int // characters of a line, as the server says
	token    string
	findings []finding
}

// Run is the verb: confab doctor [-idle 65s] [-room doctor] [-ca file] URL.
func Run(ctx context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("confab doctor", flag.ContinueOnError)
	fs.SetOutput(out)
	idle := fs.Duration("idle", defaultIdle, "how long to watch a silent stream")
	room := fs.String("room", "doctor", "the room to speak in")
	ca := fs.String("ca", "", "a file with the certificate of a private authority")
	fs.Usage = func() {
		fmt.Fprintln(out, "usage: confab doctor [-idle 65s] [-room doctor] [-ca file] URL\n\nProves from outside whether a path to a server lets a chat be live.")
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	u, err := url.Parse(fs.Arg(0))
	if err != nil || fs.NArg() != 1 || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		fs.Usage()
		return fmt.Errorf("%w: say one address, as https://chat.example.org", ErrUsage)
	}
	roots, err := authorities(*ca)
	if err != nil {
		return err
	}
	return newDoctor(u, *room, *idle, roots, out).run(ctx)
}

// authorities are those of the system, and that of a file.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return roots, nil
}

func newDoctor(u *url.URL, room string, idle time.Duration, roots *x509.CertPool, out io.Writer) *doctor {
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.DisableCompression = true // what comes is looked at as it comes
	tr.TLSClientConfig = &tls.Config{RootCAs: roots}
	jar, _ := cookiejar.New(nil) // only options can make it fail
	asItComes := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &doctor{
		base: u, room: room, idle: idle, patience: patience, out: out,
		name:     "doctor " + strings.ToLower(rand.Text()[:6]),
		browser:  &http.Client{Transport: tr, Jar: jar, CheckRedirect: asItComes},
		stranger: &http.Client{Transport: tr, CheckRedirect: asItComes},
	}
}

// origin is the address of the server, without a path.
func (d *doctor) origin() string { return d.base.Scheme + "://" + d.base.Host }

func (d *doctor) run(ctx context.Context) error {
	defer d.browser.CloseIdleConnections()
	fmt.Fprintf(d.out, "Looking at %s\n\n", d.origin())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !d.reaches(ctx) {
		return d.report()
	}
	d.page(ctx)
	signedIn := d.signIn(ctx)
	if signedIn {
		d.authorization(ctx)
		d.reads(ctx, "") // what a cache would keep
	}
	s := d.stream(ctx)
	var ids []string
	if signedIn {
		ids = d.posts(ctx, s)
		defer d.takeBack(context.WithoutCancel(ctx), ids)
	}
	if len(ids) > 0 {
		d.caching(ctx, ids[0])
		d.size(ctx)
		d.methods(ctx, ids[0])
	}
	w := d.socket(ctx)
	d.silence(ctx, s, w)
	return d.report()
}
