// Package public reaches servers on the public internet, and nothing else: whoever runs a server chooses the addresses that its name stands for
// and those that it redirects to, and must not choose one inside the network that Slipway runs in.
package public

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"time"

	"code.dny.dev/ssrf"
)

// ErrAddress is behind the error of a connection to an address that is private, loopback, link-local or reserved otherwise (IANA's
// special-purpose address registries).
var ErrAddress = ssrf.ErrProhibitedIP

// Bounds of one request. The time for the whole answer is the caller's to bound.
const (
	dialWithin   = 10 * time.Second
	tlsWithin    = 10 * time.Second
	headerWithin = 30 * time.Second
	maxHeader    = 64 << 10
)

// Transport returns a transport that connects to public addresses only, and to those in allowed. The address is checked when it is dialled,
// so that a name which comes to stand for another address is no way around. Only https is spoken. No proxy is used: it would choose the
// address itself.
func Transport(allowed ...netip.Prefix) *Secure {
	options := []ssrf.Option{ssrf.WithAnyPort()}
	for _, p := range allowed {
		if p.Addr().Is4() {
			options = append(options, ssrf.WithAllowedV4Prefixes(p))
		} else {
			options = append(options, ssrf.WithAllowedV6Prefixes(p))
		}
	}
	dialer := &net.Dialer{Timeout: dialWithin, Control: ssrf.New(options...).Safe}
	return &Secure{http.Transport{
		DialContext: dialer.DialContext, ForceAttemptHTTP2: true, DisableCompression: true,
		TLSHandshakeTimeout: tlsWithin, ResponseHeaderTimeout: headerWithin, MaxResponseHeaderBytes: maxHeader,
		MaxConnsPerHost: 4, IdleConnTimeout: time.Minute,
	}}
}

// ErrScheme says that an address is not one of https.
var ErrScheme = errors.New("only https is spoken with servers that others run")

// Secure is a transport that refuses what is not https.
type Secure struct{ http.Transport }

// RoundTrip implements [http.RoundTripper].
func (s *Secure) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, ErrScheme
	}
	return s.Transport.RoundTrip(r)
}
