package web

import (
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// The headers in which proxies say who sent a request and by which scheme it
// came.
const (
	forwardedFor   = "X-Forwarded-For"
	forwardedProto = "X-Forwarded-Proto"
	forwarded      = "Forwarded" // RFC 7239
)

// network is what a client is counted by: its IPv4 address, or the /64 of its
// IPv6 address, because one subscriber has all addresses of that.
func (s *Server) network(r *http.Request) string {
	addr := s.client(r)
	if addr.Is6() {
		return netip.PrefixFrom(addr, 64).Masked().String()
	}
	return addr.String()
}

// client is the address that a request came from, as far as our proxies vouch
// for it.
//
// A proxy adds to X-Forwarded-For or to Forwarded and passes on the other as its
// client sent it. Where both are there and do not agree, neither is believed.
func (s *Server) client(r *http.Request) netip.Addr {
	peer := remote(r)
	each, list := r.Header.Values(forwardedFor), r.Header.Values(forwarded)
	if len(each) == 0 && len(list) == 0 {
		return peer
	}
	if !s.proxied(r) {
		s.warnOfProxy(r)
		return peer
	}
	byEach, byList := s.firstStranger(peer, forHops(each)), s.firstStranger(peer, forwardedHops(list))
	switch {
	case len(list) == 0 || byEach == byList:
		return byEach
	case len(each) == 0:
		return byList
	}
	return peer
}

// warnOfProxy logs once that an unknown proxy may be in front of the server:
// all who come through it are then counted as one.
func (s *Server) warnOfProxy(r *http.Request) {
	peer, ok := s.unknownPeer(r)
	if !ok {
		return
	}
	s.unknownProxy.Do(func() {
		s.log.Warn("a peer that is not trusted sends X-Forwarded-For: if it is a proxy of yours, name its address in TRUSTED_PROXIES, or all of its clients share the limits of one address", "peer", peer)
	})
}

// unknownPeer is the other end of the connection, if it says that it forwards
// for somebody else, and is not trusted. A gateway that names the peer as the
// last hop is not the peer, as a function's is.
func (s *Server) unknownPeer(r *http.Request) (peer netip.Addr, ok bool) {
	peer = remote(r)
	hops := forHops(r.Header.Values(forwardedFor))
	if s.proxied(r) || len(hops) == 0 && r.Header.Get(forwarded) == "" {
		return peer, false
	}
	if len(hops) > 0 {
		last, _ := parseHop(hops[len(hops)-1])
		return peer, last != peer
	}
	return peer, true
}

// firstStranger is the address nearest to us that is no proxy of ours. Each
// proxy adds to the right the address that it was asked from, so the hops are
// read from there, for as long as the address that vouches is one of ours. A
// hop that is no address ends it: the proxy that sent it is all that is known.
func (s *Server) firstStranger(peer netip.Addr, hops []string) netip.Addr {
	addr := peer
	for _, hop := range slices.Backward(hops) {
		if addr != peer && !s.trusts(addr) {
			break
		}
		before, ok := parseHop(hop)
		if !ok {
			break
		}
		addr = before
	}
	return addr
}

// forHops are the elements of X-Forwarded-For, the nearest to us last.
func forHops(values []string) []string {
	if len(values) == 0 {
		return nil
	}
	return strings.Split(strings.Join(values, ","), ",")
}

// forwardedHops are the addresses of Forwarded, the nearest to us last. An
// element without one is an empty hop.
func forwardedHops(values []string) (hops []string) {
	if len(values) == 0 {
		return nil
	}
	for element := range splitQuoted(strings.Join(values, ","), ',') {
		hops = append(hops, parameter(element, "for"))
	}
	return hops
}

// parameter is the value of a parameter of an element of Forwarded, or "".
func parameter(element, name string) string {
	for pair := range splitQuoted(element, ';') {
		if key, value, ok := strings.Cut(pair, "="); ok && strings.EqualFold(strings.TrimSpace(key), name) {
			return value
		}
	}
	return ""
}

// splitQuoted yields the parts of s between separators that stand outside of
// quotation marks. No address holds an escaped character, so an escape is not
// looked for.
func splitQuoted(s string, separator byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start, quoted := 0, false
		for i := range len(s) {
			switch {
			case s[i] == '"':
				quoted = !quoted
			case s[i] == separator && !quoted:
				if !yield(s[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(s[start:])
	}
}

// parseHop reads the address of a hop in the forms that proxies send: IPv4 or
// IPv6, with or without a port, brackets or quotation marks.
func parseHop(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if unquoted, ok := strings.CutPrefix(s, `"`); ok {
		if s, ok = strings.CutSuffix(unquoted, `"`); !ok {
			return netip.Addr{}, false
		}
	}
	host := s
	if strings.HasPrefix(s, "[") || strings.Count(s, ":") == 1 {
		var ok bool
		if host, ok = cutPort(s); !ok {
			return netip.Addr{}, false
		}
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || strings.HasPrefix(s, "[") && !addr.Is6() {
		return netip.Addr{}, false
	}
	return addr.Unmap().WithZone(""), true
}

// cutPort is the host of "host:port", "[host]:port" or "[host]".
func cutPort(s string) (host string, ok bool) {
	if bracketed, ok := strings.CutPrefix(s, "["); ok {
		host, s, ok = strings.Cut(bracketed, "]")
		if !ok || s == "" {
			return host, ok
		}
	}
	before, port, ok := strings.Cut(s, ":")
	_, err := strconv.ParseUint(port, 10, 16)
	return host + before, ok && err == nil && (host == "" || before == "")
}

// secure reports whether the browser talks to us over TLS.
func (s *Server) secure(r *http.Request) bool {
	if strings.HasPrefix(s.cfg.Origin, "https://") || r.TLS != nil {
		return true
	}
	// The first is the one nearest to the browser. A browser that makes it up
	// gets a cookie that it cannot send back.
	proto, _, _ := strings.Cut(r.Header.Get(forwardedProto), ",")
	if proto == "" {
		first, _, _ := strings.Cut(r.Header.Get(forwarded), ",")
		proto = strings.Trim(parameter(first, "proto"), `"`)
	}
	return strings.EqualFold(strings.TrimSpace(proto), "https") && s.proxied(r)
}

// proxied reports whether a request was sent by one of our proxies: from its
// address, or with the secret that all of them share.
func (s *Server) proxied(r *http.Request) bool {
	said := []byte(r.Header.Get(proxySecret))
	return s.trusts(remote(r)) || s.cfg.ProxySecret != "" && subtle.ConstantTimeCompare(said, []byte(s.cfg.ProxySecret)) == 1
}

func (s *Server) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(s.cfg.Proxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// remote is the other end of the connection. Some runtimes give it without a
// port.
func remote(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, _ := netip.ParseAddr(host)
	return addr.Unmap().WithZone("")
}
