package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// reaches reports whether a Confab answers at the address. If not, it has said
// why.
func (d *doctor) reaches(ctx context.Context) bool {
	if path := strings.Trim(d.base.Path, "/"); path != "" {
		d.fault("address", nil, "Confab needs a host name of its own, as chat.example.org: it does not run under /%s", path)
		return false
	}
	res, err := d.get(ctx, d.stranger, "/login")
	if err != nil {
		d.unreachable(err)
		return false
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode >= 300 && res.StatusCode < 400:
		d.redirected(res)
		return false
	case res.StatusCode == http.StatusTooManyRequests:
		d.fault("server", cureLimit, "%s: the address that the server sees has used up its share; behind a proxy that is not trusted all visitors are one address", res.Status)
		return false
	case res.StatusCode == http.StatusBadGateway || res.StatusCode == http.StatusServiceUnavailable || res.StatusCode == http.StatusGatewayTimeout:
		d.fault("server", cureTarget, "%s: a proxy answers, but the server behind it does not", res.Status)
		return false
	case res.StatusCode == http.StatusNotFound:
		d.fault("server", cureTarget, "%s for /login: what answers here does not pass all paths on to Confab%s", res.Status, by(res))
		return false
	}
	var about struct {
		Guests         string
		Limits         struct{ Text int }
		Address, Proxy string
	}
	body := io.LimitReader(res.Body, 64<<10)
	if err := json.NewDecoder(body).Decode(&about); res.StatusCode != http.StatusOK || err != nil || about.Guests == "" {
		d.fault("server", cureTarget, "another server than Confab answers, with %s and %s%s", res.Status, res.Header.Get("Content-Type"), by(res))
		return false
	}
	d.maxText = about.Limits.Text
	d.fine("server", "Confab answers by %s%s", res.Proto, by(res))
	d.address(about.Address, about.Proxy, d.peer(ctx))
	return true
}

// address judges as whom the server knows the doctor, who asked at peer.
func (d *doctor) address(seen, proxy string, peer netip.Addr) {
	prefix, err := netip.ParsePrefix(seen) // of IPv6 it sees the network
	addr := prefix.Addr()
	if err != nil {
		addr, _ = netip.ParseAddr(seen)
	}
	inside := func(a netip.Addr) bool { return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() }
	switch {
	case seen == "": // an older server
	case proxy != "":
		d.note("address", cureLimit, "the server sees %s, a proxy that it does not trust: all visitors share the limits of one address", proxy)
	case inside(addr) && peer.IsValid() && !inside(peer):
		d.note("address", cureLimit, "the server sees you as %s, which may be a proxy's: all visitors then share the limits of one address", seen)
	default:
		d.fine("address", "the server sees you as %s", seen)
	}
}

// peer is the address that answers at the doctor's address, if it can be told.
func (d *doctor) peer(ctx context.Context) netip.Addr {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", d.base.Hostname())
	if err != nil || len(addrs) == 0 {
		return netip.Addr{}
	}
	return addrs[0].Unmap()
}

func by(res *http.Response) string {
	if name := res.Header.Get("Server") + res.Header.Get("Via"); name != "" {
		return " (" + name + ")"
	}
	return ""
}

// redirected reports where a redirect leads. If it leads to TLS, only the
// address has to change.
func (d *doctor) redirected(res *http.Response) {
	to, err := res.Location()
	switch {
	case err != nil:
		d.fault("server", cureTarget, "%s, to nowhere", res.Status)
	case to.Scheme == "https" && d.base.Scheme == "http" && to.Hostname() == d.base.Hostname():
		d.fault("redirect", nil, "this address leads to TLS: ask for https://%s", to.Host)
	default:
		d.fault("redirect", nil, "this address leads to %s", (&url.URL{Scheme: to.Scheme, Host: to.Host, Path: to.Path}).String())
	}
}

// unreachable says why there is no answer.
func (d *doctor) unreachable(err error) {
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		d.certificate(bad.Err)
		return
	}
	if name, ok := errors.AsType[*net.DNSError](err); ok {
		d.fault("server", nil, "nobody knows the name %s", name.Name)
		return
	}
	_, noRecord := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case noRecord || errors.Is(err, http.ErrSchemeMismatch):
		d.fault("certificate", nil, "there is no TLS at this port: ask for http://%s", d.base.Host)
	case errors.Is(err, syscall.ECONNREFUSED):
		d.fault("server", nil, "the connection is refused: nothing listens there, or a firewall says so")
	case errors.Is(err, context.DeadlineExceeded):
		d.fault("server", nil, "no answer within %v: a firewall may drop what is sent", d.patience)
	default:
		d.fault("server", nil, "no answer: %v", err)
	}
}

func (d *doctor) certificate(err error) {
	if bad, ok := errors.AsType[x509.CertificateInvalidError](err); ok && bad.Reason == x509.Expired {
		d.fault("certificate", nil, "it has expired, or is not valid yet: %v", bad)
		return
	}
	if bad, ok := errors.AsType[x509.HostnameError](err); ok {
		d.fault("certificate", nil, "it is for another name: %v", bad)
		return
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		d.fault("certificate", nil, "browsers do not know who signed it. Is the chain complete? For a private authority, say -ca file")
		return
	}
	d.fault("certificate", nil, "%v", err)
}

// get asks for JSON.
func (d *doctor) get(ctx context.Context, by *http.Client, path string) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, d.patience)
	req, err := http.NewRequestWithContext(ctx, "GET", d.origin()+path, nil)
	if err != nil {
		cancel()
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	res, err := by.Do(req)
	if err != nil {
		cancel()
		return nil, err
	}
	res.Body = bodyOf{res.Body, cancel}
	return res, nil
}

// A bodyOf frees what belongs to the request as it is closed.
type bodyOf struct {
	io.ReadCloser
	cancel func()
}

func (b bodyOf) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
