package inspect

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/slipway-dev/slipway/internal/public"
)

// maxPage is how much of an answer that is no message is looked at, in bytes.
const maxPage = 64 << 10

// witness is the way to a server that somebody else runs. It keeps all requests at the server's own origin, and remembers how the server refused or
// failed, which the SDK's errors do not tell.
type witness struct {
	base     http.RoundTripper
	endpoint *url.URL

	mu      sync.Mutex
	astray  *Failure    // the server sent the client away
	broken  error       // why the last request got no answer
	refusal http.Header // of the last answer with 401 or 403
	status  int         // of that answer
	page    *page       // the last answer, if it was no message
	moved   string      // where a redirect within the origin led
}

// RoundTrip implements [http.RoundTripper].
func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) {
	if !sameOrigin(r.URL, w.endpoint) {
		f := failf(Redirected, "", "The server sends its clients to %s, which is another place than the entry's. If that is where the server lives now, "+
			"and its publisher says so, change remote.url.", excerpt(r.URL.Redacted(), 200))
		w.note(func() { w.astray = f })
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, f
	}
	if r.Response != nil {
		w.note(func() { w.moved = r.URL.Redacted() })
	}
	resp, err := w.base.RoundTrip(r)
	if err != nil {
		w.note(func() { w.broken = err })
		return nil, err
	}
	if r.Method != http.MethodDelete {
		err = w.look(resp)
	}
	return resp, err
}

// look remembers what an answer says beside messages.
func (w *witness) look(resp *http.Response) error {
	refused := resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden
	var found *page
	if mediaType(resp) != "text/event-stream" || resp.StatusCode/100 != 2 {
		head, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
		if err != nil {
			return errors.Join(err, resp.Body.Close())
		}
		resp.Body = &rest{io.MultiReader(bytes.NewReader(head), resp.Body), resp.Body}
		if resp.StatusCode != http.StatusAccepted && !claims(head) {
			found = &page{status: resp.StatusCode, kind: mediaType(resp), location: resp.Header.Get("Location"), text: head}
		}
	}
	w.note(func() {
		w.broken, w.page = nil, found
		if w.refusal = nil; refused {
			w.refusal, w.status = resp.Header, resp.StatusCode
		}
	})
	return nil
}

// rest is a body of which the beginning was read already.
type rest struct {
	io.Reader
	io.Closer
}

func (w *witness) note(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// refusal is an answer that asks for authentication.
type refusal struct {
	status int
	header http.Header
}

// refused returns the last answer, if it asked for authentication and the server did not send the client away.
func (w *witness) refused() *refusal {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refusal == nil || w.astray != nil {
		return nil
	}
	return &refusal{w.status, w.refusal}
}

// redirect returns where the server redirects to within its own origin; empty if nowhere.
func (w *witness) redirect() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.moved
}

// blame finds the reason behind an error of the session: how the server answered explains more than that no session came of it.
func (w *witness) blame(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var failure *Failure
	if !errors.As(err, &failure) {
		return err
	}
	if w.astray != nil {
		return w.astray
	}
	switch failure.Reason {
	case ProtocolError, Died, InvalidJSON:
		if w.broken != nil {
			return unreached(w.broken, w.endpoint)
		}
		if w.page != nil {
			return w.page.verdict()
		}
	default: // the transcript knows best
	}
	return err
}

// sameOrigin compares scheme, host and port.
func sameOrigin(a, b *url.URL) bool { return a.Scheme == b.Scheme && authority(a) == authority(b) }

// authority is host and port, the port also where it is the scheme's own.
func authority(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// unreached says why a request got no answer.
func unreached(err error, endpoint *url.URL) *Failure {
	host := endpoint.Hostname()
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case errors.Is(err, public.ErrAddress):
		return failf(PrivateAddress, "", "The name %s stands for an address that is not on the public internet (%v); no such server is asked.", host, cause(err))
	case errors.As(err, &name) && name.IsNotFound:
		return failf(DeadHost, "", "The name %s stands for no address: the server is gone, or remote.url is wrong.", host)
	case errors.As(err, &name):
		return failf(Unreachable, "", "The name %s could not be looked up (%v). Try again later; if it stays so, the server is gone.", host, name)
	case errors.As(err, &certificate), strings.Contains(err.Error(), "tls: "): // most errors of crypto/tls have no type
		return failf(TLS, "", "The server's TLS cannot be trusted (%v): clients refuse it too. Ask its operator to mend that.", cause(err))
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return failf(Unreachable, "", "The server %s did not answer in time. Try again later; if it stays so, the server is gone.", host)
	default:
		return failf(Unreachable, "", "The server %s cannot be reached (%v). Try again later; if it stays so, the server is gone.", host, cause(err))
	}
}

// cause is an error's text of readable length.
func cause(err error) string { return excerpt(fmt.Sprint(err), 300) }
