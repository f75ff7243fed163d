package inspect

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/public"
)

// remoteWithin bounds all that is asked of a server that somebody else runs; one that answers neither handshake has had its time before.
const remoteWithin = 2 * time.Minute

// RemoteInput is which server to ask.
type RemoteInput struct {
	Entry entry.Entry // of a server that somebody else runs
	// Transport reaches the server, and those that its answers name. Nil means one that verifies TLS and connects to public addresses only,
	// see package public.
	Transport http.RoundTripper
}

// Remote asks a server that somebody else runs for all that it declares. No header of the entry is sent: what is observed is what anyone sees. A server
// that answers 401 or 403 is alive and needs authentication; the observation then has what a client must know for that, see
// [observation.Auth], and what the server said before.
//
// An error that says something about the server is a [*Failure]; any other one means that the inspection itself could not be done. The report is
// returned, as far as it goes, with a Failure too. Its times are counted from the first request.
func Remote(ctx context.Context, in RemoteInput) (*Result, error) {
	endpoint, err := url.Parse(in.Entry.Remote.URL)
	if err != nil {
		return nil, fmt.Errorf("inspect %s: remote.url: %w", in.Entry.ID(), err)
	}
	transport := in.Transport
	if transport == nil {
		guarded := public.Transport()
		defer guarded.CloseIdleConnections()
		transport = guarded
	}
	limited, cancel := context.WithTimeout(ctx, remoteWithin)
	defer cancel()
	r := &remote{entry: in.Entry, endpoint: endpoint, log: newTranscript(time.Now())}
	r.witness = &witness{base: &introduced{transport}, endpoint: endpoint}
	result, err := r.ask(limited)
	switch {
	case err == nil:
		return result, nil
	case ctx.Err() != nil:
		err = ctx.Err()
	case limited.Err() != nil:
		err = failf(Timeout, "", "The server's answers took more than %v in all.", remoteWithin)
	}
	return result, fmt.Errorf("inspect %s: %w", in.Entry.ID(), err)
}

// remote is the inspection of one server.
type remote struct {
	entry    entry.Entry
	endpoint *url.URL
	log      *transcript
	witness  *witness
}

// ask holds the session, and looks for what a client must know if the server wants authentication.
func (r *remote) ask(ctx context.Context) (*Result, error) {
	transport, which := r.transport()
	o, said, err := observe(ctx, transport, r.log, which)
	result := &Result{Observation: o, Report: Report{Era: said.era, Version: said.version, Problems: said.problems}}
	report := &result.Report
	r.log.fill(report)
	if which == initializeOnly {
		report.Problems = append(report.Problems, "HTTP+SSE is deprecated since revision 2025-03-26 of the protocol: look for the server's streamable HTTP endpoint")
	}
	if moved := r.witness.redirect(); moved != "" {
		report.Problems = append(report.Problems, fmt.Sprintf("the server redirects to %s: say so in remote.url", moved))
	}
	if err == nil {
		if err = untouched(o); err == nil {
			err = expect(r.entry, result, report)
		}
		return result, err
	}
	if ctx.Err() != nil {
		return result, ctx.Err()
	}
	refusal := r.witness.refused()
	if refusal == nil {
		return result, r.witness.blame(err)
	}
	auth, problems, err := discover(ctx, r.witness.base, r.endpoint, refusal)
	report.Problems = append(report.Problems, problems...)
	result.Observation.Auth = auth
	if result.Observation.ProtocolVersions == nil {
		result.Observation.ProtocolVersions = []string{} // none was told
	}
	return result, err
}

// transport is the one that the entry names, and the handshake that goes with it: HTTP+SSE is older than server/discover.
func (r *remote) transport() (mcp.Transport, eras) {
	old := r.entry.Transport != nil && r.entry.Transport.Type == entry.SSE
	client := &http.Client{
		Transport:     &follower{base: r.witness, log: r.log, stream: old},
		CheckRedirect: sameRequest,
	}
	if old {
		return &mcp.SSEClientTransport{Endpoint: r.endpoint.String(), HTTPClient: client, MaxEventSize: maxMessage}, initializeOnly
	}
	return streamableBy(client, r.endpoint.String()), current
}

// maxRedirects is how many redirects of one request are followed.
const maxRedirects = 3

// sameRequest follows a redirect that repeats the request (RFC 9110, sections 15.4.8 and 15.4.9), and a few of them only. Where it may lead is the
// [witness]'s to say.
func sameRequest(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects || r.Method != via[0].Method {
		return http.ErrUseLastResponse
	}
	return nil
}

// introduced says who asks.
type introduced struct{ http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (n *introduced) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", "slipway/1 (+https://github.com/slipway-dev/slipway)")
	return n.RoundTripper.RoundTrip(r)
}
