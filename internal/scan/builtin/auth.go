package builtin

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/observation"
	"github.com/slipway-dev/slipway/internal/scan"
)

// checkEntry compares what a server that somebody else runs says of authentication and transport with what its entry promises.
func checkEntry(e entry.Entry, o observation.Observation, add adder) {
	if e.Remote == nil {
		return
	}
	if e.Transport != nil && e.Transport.Type == entry.SSE {
		add(place{target: "transport", line: 1}, finding.Finding{
			Rule: "deprecated-transport", Severity: finding.Low,
			Message: "The server is reached over HTTP+SSE, which newer clients no longer speak.",
		})
	}
	if o.Auth == nil {
		return
	}
	at := place{target: "auth", pointer: "/auth", line: 1}
	if e.Remote.OAuth == nil && len(e.Remote.Headers) == 0 {
		add(at, finding.Finding{
			Rule: "undeclared-authentication", Severity: finding.High,
			Message: "The server wants authentication, and the entry names neither a header nor OAuth.",
		})
	}
	if promised := e.Remote.OAuth; promised != nil && promised.Issuer != "" && len(o.Auth.Servers) > 0 && !slices.Contains(issuers(o.Auth), promised.Issuer) {
		add(at, finding.Finding{
			Rule: "undeclared-authentication", Severity: finding.High,
			Message:  "The server sends its users to another authorization server than the entry names.",
			Evidence: fmt.Sprintf("entry %s, server %s", scan.Printable(promised.Issuer, 200), scan.Printable(issuers(o.Auth)[0], 200)),
		})
	}
}

// checkAuthChange compares what the server says of authentication with what was reviewed.
func checkAuthChange(before, now *observation.Auth, add adder) {
	changed := func(severity finding.Severity, message, evidence string) {
		add(place{target: "auth", pointer: "", line: 1}, finding.Finding{Rule: "changed-authentication", Severity: severity, Message: message, Evidence: evidence})
	}
	switch {
	case before == nil && now == nil:
	case before == nil:
		changed(finding.High, "The server was open when it was reviewed and wants authentication now: what it offers can no longer be seen.", "")
	case now == nil:
		changed(finding.Medium, "The server wanted authentication when it was reviewed and is open now.", "")
	default:
		if was, is := asJSON(loginPlaces(before)), asJSON(loginPlaces(now)); was != is {
			changed(finding.High, "The server's users are sent to another place to log in than when it was reviewed.", difference(was, is))
		} else if was, is := asJSON(before), asJSON(now); was != is {
			changed(finding.Medium, "What a client must know before it asks for a token is not what was reviewed.", difference(was, is))
		}
	}
}

// loginPlaces is all that says where users and clients hand over what is secret.
func loginPlaces(a *observation.Auth) [][]string {
	places := [][]string{{a.Resource}}
	for _, s := range a.Servers {
		places = append(places, []string{s.Issuer, s.AuthorizationEndpoint, s.TokenEndpoint, s.RegistrationEndpoint})
	}
	return places
}

func issuers(a *observation.Auth) []string {
	all := make([]string, len(a.Servers))
	for k, s := range a.Servers {
		all[k] = s.Issuer
	}
	return all
}

// asJSON writes strings and lists of them, which cannot fail.
func asJSON(value any) string {
	data, _ := json.Marshal(value)
	return string(data)
}
